// What all charts share: colours, tooltips, a table of the same figures, and words when empty.
import { say } from "./settings.js";

const echarts = window.echarts;
export const COLOURS = {
  ink: "#18222d", soft: "#4a5866", line: "#d7dde3", accent: "#17446b", base: "#8a6d1d",
  red: "#b3261e", orange: "#a8500a", yellow: "#f2c230", green: "#1d7a3f",
  several: ["#17446b", "#5b8db8", "#8a6d1d", "#6b4c9a", "#3f7d6b", "#9a5a4c"],
};

/** Return the chart of a figure element. */
export function chartOf(figure) {
  const box = figure.querySelector(".chart");
  const nothing = figure.querySelector(".nothing");
  const data = figure.querySelector(".data");
  let chart = null;
  new ResizeObserver(() => chart?.resize()).observe(box);
  return {
    show(option, label, columns, rows) {
      if (!echarts) return this.nothing(say("chart.missing"));
      box.hidden = data.hidden = false;
      nothing.hidden = true;
      box.setAttribute("aria-label", label);
      chart ??= echarts.init(box);
      chart.setOption({ ...common(), ...option }, true);
      data.querySelector(".data-table").replaceChildren(table(columns, rows));
    },
    nothing(text) {
      box.hidden = data.hidden = true;
      nothing.hidden = false;
      nothing.textContent = text;
    },
  };
}

function common() {
  const still = { animation: false };
  const fontFamily = getComputedStyle(document.body).fontFamily;
  return { ...still, textStyle: { fontFamily, fontSize: 12, color: COLOURS.soft } };
}

/** Return an axis of values. */
export function values(more = {}) {
  return {
    type: "value", scale: true,
    axisLabel: { color: COLOURS.soft }, splitLine: { lineStyle: { color: "#e8ecf0" } }, ...more,
  };
}

/** Return an axis of instants, labelled by Beijing days. */
export function days() {
  const label = (at) => new Date(at + 8 * 3_600_000).toISOString().slice(5, 10);
  return {
    type: "time", splitNumber: 5, minInterval: 86_400_000, axisLine: { lineStyle: { color: COLOURS.soft } },
    axisLabel: { formatter: label, hideOverlap: true, color: COLOURS.soft }, splitLine: { show: false },
  };
}

/** Return a tooltip that shows a title and pairs of names and texts; nothing of it is markup. */
export function tooltip(describe, more = {}) {
  return {
    confine: true, borderColor: COLOURS.line, textStyle: { color: COLOURS.ink },
    formatter(given) {
      const { title, pairs } = describe(Array.isArray(given) ? given : [given]);
      const tip = element("div", "", "tip");
      const names = element("dl");
      for (const [name, text] of pairs) names.append(element("dt", name), element("dd", text));
      tip.append(element("b", title), names);
      return tip;
    },
    ...more,
  };
}

function table(columns, rows) {
  const [whole, head, body] = [element("table"), element("tr"), document.createElement("tbody")];
  head.append(...columns.map((name) => element("th", name)));
  for (const row of rows) {
    const line = element("tr");
    line.append(...row.map((text) => element("td", text)));
    body.append(line);
  }
  const top = document.createElement("thead");
  top.append(head);
  whole.append(top, body);
  return whole;
}

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  if (text !== "") made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** Return a fill of slanted lines, for what is not rated. */
export function hatch() {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 6;
  const pen = tile.getContext("2d");
  pen.fillStyle = "#f2f4f6";
  pen.fillRect(0, 0, 6, 6);
  pen.strokeStyle = "#9aa6b2";
  pen.beginPath();
  for (const offset of [-6, 0, 6]) {
    pen.moveTo(offset, 6);
    pen.lineTo(offset + 6, 0);
  }
  pen.stroke();
  return { image: tile, repeat: "repeat" };
}
