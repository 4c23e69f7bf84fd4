// Draws the large chart: uPlot, with what happened on the time axis drawn around its line.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { FONT, calm, clampX, line, paint, toY, write } from "./canvas.js";
import { drawPoints, listHeld } from "./points.js";
import { tellTicks } from "./moments.js";
import { findScale } from "./series.js";
import { formatTicks, formatValue, isSeconds } from "./units.js";
import { isCounting, listScaled } from "./view.js";

// Steps a reader of durations expects: minutes, hours, days; never 13 h 53 min.
const MINUTE = 60, HOUR = 3600, DAY = 86400;
const DURATIONS = [
  0.1, 0.5, 1, 2, 5, 10, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 12 * HOUR, DAY, 2 * DAY, 5 * DAY, 10 * DAY, 20 * DAY, 50 * DAY, 100 * DAY, 365 * DAY, 3650 * DAY,
];

const TALL = 22; // px above the chart for the numbers of the marks
const BY_HAND = new Set(["note", "voided", "restored", "lost"]); // what is to be said of the figures, not what the project did

const isDuration = (plot) => isSeconds(plot.unit, plot.aggregate);

/** The tinted side of the limit, the shaded breaches and spans of notes and of what is voided, below everything else. */
function drawGround(u, plot, hold) {
  paint(u, (ctx, box) => {
    ctx.beginPath();
    ctx.rect(box.left, box.top, box.width, box.height);
    ctx.clip();
    if (plot.limit !== null) {
      const y = toY(u, plot.limit);
      ctx.fillStyle = calm("--band");
      if (plot.above) ctx.fillRect(box.left, box.top, box.width, Math.max(0, y - box.top));
      else ctx.fillRect(box.left, y, box.width, Math.max(0, box.top + box.height - y));
    }
    for (const breach of plot.breaches) shadeBreach(u, ctx, box, plot, breach);
    ctx.fillStyle = calm("--noted");
    for (const { at, until, kind } of plot.marks) {
      if (until && kind !== "restored" && kind !== "lost") ctx.fillRect(clampX(u, at, box), box.top, Math.max(1, clampX(u, until, box) - clampX(u, at, box)), box.height);
    }
    for (const lost of plot.losses) hatchLost(u, ctx, box, lost);
    if (hold) drawPoints(u, ctx, box, plot, hold);
  });
}

/** A span whose points were lost: hatched from top to foot, and named where there is room. */
function hatchLost(u, ctx, box, { start, end, label }) {
  const from = clampX(u, start, box), wide = Math.max(4, clampX(u, end, box) - from);
  ctx.save();
  ctx.beginPath();
  ctx.rect(from, box.top, wide, box.height);
  ctx.clip();
  ctx.strokeStyle = calm("--soft");
  ctx.lineWidth = 1;
  for (let x = from - box.height; x < from + wide; x += 7) line(ctx, x, box.top + box.height, x + box.height, box.top);
  ctx.restore();
  ctx.font = `700 12px ${FONT}`;
  ctx.fillStyle = calm("--soft");
  const text = `✕ ${label}`, room = box.left + box.width - from - 6 > ctx.measureText(text).width;
  ctx.textAlign = room ? "left" : "right";
  // At the foot, above the name of a breach: at the top are the names of limits.
  write(ctx, text, room ? from + 4 : from - 4, box.top + box.height - 28);
}

/** A span beyond a limit: shaded, hatched along its foot, and named where there is room. */
function shadeBreach(u, ctx, box, plot, { start, end }) {
  const from = clampX(u, start, box), to = end === null ? box.left + box.width : clampX(u, end, box);
  const foot = box.top + box.height;
  ctx.fillStyle = calm("--breach");
  ctx.fillRect(from, box.top, Math.max(2, to - from), box.height);
  ctx.fillStyle = calm("--limit");
  ctx.fillRect(from, foot - 4, Math.max(2, to - from), 4);
  if (to - from < 90) return;
  ctx.font = `700 12px ${FONT}`;
  ctx.textAlign = "left";
  // Not where the limit itself is drawn.
  const low = plot.limit !== null && Math.abs(toY(u, plot.limit) - (foot - 14)) < 16;
  write(ctx, "■ beyond limit", from + 6, low ? box.top + 34 : foot - 10);
}

/** Limit and recovery lines with their labels, the names of the other lines, the numbered marks. */
function drawSigns(u, plot, view) {
  paint(u, (ctx, box) => {
    ctx.font = `700 12px ${FONT}`;
    const taken = [];
    for (const { kind, value, label } of plot.lines) {
      const y = toY(u, value);
      ctx.strokeStyle = ctx.fillStyle = calm(kind === "limit" ? "--limit" : "--recovering");
      ctx.lineWidth = 1.5;
      ctx.setLineDash(kind === "limit" ? [6, 5] : [2, 4]);
      line(ctx, box.left, y, box.left + box.width, y);
      // Two lines close to each other: one name above its line, the other below.
      const below = taken.some((other) => Math.abs(other - y) < 18) || y - box.top < 16;
      taken.push(y);
      ctx.textAlign = "right";
      write(ctx, label, box.left + box.width - 4, below ? y + 14 : y - 5);
    }
    ctx.setLineDash([]);
    plot.marks.forEach((mark) => drawMark(u, ctx, box, mark));
    nameLines(u, ctx, box, plot, view);
  });
}

/** A number in a flag above the chart, and a line down from it. */
function drawMark(u, ctx, box, { at, kind, number }) {
  const x = clampX(u, at, box), colour = calm(BY_HAND.has(kind) ? "--soft" : "--accent");
  ctx.strokeStyle = ctx.fillStyle = colour;
  ctx.lineWidth = 1;
  ctx.setLineDash([2, 3]);
  line(ctx, x, box.top, x, box.top + box.height);
  ctx.setLineDash([]);
  ctx.beginPath();
  if (BY_HAND.has(kind)) ctx.rect(x - 9, box.top - 19, 18, 17); else ctx.arc(x, box.top - 10.5, 9.5, 0, 7);
  ctx.fill();
  ctx.fillStyle = calm("--card");
  ctx.textAlign = "center";
  ctx.fillText(String(number), x, box.top - 6);
}

/** The name of each further line at its last value. */
function nameLines(u, ctx, box, plot, view) {
  const named = view.percentiles && !isCounting(plot) ? [["median", plot.p50, "--median"], ["95th", plot.p95, "--high"]] : [];
  if (plot.compare) named.push([plot.compare.name, plot.compare.values, "--soft"]);
  ctx.textAlign = "left";
  for (const [name, values, colour] of named) {
    const index = values.findIndex((value) => value !== null && value !== undefined);
    if (index < 0) continue;
    ctx.fillStyle = calm(colour);
    write(ctx, name, clampX(u, plot.ts[index], box) + 4, toY(u, values[index]) - 6);
  }
}

/** Single values between gaps, which a line alone would not show. */
function findLonely(u, index) {
  const values = u.data[index];
  const known = (at) => values[at] !== null && values[at] !== undefined;
  return values.map((_, at) => at).filter((at) => known(at) && !known(at - 1) && !known(at + 1));
}

const lonely = { show: true, size: 6, filter: (u, index, isShown) => (isShown === false ? null : findLonely(u, index)) };

/** The columns uPlot draws: time, value, median, 95th percentile, the earlier day. */
function columnsOf(plot, view) {
  const none = plot.ts.map(() => null);
  const both = view.percentiles && !isCounting(plot);
  return [plot.ts.map((ts) => ts / 1000), plot.value, both ? plot.p50 : none, both ? plot.p95 : none, plot.compare?.values ?? none];
}

/** How much room an axis takes: as much as its longest text, and no less than others on the page. */
function widen(u, texts, axis) {
  const longest = (texts ?? []).reduce((a, b) => (b.length > a.length ? b : a), "");
  u.ctx.font = u.axes[axis].font[0];
  return Math.max(78, Math.ceil(u.ctx.measureText(longest).width / devicePixelRatio) + 22);
}

/** How high the axis of time is: a second line below its ticks says the day, or the year. */
const sizeTimes = (u, texts) => (texts?.some((text) => text.includes("\n")) ? 48 : 32);

function describeAxes(get, { zone, options }) {
  const base = { stroke: calm("--soft"), grid: { stroke: calm("--line"), width: 1 }, ticks: { stroke: calm("--line") }, font: `13px ${FONT}`, labelFont: `13px ${FONT}` };
  const { plot } = get();
  const writeOne = (value) => formatValue(value, plot.unit, plot.aggregate, plot.limit);
  return [
    {
      ...base, labelSize: 18, labelGap: 0, size: sizeTimes,
      label: () => `Time in ${zone(get().plot.start, get().plot.end)}`,
      values: (u, splits, _, __, step) => tellTicks(splits.map((at) => at * 1000), step, options()),
    },
    { ...base, size: widen, space: 44, ...(isDuration(plot) ? { incrs: DURATIONS } : {}), values: (u, splits) => (isDuration(plot) ? formatTicks(splits) : splits.map(writeOne)) },
  ];
}

/**
 * The chart in its figure.
 * @param {HTMLElement} figure
 * @param {object} parts
 * @param {() => {plot, view, hold}} parts.get what is shown now
 * @param {(start, end) => string} parts.zone names the reader's zone in a span (ms)
 * @param {() => object} parts.options how moments are told (see moments.js)
 * @param {(index|null) => void} parts.onPoint the crosshair moved
 * @param {(from, to) => void} parts.onZoom a span (ms) was dragged over
 */
export function makePlot(figure, { get, zone, options, onPoint, onZoom }) {
  const { width, height } = figure.getBoundingClientRect();
  const { plot, view } = get();
  const limits = { x: { range: () => [get().plot.start / 1000, get().plot.end / 1000] }, y: { range: () => findScale([...listScaled(get().plot, get().view), ...listHeld(get())]) } };
  const series = (stroke, more = {}) => ({ stroke: calm(stroke), width: 1.5, points: lonely, ...more });
  const u = new uPlot({
    width, height,
    padding: [TALL, 20, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: true, y: false, setScale: false } },
    scales: limits,
    axes: describeAxes(get, { zone, options }),
    series: [{}, series("--series", { width: 2 }), series("--median"), series("--high", { dash: [6, 3] }), series("--soft", { dash: [3, 3] })],
    hooks: {
      drawClear: [(self) => drawGround(self, get().plot, get().hold)],
      draw: [(self) => drawSigns(self, get().plot, get().view)],
      setCursor: [(self) => onPoint(self.cursor.left >= 0 ? self.cursor.idx : null)],
      setSelect: [(self) => {
        const { left, width: wide } = self.select;
        if (wide < 4) return;
        self.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
        onZoom(self.posToVal(left, "x") * 1000, self.posToVal(left + wide, "x") * 1000);
      }],
    },
  }, columnsOf(plot, view), figure);
  return {
    show: () => u.setData(columnsOf(get().plot, get().view)),
    redraw: () => u.redraw(false),
    resize: (wide, tall) => { if (Math.abs(wide - u.width) > 1 || Math.abs(tall - u.height) > 1) u.setSize({ width: wide, height: tall }); },
    point: (index) => u.setCursor({ left: u.valToPos(get().plot.ts[index] / 1000, "x"), top: 10 }),
    index: () => u.cursor.idx,
    destroy: () => u.destroy(),
  };
}
