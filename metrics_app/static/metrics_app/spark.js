// Draws a spark-line into its figure: the line, the dashed limit with its label, the tinted side.

import { tellEnds } from "./moments.js";
import { findScale, findTicks, layOut } from "./series.js";
import { formatTicks, formatValue, isSeconds } from "./units.js";

const SVG = "http://www.w3.org/2000/svg";
const RIGHT = 46; // px for the label at the right end
const LEFT = 56, BELOW = 20, LINE = 13; // px for the values and the times of a chart with axes, and for their days
const LETTER = 6.4, APART = 8; // px; of a text, and between two of them
const PAD = 3; // px so that the line's thickness stays inside

function element(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

/** The times below a chart of `width` px: of start, middle and end, or of start and end where three do not fit. */
function tellTimes({ start, end, told }, width) {
  const three = tellEnds(start, end, told);
  const [first, middle, last] = three.map((text) => Math.max(...text.split("\n").map((line) => line.length)) * LETTER);
  const fits = Math.max(first, last) + middle / 2 + APART <= width / 2;
  return fits ? three : tellEnds(start, end, told, 2);
}

/** A few round values at the left, a few times with their zone below. */
function drawAxes(group, chart, times, width, height) {
  const isDuration = isSeconds(chart.unit, chart.aggregate);
  const [low, high] = chart.scale ?? findScale(chart.values, chart.limit);
  const ticks = findTicks(low, high, 3, isDuration);
  const texts = isDuration ? formatTicks(ticks) : ticks.map((tick) => formatValue(tick));
  ticks.forEach((tick, index) => {
    const y = height - ((tick - low) / (high - low)) * height;
    group.append(element("line", { class: "ground", x1: 0, x2: width, y1: y, y2: y }));
    group.append(element("text", { class: "tick", x: -6, y: y + 4, "text-anchor": "end" }, texts[index]));
  });
  times.forEach((text, index) => {
    const share = index / (times.length - 1), anchor = share === 0 ? "start" : share === 1 ? "end" : "middle";
    text.split("\n").forEach((line, below) => {
      group.append(element("text", { class: "tick when", x: share * width, y: height + 17 + below * LINE, "text-anchor": anchor }, line));
    });
  });
}

/** The SVG of a chart (see `tiles.py`) in `width` × `height` pixels. */
export function renderSpark(chart, width, height) {
  const right = chart.limit_label ? Math.max(RIGHT, chart.limit_label.length * LETTER + APART) : 4;
  const left = chart.axes ? LEFT : 0, inner = Math.max(20, width - right - left);
  const times = chart.axes ? tellTimes(chart, inner) : [];
  const below = chart.axes ? BELOW + (times.some((text) => text.includes("\n")) ? LINE : 0) : 0;
  const tall = height - 2 * PAD - below;
  const { lines, dots, limit, band } = layOut(chart, inner, tall);
  const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true", focusable: "false" });
  const group = element("g", { transform: `translate(${left} ${PAD})` });
  if (chart.axes) drawAxes(group, chart, times, inner, tall);
  if (band) group.append(element("rect", { class: "band", x: 0, y: band[0], width: inner, height: Math.max(0, band[1]) }));
  if (!lines.length && !dots.length) group.append(element("line", { class: "ground", x1: 0, x2: inner, y1: tall - 5, y2: tall - 5 }));
  for (const path of lines) group.append(element("path", { class: "line", d: path }));
  for (const [cx, cy] of dots) group.append(element("circle", { class: "dot", cx, cy, r: 2 }));
  if (chart.mark) {
    const x = Math.max(0, ((chart.mark - chart.start) / (chart.end - chart.start)) * inner);
    group.append(element("line", { class: "mark", x1: x, x2: x, y1: 0, y2: tall }));
  }
  if (limit !== null) {
    group.append(element("line", { class: "limit", x1: 0, x2: inner, y1: limit, y2: limit }));
    const y = Math.min(Math.max(limit + 4, 9), tall + PAD);
    group.append(element("text", { x: inner + 5, y }, chart.limit_label));
  }
  svg.append(group);
  return svg;
}

// What each figure shows now; a resize draws it again.
const drawn = new WeakMap();
// As the observer told them: to measure each figure anew would lay out the page once per tile.
const known = new WeakMap();
const sizes = new ResizeObserver((entries) => {
  for (const { target, contentRect: { width, height } } of entries) {
    known.set(target, { width, height });
    if (drawn.has(target)) paint(target);
  }
});

function paint(figure) {
  const { width, height } = known.get(figure) ?? { width: 0 };
  if (!width) return;
  const svg = renderSpark(drawn.get(figure), width, height);
  const old = figure.querySelector("svg");
  if (old) old.replaceWith(svg); else figure.prepend(svg);
}

/** Shows `chart` in its figure, now and after each change of size. */
export function drawSpark(figure, chart) {
  const isObserved = drawn.has(figure);
  drawn.set(figure, chart);
  const caption = figure.querySelector("figcaption");
  if (caption && caption.textContent !== chart.sentence) caption.textContent = chart.sentence;
  if (isObserved) paint(figure); else sizes.observe(figure);
}

/** Draws every figure below `root` from the data the server wrote into it. */
export function drawAll(root = document) {
  for (const figure of root.querySelectorAll(".spark[data-chart]")) {
    drawSpark(figure, JSON.parse(figure.dataset.chart));
  }
}
