// What the page was rendered with: language, words, labels, the last event.
export const settings = JSON.parse(document.getElementById("settings").textContent);

/** Return a text with its blanks filled. */
export function say(key, values = {}) {
  const text = settings.words[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** Return the text of a key out of an open set, such as a basis. */
export function find(key, otherwise) {
  return settings.words[key] ?? otherwise;
}

/** Return the name that belongs to the language, of {zh, en}. */
export function nameOf(names) {
  if (!names) return "";
  return (settings.language === "en" ? names.en || names.zh : names.zh) ?? "";
}
