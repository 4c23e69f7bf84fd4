// The page of one KPI: its chart over any span, its figures and thresholds, kept true without a reload.

import { Hold } from "./hold.js";
import { lapse, Told } from "./lapse.js";
import { clock, findIdle, findUnjudged, getJson, isHeard, moment as time, onMessage, options, serverNow, setText, watch, zone } from "./page.js";
import { makePlot } from "./plot.js";
import { isDense } from "./points.js";
import { makeRefresher } from "./refresh.js";
import { findLight, keepLapse, writeFields } from "./tile.js";
import { describeValue, isCounting, readView, touch, widen, writeView } from "./view.js";

const HOUR = 3_600_000, MOST_POINTS = 20_000;
// A chart of hours and days changes slowly; the newest value moves in between.
const CHART_EVERY = { "1h": 5000, "24h": 60_000, "7d": 300_000, "90d": 600_000 };

const page = document.getElementById("kpi");
const figure = document.getElementById("chart");
const tools = document.getElementById("tools");
const crosshair = document.getElementById("crosshair");
const part = (name) => page.querySelector(`[data-part=${name}]`);

let view = readView(location.search);
let plot = JSON.parse(figure.dataset.plot);
let chart = null, asked = performance.now(), wanted = 0, drawing = false;
/** What the page holds of the topic, in the order of the server's log. */
export const held = new Hold();

const isLive = () => view.from === null;
// The points are of the last hour, and of the line's kind unless it counts them.
const isHot = () => plot.end - plot.start <= 2 * HOUR && plot.end > serverNow() - HOUR && !isCounting(plot);

function build() {
  chart?.destroy();
  chart = makePlot(figure, { get: () => ({ plot, view, hold: isHot() ? held : null }), zone, options, onPoint: tell, onZoom: zoom });
}

function tell(index) {
  const known = index !== null && index !== undefined && index < plot.ts.length;
  const faint = isHot() && isDense(held) ? " Faint behind the line: mean, least and greatest of each moment." : "";
  setText(crosshair, known ? describeValue(plot, index, time) : crosshair.dataset.hint + faint);
}

/** Shows what changed, once per frame of the screen. */
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => { drawing = false; chart.show(); tell(chart.index()); });
}

// The view: its address, its controls, its data.

function go(change, { push = true } = {}) {
  view = { ...view, ...change };
  const query = writeView(view);
  if (push) history.pushState(null, "", query ? `?${query}` : location.pathname);
  showControls();
  loadChart();
}

function zoom(from, to) {
  if (to - from < 60_000) return;
  go({ from: Math.round(from), to: Math.round(to) });
}

const reset = () => go({ from: null, to: null });

function showControls() {
  for (const link of page.querySelectorAll("[data-span]")) {
    if (isLive() && link.dataset.span === view.span) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
    link.search = writeView({ ...view, span: link.dataset.span, from: null, to: null });
  }
  document.getElementById("reset").hidden = isLive();
  tools.querySelector("[name=percentiles]").checked = view.percentiles;
  tools.querySelector("[name=percentiles]").disabled = isCounting(plot);
  tools.querySelector("[name=table]").checked = view.table;
  tools.querySelector("[name=compare]").value = view.compare;
  document.getElementById("values").classList.toggle("shown", view.table);
  const pinned = writeView(view, [plot.start, plot.end]);
  document.getElementById("csv").search = pinned;
  document.getElementById("view").search = pinned;
  const query = writeView(view);
  for (const form of page.querySelectorAll("form.note")) form.action = `${form.dataset.action}${query ? `?${query}` : ""}`;
}

/** Reads the chart anew; an answer that a later question overtook is dropped. */
async function loadChart() {
  const mine = (wanted += 1);
  asked = performance.now();
  const query = new URLSearchParams(writeView(view));
  // Paper shows the table, so it is there even while the screen does not show it.
  query.set("table", "1");
  const found = await getJson(`${figure.dataset.url}?${query}`).catch(() => null);
  if (!found || mine !== wanted) return;
  plot = found.plot;
  setText(figure.querySelector("figcaption"), plot.sentence);
  setText(part("what"), plot.what[0].toUpperCase() + plot.what.slice(1));
  for (const [name, text] of Object.entries(found.html)) replacePart(part(name), text);
  showControls();
  draw();
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
  const began = serverNow();
  const { tile, html } = await getJson(page.dataset.url).catch(leave);
  page.className = tile.css;
  keepLapse(page, tile);
  writeFields(page, tile);
  for (const [name, text] of Object.entries(html)) replacePart(part(name), text);
  // The answer may be older than what is known by now of who judges.
  turnLights(told.find(tile.topic, began));
  if (!isLive()) return;
  if (performance.now() - asked > CHART_EVERY[view.span]) await loadChart();
  else if (plot.span === "1h" && plot.aggregate === tile.chart.aggregate) plot = touch(plot, tile.chart.end, tile.chart.values.at(-1));
  draw();
}

/** Replaces a part only when it changed, and never under the reader's hands. */
function replacePart(place, html) {
  if (!place || place.dataset.html === html || place.contains(document.activeElement)) return;
  const opened = [...place.querySelectorAll("details")].map((node) => node.open);
  if (place.dataset.part === "marks" && opened.some(Boolean)) return;
  const scroll = place.querySelector(".scroll")?.scrollTop;
  place.dataset.html = html;
  place.innerHTML = html;
  place.querySelectorAll("details").forEach((node, index) => { if (index in opened) node.open = opened[index]; });
  if (scroll) place.querySelector(".scroll").scrollTop = scroll;
}

const LOOK_EVERY = 1000; // ms

const told = new Told();

/** Turns the lights that nobody judges any more, and asks a little earlier whether somebody has. */
function lapseAll(unjudged = null) {
  if (turnLights(unjudged)) refresher.ringAll();
}

function turnLights(unjudged = null) {
  let asks = lapse(page, serverNow(), findLight(page), findIdle() ?? unjudged, isHeard());
  for (const row of page.querySelectorAll(".rules li")) {
    const light = ["shape", "text"].map((name) => row.querySelector(`[data-light=${name}]`));
    asks = lapse(row, serverNow(), light, findIdle(), isHeard()) || asks;
  }
  return asks;
}

// What the connection brings.

/** Says in words that the server lost what it held in memory, and what the line begins anew from. */
function tellReset() {
  const notice = document.getElementById("notice");
  notice.hidden = false;
  setText(notice, `The server lost what it held in memory at ${clock(serverNow())}; the line begins anew from what was archived.`);
}

function hear(message) {
  if (message.topic === page.dataset.topic && held.take(message)) {
    held.trim(serverNow());
    if (isHot()) draw();
  }
  // What is known is shown before the server is asked for the rest: it may not answer.
  if (message.type === "state") told.hear(message, findUnjudged(message), serverNow());
  if (message.type === "judging" || message.type === "state") lapseAll(findUnjudged(message));
  if (message.type === "reset") { tellReset(); loadChart(); }
  if (["points", "summary", "state", "judging", "error", "reset"].includes(message.type) || message.recovered) refresher.ringAll();
  if (message.type === "pipeline" || (message.type === "open" && message.again)) setTimeout(loadChart, 500);
  // How it stands is told at once; its line on the breach's timeline is written a moment later.
  if (message.type === "pipeline") for (const wait of [0, 2500]) setTimeout(refresher.ringAll, wait);
}

// Keys on the chart: arrows move the crosshair, + and - zoom, Escape resets.

function press(event) {
  const last = plot.ts.length - 1;
  const at = chart.index() ?? last;
  const middle = plot.ts[at], half = (plot.end - plot.start) / 4;
  const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last };
  if (event.key in moves && last >= 0) {
    crosshair.setAttribute("role", "status");
    chart.point(Math.min(Math.max(moves[event.key], 0), last));
  } else if (event.key === "+") zoom(middle - half, Math.min(middle + half, plot.end));
  else if (event.key === "-" && !isLive()) zoom(...widen(plot, serverNow()));
  else if (event.key === "Escape" && !isLive()) reset();
  else return;
  event.preventDefault();
}

function start() {
  figure.tabIndex = 0;
  figure.setAttribute("aria-describedby", "crosshair");
  figure.addEventListener("keydown", press);
  figure.addEventListener("dblclick", () => isLive() || reset());
  document.getElementById("reset").addEventListener("click", reset);
  page.querySelector(".spans").addEventListener("click", (event) => {
    const span = event.target.closest("[data-span]")?.dataset.span;
    if (!span || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    go({ span, from: null, to: null });
  });
  tools.addEventListener("change", ({ target }) => go({ [target.name]: target.type === "checkbox" ? target.checked : target.value }));
  addEventListener("popstate", () => { view = readView(location.search); go({}, { push: false }); });
  new ResizeObserver(([{ contentRect }]) => chart.resize(contentRect.width, contentRect.height)).observe(figure);
  for (const media of ["(prefers-color-scheme: dark)", "print"]) matchMedia(media).addEventListener("change", build);
  document.addEventListener("themechange", build);
}

const refresher = makeRefresher({ load, now: () => performance.now(), later: (fn, ms) => setTimeout(fn, ms) });
onMessage(hear);
build();
start();
setInterval(lapseAll, LOOK_EVERY);
tell(null);
showControls();
watch([page.dataset.topic], { history: 3600, max_points: MOST_POINTS });
// What came between the server's answer and the connection, with times in the reader's zone.
loadChart();
refresher.ringAll();
