// The enterprise, facility or outlet whose figures are shown, out of the chosen county.
import { chartOf } from "./charts.js";
import { draw as drawLines } from "./lines.js";
import { draw as drawUsage } from "./usage.js";
import { selected } from "./selection.js";
import { nameOf, say, settings } from "./settings.js";
import { list } from "./source.js";

const POLLUTANT_ROLE = "outlet";
const AGAIN_MS = 3_000;
const form = document.getElementById("subject");
let subjects = [];

export function show() {
  if (!form) return;
  const charts = [chartOf(document.getElementById("short")), chartOf(document.getElementById("long"))];
  const again = () => draw(charts);
  let waiting = null;
  document.addEventListener("county-chosen", () => load(again));
  document.addEventListener("alert-event", ({ detail }) => {
    if (waiting || !detail.enterprise || detail.enterprise !== chosen()?.enterprise) return;
    waiting = setTimeout(() => {
      waiting = null;
      again();
    }, AGAIN_MS);
  });
  form.addEventListener("change", again);
  load(again);
}

function chosen() {
  return subjects[Number(form.elements.subject.value)];
}

/** Fill the choice with the county's enterprises; one with a standing alert comes first. */
async function load(then) {
  const code = selected();
  const where = settings.enterprise ? { uscc: settings.enterprise } : { county: code };
  const [enterprises, alerts] = await Promise.all([
    list("/enterprises", where),
    list("/alerts", { ...where, phase: "firing", limit: 50 }).catch(() => []),
  ]);
  if (code !== selected()) return;
  subjects = enterprises.flatMap(subjectsOf);
  form.elements.subject.replaceChildren(...subjects.map((item, place) => new Option(`${item.name} · ${item.label}`, String(place))));
  const first = alerts.find((alert) => alert.enterprise);
  const place = subjects.findIndex(
    (item) => first && item.enterprise === first.enterprise && item.facility === first.facility && item.outlet === first.outlet,
  );
  form.elements.subject.value = String(Math.max(place, 0));
  then();
}

function subjectsOf(enterprise) {
  const names = nameOf({ zh: enterprise.name, en: enterprise.name_en });
  const common = { enterprise: enterprise.uscc, name: names, facility: null, outlet: null, devices: enterprise.devices };
  const quantities = new Set(
    enterprise.devices.flatMap((device) => device.quantities ?? []).filter((item) => item.role === POLLUTANT_ROLE).map((item) => item.quantity),
  );
  return [
    { ...common, label: say("chart.whole") },
    ...enterprise.facilities.map((item) => ({ ...common, facility: item.code, label: named(item) })),
    ...enterprise.outlets.flatMap((item) =>
      [...quantities].map((quantity) => ({ ...common, outlet: item.code, quantity, label: `${named(item)} · ${settings.quantities[quantity] ?? quantity}` })),
    ),
  ];
}

function named(item) {
  return `${nameOf({ zh: item.name_zh, en: item.name_en })} ${item.code}`;
}

function draw(charts) {
  const subject = chosen();
  form.querySelector(".switch").hidden = Boolean(subject?.outlet);
  const dossier = document.getElementById("dossier");
  dossier.hidden = !subject;
  if (subject) dossier.href = `/enterprises/${subject.enterprise}`;
  if (!subject) return charts.forEach((chart) => chart.nothing(say("chart.no_enterprise")));
  const measure = subject.outlet ? "outlet" : form.elements.measure.value;
  const drawing = measure === "usage" ? drawUsage : drawLines;
  return drawing(charts, subject, measure, () => subject === chosen());
}
