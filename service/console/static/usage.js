// What an enterprise used by day and by month, in tce, by carrier.
import { COLOURS, tooltip, values } from "./charts.js";
import { amount, percent } from "./figures.js";
import { title } from "./lines.js";
import { say, settings } from "./settings.js";
import { list } from "./source.js";

const DAY_MS = 86_400_000;
const STEPS = [
  { step: "1d", back: 31, title: "chart.usage_day", cut: [5, 10] },
  { step: "1mo", back: 396, title: "chart.usage_month", cut: [0, 7] },
];

/** Draw the level-1 meters of an enterprise; facilities have none of their own. */
export async function draw(charts, subject, _measure, isStill) {
  await Promise.all(STEPS.map((wanted, place) => drawOne(charts[place], place, subject, wanted, isStill)));
}

async function drawOne(chart, place, subject, wanted, isStill) {
  title(place, say(wanted.title));
  if (subject.facility) return chart.nothing(say("chart.usage_whole_only"));
  const now = Date.now();
  const parameters = { enterprise: subject.enterprise, step: wanted.step, basis: "calorific", from: iso(now - wanted.back * DAY_MS), to: iso(now) };
  try {
    const counted = signs(subject);
    const found = (await list("/usage", parameters)).filter((item) => counted.has(key(item)));
    if (!isStill()) return;
    if (!found.length) return chart.nothing(say("chart.usage_none"));
    const buckets = bucketed(found, counted, wanted.cut);
    const label = `${subject.name}, ${say(wanted.title)}`;
    const rows = [...buckets].map(([at, bucket]) => row(at, bucket)).reverse();
    chart.show(option(buckets), label, ["as_of", "usage", "completeness", "basis"].map((name) => say(`chart.${name}`)), rows);
  } catch (error) {
    chart.nothing(say("chart.failed", { why: error.message }));
  }
}

function iso(at) {
  return new Date(at).toISOString();
}

function key(item) {
  return `${item.device} ${item.quantity}`;
}

/** Return which channels count for the enterprise: +1 used, -1 passed on. */
function signs(subject) {
  const counted = new Map();
  for (const device of subject.devices.filter((item) => item.metering_level === 1)) {
    for (const { quantity, role } of device.quantities ?? []) {
      if (role === "consumption" || role === "export") counted.set(`${device.code} ${quantity}`, role === "export" ? -1 : 1);
    }
  }
  return counted;
}

function bucketed(found, counted, [from, to]) {
  const buckets = new Map();
  for (const item of found) {
    const at = new Date(new Date(item.at).getTime() + 8 * 3_600_000).toISOString().slice(from, to);
    if (!buckets.has(at)) buckets.set(at, { carriers: {}, shares: [] });
    const bucket = buckets.get(at);
    bucket.carriers[item.quantity] = (bucket.carriers[item.quantity] ?? 0) + counted.get(key(item)) * (item.tce ?? 0);
    bucket.shares.push(item.completeness);
  }
  return buckets;
}

function share(bucket) {
  return (100 * bucket.shares.reduce((sum, one) => sum + one, 0)) / bucket.shares.length;
}

function row(at, bucket) {
  const sum = Object.values(bucket.carriers).reduce((one, other) => one + other, 0);
  return [at, amount(sum, "tce"), percent(share(bucket)), say("basis.calorific")];
}

function option(buckets) {
  const carriers = [...new Set([...buckets.values()].flatMap((bucket) => Object.keys(bucket.carriers)))];
  const whole = [...buckets];
  return {
    grid: { left: 4, right: 14, top: 34, bottom: 4, containLabel: true },
    legend: { top: 0, left: 0, itemHeight: 8, textStyle: { color: COLOURS.soft, fontSize: 11 } },
    tooltip: tooltip(([given]) => describe(whole[given.dataIndex]), { trigger: "axis", axisPointer: { type: "shadow" } }),
    xAxis: { type: "category", data: [...buckets.keys()], axisTick: { show: false }, axisLabel: { color: COLOURS.soft, hideOverlap: true } },
    yAxis: values({ scale: false }),
    series: carriers.map((carrier, place) => ({
      type: "bar", stack: "carriers", name: (settings.quantities[carrier] ?? carrier), color: COLOURS.several[place % COLOURS.several.length],
      data: whole.map(([, bucket]) => bucket.carriers[carrier] ?? 0),
    })),
  };
}

function describe([at, bucket]) {
  const [, sum, complete, basis] = row(at, bucket);
  const each = Object.entries(bucket.carriers).map(([carrier, tce]) => [(settings.quantities[carrier] ?? carrier), amount(tce, "tce")]);
  return { title: at, pairs: [...each, [say("chart.usage"), sum], [say("chart.completeness"), complete], [say("chart.basis"), basis]] };
}
