// The live feed: each event once, newest on top, resumed after the last one that was seen.
import { show, showLast } from "./connection.js";
import { line } from "./entry.js";
import { selected } from "./selection.js";
import { nameOf, say, settings } from "./settings.js";

const AGAIN_MS = [2_000, 5_000, 15_000, 60_000];
const SHOWN = 200;
const list = document.getElementById("entries");
const filter = document.getElementById("feed-filter");
const announcer = document.getElementById("announcer");
const received = []; // in order, for when the list is loaded anew
let last = settings.last;
let failures = 0;
let source = null;

export function follow() {
  if (!list) return;
  open();
  addEventListener("online", open);
  addEventListener("offline", () => show("offline"));
  document.addEventListener("htmx:after:swap", () => received.forEach(insert));
  document.addEventListener("county-chosen", () => {
    if (filter.scope?.checked) tell("entries-stale");
  });
}

function open() {
  source?.close();
  source = new EventSource(`/api/v1/alerts/feed?after=${last}`);
  source.addEventListener("alert", (message) => receive(JSON.parse(message.data)));
  source.onopen = () => {
    failures = 0;
    show("open");
  };
  source.onerror = () => {
    show(navigator.onLine ? "reconnecting" : "offline");
    // a refusal ends the source for good; a lost connection it resumes by itself
    if (source.readyState === EventSource.CLOSED) {
      setTimeout(open, AGAIN_MS[Math.min(failures++, AGAIN_MS.length - 1)]);
    }
  };
}

function receive(event) {
  if (event.id <= last) return;
  last = event.id;
  received.push(event);
  if (received.length > SHOWN) received.shift();
  showLast(event.recorded_at);
  const item = insert(event);
  if (item) item.classList.add("new");
  if (mode() === "standing") tell("entries-stale");
  if (event.kind === "change") announce(event);
  tell("counties-stale");
  document.dispatchEvent(new CustomEvent("alert-event", { detail: event }));
}

/** Put an event where it belongs by its id, unless it is there or filtered out. */
function insert(event) {
  const only = filter.scope?.checked ? selected() : null;
  if (mode() !== "events" || (only && only !== event.county)) return null;
  if (document.getElementById(`entry-${event.id}`)) return null;
  const item = line(event);
  const older = [...list.children].find((other) => Number(other.dataset.number) < event.id);
  list.insertBefore(item, older ?? null);
  list.querySelector(".none")?.remove();
  while (list.children.length > SHOWN) list.lastElementChild.remove();
  return item;
}

function mode() {
  return filter.elements.mode.value;
}

function announce(event) {
  announcer.textContent = say("feed.announce", {
    place: nameOf(event.county_name),
    who: nameOf(event.enterprise_name),
    what: nameOf({ zh: event.reason_zh, en: event.reason }),
  });
}

function tell(name) {
  document.dispatchEvent(new CustomEvent(name));
}
