// The official reduction of the chosen county by period, against the target of its year.
import { COLOURS, chartOf, hatch, tooltip, values } from "./charts.js";
import { clock, percent, period, points, rate, reduction } from "./figures.js";
import { selected } from "./selection.js";
import { find, say, settings } from "./settings.js";
import { list } from "./source.js";

const [FEWEST, MOST, WIDTH_PX] = [3, 8, 84]; // bars, and the room that the text below one needs
const figure = document.getElementById("official");

export function show() {
  if (!figure) return;
  const chart = chartOf(figure);
  const again = () => draw(chart);
  document.addEventListener("county-chosen", again);
  let fitted = fitting();
  addEventListener("resize", () => {
    if (fitting() === fitted) return;
    fitted = fitting();
    again();
  });
  document.addEventListener("alert-event", (event) => {
    if (event.detail.indicator === settings.official && event.detail.county === selected()) again();
  });
  again();
}

async function draw(chart) {
  const code = selected();
  try {
    const found = await list(`/counties/${code}/indicators`, { indicator: settings.official, stage: "official", limit: 100 });
    if (code !== selected()) return;
    const items = found.sort((one, other) => one.as_of.localeCompare(other.as_of)).slice(-fitting());
    if (!items.length) return chart.nothing(say("chart.no_official"));
    const name = settings.counties[code] ?? code;
    chart.show(option(items), `${name}: ${items.map(sentence).join("; ")}`, columns(), items.map(row).reverse());
  } catch (error) {
    chart.nothing(say("chart.failed", { why: error.message }));
  }
}

function fitting() {
  return Math.min(Math.max(Math.floor((figure.clientWidth - 40) / WIDTH_PX), FEWEST), MOST);
}

function label(item) {
  if (!item.level) return say("chart.not_rated");
  return settings.labels[item.indicator]?.[item.level] ?? item.label;
}

function sentence(item) {
  return `${period(item.period)} ${reduction(item.value)}, ${label(item)}`;
}

function columns() {
  return ["period", "rate", "target", "gap", "level", "basis", "revision"].map((key) => say(`chart.${key}`));
}

function row(item) {
  const gap = item.target === null || item.value === null ? null : item.value - item.target;
  const basis = `${say("stage.official")} · ${find(`basis.${item.basis}`, item.basis)}`;
  return [period(item.period), reduction(item.value), rate(item.target), points(gap), label(item), basis, String(item.revision)];
}

function category(item) {
  return `${period(item.period, "\n")}\n${label(item)}\n${reduction(item.value)}`;
}

function option(items) {
  const names = columns();
  return {
    grid: { left: 4, right: 16, top: 30, bottom: 4, containLabel: true },
    legend: { top: 0, right: 0, itemHeight: 10, textStyle: { color: COLOURS.soft } },
    tooltip: tooltip(([given]) => describe(items[given.dataIndex], names), { trigger: "axis", axisPointer: { type: "shadow" } }),
    xAxis: { type: "category", data: items.map(category), axisTick: { show: false }, axisLabel: { color: COLOURS.ink, interval: 0, lineHeight: 16 } },
    yAxis: values({ scale: false }),
    series: [
      {
        type: "bar", name: say("chart.rate"), barMaxWidth: 46, color: COLOURS.soft,
        data: items.map((item) => ({ value: item.value, itemStyle: { color: item.level ? COLOURS[item.level] : hatch() } })),
      },
      {
        type: "line", name: say("chart.target"), step: "middle", symbol: "rect", symbolSize: [18, 3], color: COLOURS.ink,
        lineStyle: { type: "dashed", width: 1.5 }, data: items.map((item) => item.target),
      },
    ],
  };
}

function describe(item, names) {
  const pairs = row(item).slice(1).map((text, place) => [names[place + 1], text]);
  const progress = item.inputs?.progress;
  if (progress !== null && progress !== undefined) pairs.push([say("chart.progress"), percent(100 * progress)]);
  pairs.push([say("chart.rule"), item.rule_set ?? "—"], [say("chart.as_of"), clock(item.as_of)]);
  return { title: period(item.period), pairs };
}
