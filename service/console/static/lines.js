// Figures over time against their baseline or limit, with breaches marked.
import { COLOURS, chartOf, days, tooltip, values } from "./charts.js";
import { amount, clock, percent, suspected } from "./figures.js";
import { find, say, settings } from "./settings.js";
import { list } from "./source.js";

const DAY_MS = 86_400_000;
// indicator, window, how many days back, hours after which a line is broken, most values
const SHORT = { period: "24h", back: 30, apart: 26, limit: 900 };
const LONG = { period: "30d", back: 366, apart: 50, limit: 400 };
const MEASURES = {
  intensity: [{ indicator: "intensity", ...SHORT }, { indicator: "intensity", ...LONG }],
  energy: [{ indicator: "energy", ...SHORT }, { indicator: "energy", ...LONG }],
  outlet: [
    { indicator: "hour_mean", period: "hour", back: 7, apart: 2, limit: 200 },
    { indicator: "hours_over_limit", period: "day", back: 90, apart: 26, limit: 100 },
  ],
};

/** Draw a measure of a subject; ``isStill`` tells whether it is still the one asked for. */
export async function draw(charts, subject, measure, isStill) {
  await Promise.all(MEASURES[measure].map((wanted, place) => drawOne(charts[place], place, subject, wanted, isStill)));
}

async function drawOne(chart, place, subject, wanted, isStill) {
  const key = `chart.${wanted.indicator}_${wanted.period}`;
  title(place, say(key, { unit: "" }));
  const names = { enterprise: subject.enterprise, indicator: wanted.indicator, period: wanted.period, limit: wanted.limit };
  for (const name of ["facility", "outlet", "quantity"]) if (subject[name]) names[name] = subject[name];
  try {
    const found = await list("/indicators", names);
    if (!isStill()) return;
    const since = Date.now() - wanted.back * DAY_MS;
    const items = found.filter((item) => new Date(item.as_of) >= since && item.value !== null).reverse();
    if (!items.length) return chart.nothing(say(`${key}_none`));
    title(place, say(key, { unit: ` ${items[0].unit}` }));
    const label = `${subject.name} ${subject.label}, ${say(key, { unit: "" })}: ${amount(items.at(-1).value, items.at(-1).unit)}`;
    chart.show(option(items, wanted), label, columns(), items.map(row).reverse());
  } catch (error) {
    chart.nothing(say("chart.failed", { why: error.message }));
  }
}

/** Set the title of the first or the second chart. */
export function title(place, text) {
  document.querySelectorAll("#short .title, #long .title")[place].textContent = text;
}

function option(items, { indicator, apart }) {
  const line = (name, color, pick, more) => ({
    type: "line", name, color, showSymbol: items.length < 3, symbolSize: 5, data: broken(items, pick, apart), ...more,
  });
  const against = say(indicator === settings.outlet ? "chart.limit" : "chart.baseline");
  const breaches = items.filter((item) => item.level && item.level !== "green");
  return {
    grid: { left: 4, right: 14, top: 34, bottom: 4, containLabel: true },
    legend: { top: 0, left: 0, itemHeight: 8, itemGap: 12, textStyle: { color: COLOURS.soft, fontSize: 11 } },
    tooltip: tooltip((given) => describe(items, given), { trigger: "axis" }),
    xAxis: days(),
    yAxis: values(),
    series: [
      line(say("chart.value"), COLOURS.accent, (item) => item.value, { lineStyle: { width: 1.6 } }),
      ...(items.some((item) => item.target !== null)
        ? [line(against, COLOURS.base, (item) => item.target, { lineStyle: { type: "dashed", width: 1.4 }, showSymbol: false })]
        : []),
      { type: "scatter", name: say("chart.breach"), color: COLOURS.red, symbol: "triangle", symbolSize: 8, data: breaches.map((item) => [item.as_of, item.value]) },
    ],
  };
}

/** Return points, with a hole wherever nothing was measured for longer than usual. */
function broken(items, pick, apart) {
  const points = [];
  for (const [place, item] of items.entries()) {
    const before = items[place - 1];
    if (before && new Date(item.as_of) - new Date(before.as_of) > apart * 3_600_000) points.push([before.as_of, null]);
    points.push([item.as_of, pick(item)]);
  }
  return points;
}

function columns() {
  return ["as_of", "value", "baseline", "level", "completeness", "basis", "revision"].map((key) => say(`chart.${key}`));
}

function row(item) {
  const against = item.target === null ? "—" : amount(item.target, item.unit);
  return [clock(item.as_of), amount(item.value, item.unit), against, judged(item), percent(item.completeness === null ? null : 100 * item.completeness), find(`basis.${item.basis}`, item.basis), String(item.revision)];
}

function judged(item) {
  if (!item.level) return say("chart.not_judged");
  if (item.indicator === settings.outlet && item.level !== "green") return suspected(item);
  return settings.labels[item.indicator]?.[item.level] ?? "—";
}

function describe(items, given) {
  const at = new Date(given[0].axisValue).getTime();
  const nearest = items.reduce((one, other) => (Math.abs(new Date(other.as_of) - at) < Math.abs(new Date(one.as_of) - at) ? other : one));
  const [title_, ...texts] = row(nearest);
  return { title: title_, pairs: texts.map((text, place) => [columns()[place + 1], text]) };
}
