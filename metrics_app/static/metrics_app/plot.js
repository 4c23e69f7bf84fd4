// Draws the large chart: uPlot, with what happened on the time axis drawn around its line.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { reach, thin } from "./hold.js";
import { findScale } from "./series.js";
import { formatTicks, formatValue, isSeconds } from "./units.js";
import { isCounting, listScaled } from "./view.js";

// Steps a reader of durations expects: minutes, hours, days; never 13 h 53 min.
const MINUTE = 60, HOUR = 3600, DAY = 86400;
const DURATIONS = [
  0.1, 0.5, 1, 2, 5, 10, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 12 * HOUR, DAY, 2 * DAY, 5 * DAY, 10 * DAY, 20 * DAY, 50 * DAY, 100 * DAY, 365 * DAY, 3650 * DAY,
];
const FEW = 2000; // points that are drawn one by one
const TALL = 22; // px above the chart for the numbers of the marks
const FONT = '"Source Sans Pro Web", sans-serif';

const calm = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const isDuration = (plot) => isSeconds(plot.unit, plot.aggregate);

/** Ticks of the time axis: the time of day, and the day where a new one begins. */
function writeTimes(splits, step) {
  const day = { day: "numeric", month: "short" };
  const time = { hour: "2-digit", minute: "2-digit", ...(step < MINUTE ? { second: "2-digit" } : {}) };
  return splits.map((at) => {
    const moment = new Date(at * 1000);
    const midnight = moment.getHours() === 0 && moment.getMinutes() === 0 && moment.getSeconds() === 0;
    return step >= DAY || midnight ? moment.toLocaleDateString("en-GB", day) : moment.toLocaleTimeString("en-GB", time);
  });
}

/** Draws on the canvas between a save and a restore, in CSS pixels. */
function paint(u, draw) {
  const ratio = devicePixelRatio;
  const { left, top, width, height } = u.bbox;
  u.ctx.save();
  u.ctx.scale(ratio, ratio);
  u.ctx.textBaseline = "alphabetic";
  draw(u.ctx, { left: left / ratio, top: top / ratio, width: width / ratio, height: height / ratio });
  u.ctx.restore();
}

const clampX = (u, ms, box) => Math.min(Math.max(u.valToPos(ms / 1000, "x", true) / devicePixelRatio, box.left), box.left + box.width);
const toY = (u, value) => u.valToPos(value, "y", true) / devicePixelRatio;

/** The tinted side of the limit, the shaded breaches and spans of notes, below everything else. */
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
    for (const { at, until } of plot.marks) {
      if (until) ctx.fillRect(clampX(u, at, box), box.top, Math.max(1, clampX(u, until, box) - clampX(u, at, box)), box.height);
    }
    if (hold) drawPoints(u, ctx, box, plot, hold);
  });
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

/** Whether so much is held that a picture shows each second's mean and range in place of points. */
const isDense = (hold) => hold.rows.length > 0 || hold.points.length > FEW;

/** The points themselves, faint, where the page holds them and they are of the line's kind. */
function drawPoints(u, ctx, box, plot, hold) {
  ctx.fillStyle = ctx.strokeStyle = calm("--points");
  if (isDense(hold)) drawBand(u, ctx, box, thin(hold, plot.start, plot.end, Math.max(1, Math.floor(box.width))));
  else for (const [ts, value] of hold.points) if (ts >= plot.start && ts <= plot.end) drawPoint(u, ctx, box, ts, value);
}

/** A point, or at the edge an arrow to where it lies: one stray must not flatten the line, nor be hidden. */
function drawPoint(u, ctx, box, ts, value) {
  const x = clampX(u, ts, box), y = toY(u, value), foot = box.top + box.height;
  if (y < box.top) arrow(ctx, x, box.top + 1, 6);
  else if (y > foot) arrow(ctx, x, foot - 1, -6);
  else dot(ctx, x, y);
}

function arrow(ctx, x, tip, long) {
  ctx.beginPath();
  ctx.moveTo(x, tip);
  ctx.lineTo(x - 3.5, tip + long);
  ctx.lineTo(x + 3.5, tip + long);
  ctx.fill();
}

/** From least to greatest, with a line through the means; a gap in the data is a gap in the line. */
function drawBand(u, ctx, box, columns) {
  ctx.globalAlpha = 0.5;
  const width = findWidth(columns);
  columns.forEach(([x, low, high], index) => {
    // Up to the next one and not beyond: where two overlapped a darker stripe would stand for nothing.
    const wide = Math.min(width + 1, (columns[index + 1]?.[0] ?? Infinity) - x);
    const top = toY(u, high);
    ctx.fillRect(box.left + x, top - 1, wide, Math.max(2, toY(u, low) - top));
  });
  ctx.globalAlpha = 1;
  ctx.lineWidth = 1;
  ctx.beginPath();
  let before = -Infinity;
  for (const [x, , , mean] of columns) {
    const to = [box.left + x + width / 2, toY(u, mean)];
    if (x - before > 2 * width + 1) ctx.moveTo(...to); else ctx.lineTo(...to);
    before = x;
  }
  ctx.stroke();
  if (!columns.length) return;
  ctx.font = `13px ${FONT}`;
  ctx.fillStyle = calm("--soft");
  ctx.textAlign = "left";
  write(ctx, "faint: mean, least and greatest of the moment", box.left + 6, box.top + 15);
}

/** px from one column to the next, mostly: a second may be wider than a pixel. */
function findWidth(columns) {
  const steps = columns.slice(1).map(([x], index) => x - columns[index][0]).sort((one, other) => one - other);
  return steps[Math.floor(steps.length / 2)] ?? 2;
}

function dot(ctx, x, y) {
  ctx.beginPath();
  ctx.arc(x, y, 2, 0, 7);
  ctx.fill();
}

/** A text that stays readable over lines. */
function write(ctx, text, x, y) {
  const colour = ctx.fillStyle;
  ctx.save();
  ctx.setLineDash([]);
  ctx.lineWidth = 4;
  ctx.lineJoin = "round";
  ctx.strokeStyle = calm("--card");
  ctx.strokeText(text, x, y);
  ctx.fillStyle = colour;
  ctx.fillText(text, x, y);
  ctx.restore();
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

function line(ctx, x1, y1, x2, y2) {
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
}

/** A number in a flag above the chart, and a line down from it. */
function drawMark(u, ctx, box, { at, kind, number }) {
  const x = clampX(u, at, box), colour = calm(kind === "note" ? "--soft" : "--accent");
  ctx.strokeStyle = ctx.fillStyle = colour;
  ctx.lineWidth = 1;
  ctx.setLineDash([2, 3]);
  line(ctx, x, box.top, x, box.top + box.height);
  ctx.setLineDash([]);
  ctx.beginPath();
  if (kind === "note") ctx.rect(x - 9, box.top - 19, 18, 17); else ctx.arc(x, box.top - 10.5, 9.5, 0, 7);
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

/** What the scale must hold of the points: nothing of a few, whose strays would flatten the line. */
function listHeld({ plot, hold }) {
  return hold && isDense(hold) ? reach(thin(hold, plot.start, plot.end, 500)) : [];
}

function describeAxes(get, zone) {
  const base = { stroke: calm("--soft"), grid: { stroke: calm("--line"), width: 1 }, ticks: { stroke: calm("--line") }, font: `13px ${FONT}`, labelFont: `13px ${FONT}` };
  const { plot } = get();
  const writeOne = (value) => formatValue(value, plot.unit, plot.aggregate, plot.limit);
  return [
    { ...base, label: `Time in ${zone}`, labelSize: 18, labelGap: 0, size: 32, values: (u, splits, _, __, step) => writeTimes(splits, step) },
    { ...base, size: 78, space: 44, ...(isDuration(plot) ? { incrs: DURATIONS } : {}), values: (u, splits) => (isDuration(plot) ? formatTicks(splits) : splits.map(writeOne)) },
  ];
}

/**
 * The chart in its figure.
 * @param {HTMLElement} figure
 * @param {object} parts
 * @param {() => {plot, view, hold}} parts.get what is shown now
 * @param {string} parts.zone the reader's
 * @param {(index|null) => void} parts.onPoint the crosshair moved
 * @param {(from, to) => void} parts.onZoom a span (ms) was dragged over
 */
export function makePlot(figure, { get, zone, onPoint, onZoom }) {
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
    axes: describeAxes(get, zone),
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
