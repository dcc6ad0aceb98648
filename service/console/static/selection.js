// The chosen county: one hidden field, shown in the table, on the map and in headings.
import { settings } from "./settings.js";

const chosen = document.getElementById("chosen");
const overview = document.getElementById("counties");

export function selected() {
  return chosen.value;
}

/** Choose a county and tell whoever follows it. */
export function select(code) {
  if (!(code in settings.counties) || code === chosen.value) return;
  chosen.value = code;
  const address = new URL(location.href);
  address.searchParams.set("county", code);
  history.replaceState(history.state, "", address);
  mark();
  document.dispatchEvent(new CustomEvent("county-chosen", { detail: code }));
}

/** Show which county is chosen. */
export function mark() {
  const code = chosen.value;
  for (const item of overview?.querySelectorAll("[data-choose]") ?? []) {
    item.setAttribute("aria-pressed", String(item.dataset.choose === code));
  }
  for (const item of overview?.querySelectorAll("[data-county]") ?? []) {
    item.classList.toggle("chosen", item.dataset.county === code);
  }
  for (const item of overview?.querySelectorAll("[data-detail]") ?? []) {
    item.hidden = item.dataset.detail !== code;
  }
  for (const item of document.querySelectorAll("[data-chosen-name]")) {
    item.textContent = settings.counties[code] ?? "";
  }
  for (const link of document.querySelectorAll(".languages a")) {
    const address = new URL(link.href);
    address.searchParams.set("county", code);
    link.href = address.pathname + address.search;
  }
}
