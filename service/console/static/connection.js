// The state of the live feed in the header.
import { clock } from "./figures.js";
import { say } from "./settings.js";

const LOST_AFTER_MS = 30_000;
const element = document.getElementById("connection");
const last = document.getElementById("last-event");
let losing = null;

/** Show a state: connecting, open, reconnecting or offline. */
export function show(state) {
  clearTimeout(losing);
  if (state === "reconnecting") losing = setTimeout(() => show("offline"), LOST_AFTER_MS);
  if (element.dataset.state === state) return;
  element.dataset.state = state;
  element.querySelector(".state").textContent = say(`feed.${state}`);
}

/** Show when the last event became known. */
export function showLast(at) {
  last.dateTime = at;
  last.textContent = clock(at);
}
