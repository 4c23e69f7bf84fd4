// What every live page shares: one connection, one clock, ages that keep counting.

import "./page_aggregates.js";
import { ServerTime } from "./server-time.js";
import { connect, describe } from "./stream.js";
import { nameZone, nameZones, tellMomentInZone } from "./moments.js";
import { formatAge, formatDuration, isLongAgo } from "./units.js";

const STATUS_EVERY = 2_000, TIMEOUT = 15_000;
const MOMENT = 3500; // ms; what was switched off just now says since when, too
// What the server has told of this page: where it is, and when it was made.
const facts = document.querySelector("meta[name=hms-page]")?.dataset ?? {};
const serverTime = new ServerTime();
let stream = null, wasIdle = null;
const listeners = new Set();
// The page is the server's first word.
serverTime.tellWritten(facts.now);

export const serverNow = () => serverTime.now();
/** The names of the reader's zone by its seasons, as the server has them where both speak of the same zone. */
function zoneNames() {
  const { zone: named, zoneNames: names } = facts;
  return names && named === Intl.DateTimeFormat().resolvedOptions().timeZone ? JSON.parse(names) : {};
}
/** How a moment is told to this reader: see `moments.js`. */
export const options = () => ({ now: serverNow(), names: zoneNames() });
/** A moment with its seconds, "03:45:10 UTC", and with the day where it is not today's. */
export const clock = (ms) => tellMomentInZone(ms, { ...options(), seconds: true });
/** The page's own: with its day, which what it says of today leaves out. */
const heardAt = (ms) => tellMomentInZone(ms, { ...options(), seconds: true, withDay: true });
/** A moment as lights write it: "03:45 UTC", with the day, and the year, where it is not today's. */
export const moment = (ms) => tellMomentInZone(ms, options());
/** The short name of the reader's zone, "CET", or of a span (ms) in which the clocks change "CET and CEST". */
export const zone = (start = serverNow(), end = start) => (start === end ? nameZone(undefined, start, zoneNames()) : nameZones(start, end, undefined, zoneNames()));

/** JSON from the site; an Error that says what to do when it cannot be had. */
export async function getJson(url) {
  const response = await fetch(url, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(TIMEOUT) });
  if (response.redirected || !response.ok) {
    throw Object.assign(new Error(`${url} answered ${response.status}`), { status: response.status });
  }
  const data = await response.json();
  if ("judged" in data) setClock(data);
  return data;
}

/** Takes over the server's clock, the time up to which it has counted, and when somebody last judged. */
function setClock(told) {
  serverTime.tell(told.now);
  stream?.setClock(told);
}

/** {when} ("since 10:42 UTC") while nobody judges anything, as far as the server has told; else null. */
export function findIdle() {
  const idle = stream?.idle() ?? null;
  return idle && { when: idle.since === null ? "" : `since ${moment(idle.since)}` };
}

/** Whether the server says, each second, that somebody judges. */
export const isHeard = () => stream?.status().state === "live";

/** {when} where a message tells that nobody judges a threshold any more, which is longer than a moment; else null. */
export function findUnjudged({ type, unjudged_since: since }) {
  const isOld = type === "state" && typeof since === "number" && serverNow() - since > MOMENT;
  return isOld ? { when: `since ${moment(since)}` } : null;
}

/** No message comes when the evaluator stands still, and lights whose next slot is far off turn as well. */
function tellJudging() {
  const isIdle = findIdle() !== null;
  if (wasIdle !== null && isIdle !== wasIdle) listeners.forEach((listener) => listener({ type: "judging" }));
  wasIdle = isIdle;
}

/** Hears every message of the live connection, and `{type: "open", again}` whenever that begins. */
export function onMessage(listener) {
  listeners.add(listener);
}

/** Watches topics on the page's one connection; without a wish for `history` (seconds) it only rings. */
export function watch(topics, { history = 1, max_points = 1 } = {}) {
  open({ topics, history, max_points });
}

function open(subscription) {
  if (stream) { stream.subscribe(subscription); return; }
  const socket = new URL(facts.socket, location.href);
  socket.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  stream = connect({
    open: () => new WebSocket(socket),
    now: serverNow,
    steady: serverTime.steady,
    hasSlept: () => serverTime.hasSlept(),
    later: (fn, ms) => setTimeout(fn, ms),
    subscription,
    onMessage: (message) => listeners.forEach((listener) => listener(message)),
    onClock: setClock,
    // What happened before nobody has told this page.
    onOpen: (again) => listeners.forEach((listener) => listener({ type: "open", again })),
    onChange: showStatus,
  });
  askStatus();
}

/** Asks for the clock where no socket tells it: before one is open, while none is, and of a server that does not. */
async function askStatus() {
  // The socket's own state is shown by showStatus; a missed answer changes nothing until data is old.
  if (!stream.isTold()) await getJson(facts.live).catch(() => null);
  setTimeout(askStatus, STATUS_EVERY);
}

function showStatus() {
  const place = document.getElementById("live");
  if (!place || !stream) return;
  const status = stream.status();
  if (status.state === "live" || status.state === "unjudged") tellJudging();
  const words = describe(status, clock);
  place.dataset.state = status.state;
  setText(place.querySelector("[data-field=state]"), status.state === "live" ? `${words} ·` : words);
  // The time of the server's last word: a clock that runs on by itself would promise what nobody knows.
  setText(place.querySelector("[data-field=clock]"), status.state === "live" ? heardAt(stream.heard()) : "");
  showStandstill(status);
}

/** The first sentence says it where figures no longer move; they fade. */
function showStandstill({ state, since }) {
  const stands = state === "stale" || state === "ended";
  document.body.classList.toggle("stands", stands);
  const place = document.querySelector("h1 .standstill");
  if (state === "disconnected" || !place) return;
  setText(place, stands ? `Figures stand still${since === null ? "" : ` since ${clock(since)}`} · ` : "");
}

/** Writes a text only where it changed, so that nothing is read out or selected anew. */
export function setText(node, text) {
  if (node && node.textContent !== text) node.textContent = text;
}

function countAges() {
  for (const place of document.querySelectorAll(".age[data-at]")) {
    const at = Number(place.dataset.at), age = (serverNow() - at) / 1000;
    setText(place, at ? `${place.dataset.before ?? ""}${isLongAgo(age) ? moment(at) : formatAge(age)}` : "");
  }
  // "…, the oldest for 12 min": the seconds of the first minute, whole minutes from then on.
  for (const place of document.querySelectorAll("[data-oldest]")) {
    const age = Math.max(0, Math.floor((serverNow() - Number(place.dataset.oldest)) / 1000));
    const text = formatDuration(age < 60 ? age : age - (age % 60));
    const { before, after } = place.dataset;
    setText(place, before === undefined ? place.textContent.replace(/for [^,]*$/, `for ${text}`) : `${before}${text}${after}`);
  }
}

/** The page of a KPI. */
export const kpiPage = (topic) => facts.kpi.replace("/~/", `/${encodeURIComponent(topic)}/`);

/** The place of the live status: that of the page around, or one before the first heading. */
function placeStatus() {
  const heading = document.querySelector(".hms h1");
  if (document.getElementById("live") || !heading) return;
  const place = Object.assign(document.createElement("p"), { id: "live", className: "live" });
  place.append(...["state", "clock"].flatMap((field) => {
    const span = document.createElement("span");
    span.dataset.field = field;
    return [span, " "];
  }));
  place.firstChild.setAttribute("role", "status");
  heading.before(place);
}

/** Starts the clock of the page, and its connection where somebody is logged in. */
export function start() {
  countAges();
  setInterval(countAges, 1000);
  if (!facts.live) return;
  placeStatus();
  setTimeout(() => stream ?? open(null));
}
