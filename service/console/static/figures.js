// How figures, periods and instants are printed; the same as figures.py prints them.
import { say, settings, find } from "./settings.js";

const NONE = "—";
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const BEIJING_MS = 8 * 3_600_000;

/** Return an instant in Beijing time; its year too, unless it is this one. */
export function clock(at) {
  if (!at) return NONE;
  const text = beijing(at);
  return text.startsWith(beijing(new Date()).slice(0, 4)) ? text.slice(5) : text;
}

/** Return an instant in Beijing time, without its day where it is that of another. */
export function clockAfter(at, before) {
  return beijing(at).slice(0, 10) === beijing(before).slice(0, 10) ? beijing(at).slice(11) : clock(at);
}

/** Return the last month before an instant. */
export function monthEnded(at) {
  const month = beijing(new Date(at) - 86_400_000).slice(0, 7);
  return period(`${month}..${month}`);
}

function beijing(at) {
  return new Date(new Date(at).getTime() + BEIJING_MS).toISOString().slice(0, 16).replace("T", " ");
}

export function percent(value, digits = 1) {
  return value === null || value === undefined ? NONE : `${value.toFixed(digits)}%`;
}

/** Return a figure of three to five digits with its unit. */
export function amount(value, unit = "") {
  if (value === null || value === undefined) return NONE;
  const digits = Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 100 ? 1 : 2;
  const text = value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return unit ? `${text} ${unit}` : text;
}

function official(value) {
  return Math.abs(Math.round(value * 100) / 100 - value) < 5e-4 ? value.toFixed(2) : value.toFixed(3);
}

export function rate(value) {
  return value === null || value === undefined ? NONE : `${official(Math.abs(value))}%`;
}

/** Return a rate of reduction in words; a negative one is a rise. */
export function reduction(value) {
  if (value === null || value === undefined) return NONE;
  return say(value >= 0 ? "rate.fell" : "rate.rose", { rate: rate(value) });
}

export function points(value) {
  if (value === null || value === undefined) return NONE;
  return say("rate.points", { points: (value < 0 ? "−" : "+") + official(Math.abs(value)) });
}

/** Return what an outlet is suspected of, and by how much it exceeds its limit (超标倍数). */
export function suspected({ indicator, level, value, target }) {
  const text = settings.labels[indicator]?.[level] ?? say("entry.suspected");
  if (value === null || !target || value <= target) return text;
  return say("entry.suspected_times", { text, times: (value / target - 1).toFixed(2) });
}

/** Return months as people print them, with a line break for an axis. */
export function period(text, between = "") {
  const match = /^(\d{4})-(\d\d)\.\.(\d{4})-(\d\d)$/.exec(text);
  if (!match) return find(`period.${text}`, text);
  const [year, month, lastYear, lastMonth] = match.slice(1).map(Number);
  if (settings.language === "en") return english(year, month, lastYear, lastMonth, between || " ");
  if (year !== lastYear) return `${year}年${month}月–${between}${lastYear}年${lastMonth}月`;
  return `${year}年${between}${month === lastMonth ? month : `${month}–${lastMonth}`}月`;
}

function english(year, month, lastYear, lastMonth, between) {
  const [first, last] = [MONTHS[month - 1], MONTHS[lastMonth - 1]];
  if (year !== lastYear) return `${first} ${year}–${last}${between}${lastYear}`;
  return `${month === lastMonth ? first : `${first}–${last}`}${between}${year}`;
}
