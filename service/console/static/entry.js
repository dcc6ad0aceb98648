// One event as a line of the feed; the template and the words are those of entries.py.
import { clock, clockAfter, monthEnded, suspected } from "./figures.js";
import { find, nameOf, say, settings } from "./settings.js";

const LATE_MS = 10 * 60_000;
const blank = document.getElementById("blank-entry");

/** Return the line of an event. */
export function line(event) {
  const item = blank.content.firstElementChild.cloneNode(true);
  const put = (name, text) => (item.querySelector(name).textContent = text);
  const digest = event.kind === "digest";
  item.id = `entry-${event.id}`;
  item.dataset.number = event.id;
  item.dataset.county = event.county;
  item.className = `entry entry-${event.kind}`;
  instant(item.querySelector(".at"), event.as_of, clock(event.as_of));
  if (new Date(event.recorded_at) - new Date(event.as_of) > LATE_MS) {
    instant(item.querySelector(".known-at"), event.recorded_at, clockAfter(event.recorded_at, event.as_of));
    item.querySelector(".known").hidden = false;
  }
  put(".kind", find(`feed.kind_${event.kind}`, ""));
  if (!digest) {
    const { text, tone } = chip(event);
    put(".chip", text);
    item.querySelector(".chip").classList.add(tone);
    put(".phase", say(`phase.${event.phase}`));
  }
  put(".place", nameOf(event.county_name));
  put(".who", who(event));
  if (event.enterprise) item.querySelector(".who").href = `/enterprises/${event.enterprise}`;
  put(".what", digest ? together(event) : nameOf({ zh: event.reason_zh, en: event.reason }));
  return item;
}

function instant(element, at, text) {
  element.dateTime = at;
  element.textContent = text;
}

function chip(event) {
  if (event.indicator === settings.outlet) {
    return { text: suspected(event), tone: "outlet" };
  }
  const text = settings.labels[event.indicator]?.[event.level] ?? event.level;
  const stage = event.indicator === settings.official ? "official" : "lead";
  return { text, tone: `${stage}-${event.level}` };
}

function who(event) {
  if (!event.enterprise) return "";
  const [enterprise, subject] = [nameOf(event.enterprise_name), nameOf(event.subject_name)];
  return !subject || subject === enterprise ? enterprise : `${enterprise} · ${subject}`;
}

function together(event) {
  const official = event.indicator === settings.official;
  return say(official ? "entry.official_digest" : "entry.digest", {
    indicator: find(`indicator.${event.indicator}`, event.indicator),
    count: event.count,
    first: clock(event.first),
    last: official ? monthEnded(event.last) : clock(event.last),
  });
}
