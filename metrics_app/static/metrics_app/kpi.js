// The page of one KPI: its chart, its figures and its thresholds, kept true without a reload.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { clock, getJson, onMessage, watch } from "./page.js";
import { makeRefresher } from "./refresh.js";
import { findScale } from "./series.js";
import { writeFields } from "./tile.js";
import { formatTicks, formatValue } from "./units.js";

const page = document.getElementById("kpi");
const figure = page.querySelector(".chart");
const calm = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
// Steps a reader of durations expects: minutes, hours, days; never 13 h 53 min.
const MINUTE = 60, HOUR = 3600, DAY = 86400;
const DURATIONS = [
  0.1, 0.5, 1, 2, 5, 10, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 12 * HOUR, DAY, 2 * DAY, 5 * DAY, 10 * DAY, 20 * DAY, 50 * DAY, 100 * DAY, 365 * DAY, 3650 * DAY,
];
let chart = JSON.parse(figure.dataset.chart);
let plot = null;

const write = (value) => formatValue(value, chart.unit, chart.aggregate, chart.limit);
const isDuration = () => chart.unit === "seconds" && !["count", "rate_per_hour"].includes(chart.aggregate);
const columns = () => [chart.ts.map((ts) => ts / 1000), chart.values];

/** The tinted side and the dashed limit with its label, below and above the line. */
function drawBand(u) {
  if (chart.limit === null) return;
  const { left, top, width, height } = u.bbox;
  const y = u.valToPos(chart.limit, "y", true);
  u.ctx.save();
  u.ctx.fillStyle = calm("--band");
  if (chart.above) u.ctx.fillRect(left, top, width, Math.max(0, y - top));
  else u.ctx.fillRect(left, y, width, Math.max(0, top + height - y));
  u.ctx.restore();
}

function drawLimit(u) {
  if (chart.limit === null) return;
  const { left, width } = u.bbox;
  const y = u.valToPos(chart.limit, "y", true);
  u.ctx.save();
  u.ctx.strokeStyle = u.ctx.fillStyle = calm("--limit");
  u.ctx.lineWidth = 1.5 * devicePixelRatio;
  u.ctx.setLineDash([6 * devicePixelRatio, 5 * devicePixelRatio]);
  u.ctx.beginPath();
  u.ctx.moveTo(left, y);
  u.ctx.lineTo(left + width, y);
  u.ctx.stroke();
  u.ctx.font = `700 ${12 * devicePixelRatio}px "Source Sans Pro Web", sans-serif`;
  u.ctx.textAlign = "right";
  u.ctx.fillText(`limit ${chart.limit_label}`, left + width - 4 * devicePixelRatio, y - 5 * devicePixelRatio);
  u.ctx.restore();
}

function build() {
  const { width, height } = figure.getBoundingClientRect();
  const axis = { stroke: calm("--soft"), grid: { stroke: calm("--line"), width: 1 }, ticks: { stroke: calm("--line") }, font: '13px "Source Sans Pro Web"' };
  const options = {
    width, height: height - 30,
    cursor: { y: false },
    scales: { x: { range: () => [chart.start / 1000, chart.end / 1000] }, y: { range: () => findScale(chart.values, chart.limit) } },
    axes: [
      { ...axis, values: (u, splits) => splits.map((at) => new Date(at * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })) },
      { ...axis, size: 70, ...(isDuration() ? { incrs: DURATIONS } : {}), values: (u, splits) => (isDuration() ? formatTicks(splits) : splits.map(write)) },
    ],
    series: [
      { label: "Window ends", value: (u, at) => (at ? clock(at * 1000) : "—") },
      { label: chart.what, stroke: calm("--series"), width: 2, points: { show: false }, value: (u, value) => write(value) },
    ],
    hooks: { drawClear: [drawBand], draw: [drawLimit] },
  };
  plot?.destroy();
  plot = new uPlot(options, columns(), figure);
}

/** Whoever may no longer see it is told so, once; any other fault is tried again. */
function leave(error) {
  if (error.status === 404) {
    refresher.stop();
    page.className = "";
    page.innerHTML = '<h1>You may no longer see this KPI</h1><p class="lead">It was restricted to a group you are not in, or removed. The overview shows what is open to you.</p>';
  }
  throw error;
}

async function load() {
  const { tile, html } = await getJson(page.dataset.url).catch(leave);
  requestAnimationFrame(() => {
    chart = tile.chart;
    page.className = tile.css;
    writeFields(page, tile);
    figure.querySelector("figcaption").textContent = chart.sentence;
    plot.setData(columns());
    for (const [name, text] of Object.entries(html)) replacePart(page.querySelector(`[data-part=${name}]`), text);
  });
}

/** Replaces a part only when it changed, and never under the reader's hands. */
function replacePart(part, html) {
  if (part.dataset.html === html || part.contains(document.activeElement)) return;
  const opened = [...part.querySelectorAll("details")].map((node) => node.open);
  part.dataset.html = html;
  part.innerHTML = html;
  part.querySelectorAll("details").forEach((node, index) => { if (index in opened) node.open = opened[index]; });
}

const refresher = makeRefresher({ load, now: () => performance.now(), later: (fn, ms) => setTimeout(fn, ms) });
onMessage(({ type }) => { if (["points", "summary", "state", "error"].includes(type)) refresher.ringAll(); });
build();
new ResizeObserver(([{ contentRect }]) => {
  if (Math.abs(contentRect.width - plot.width) > 1) plot.setSize({ width: contentRect.width, height: contentRect.height - 30 });
}).observe(figure);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", build);
document.addEventListener("themechange", build);
watch([page.dataset.topic]);
refresher.ringAll();
