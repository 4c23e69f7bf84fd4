// The tiles of a page, kept true without a reload; a KPI that is new gets its tile.

import { describeShown, getPrefix, isBefore, isShown, readFilters, writeFilters } from "./filters.js";
import { lapse, Told } from "./lapse.js";
import { findIdle, findUnjudged, getJson, isHeard, onMessage, serverNow, setText, watch } from "./page.js";
import { makeRefresher } from "./refresh.js";
import { drawAll } from "./spark.js";
import { findLight, makeTile, paintTile } from "./tile.js";

const grid = document.getElementById("tiles");
const template = document.getElementById("tile");
const topics = JSON.parse(grid.dataset.topics);
const listTiles = () => [...grid.querySelectorAll(".tile")];
const find = (topic) => listTiles().find((article) => article.dataset.topic === topic);
const SLICE = 8; // ms of a frame that tiles may take
const TURN_EVERY = 15_000; // ms
const isWall = document.body.classList.contains("wall");
const wild = topics.includes("*");
const form = document.getElementById("filters");
// Where there are more pages than this one, the server filters: the form is sent.
const isHere = form !== null && "here" in form.dataset;
let filters = readFilters(location.search);

/** Leaves only the tiles that fit, under the headings of their groups. */
function filter() {
  if (!isHere) return;
  const tiles = listTiles();
  for (const article of tiles) {
    article.hidden = !isShown(filters, article.querySelector("h2").textContent, article.dataset.topic, article.className);
  }
  const shown = tiles.filter((article) => !article.hidden).length;
  form.hidden = tiles.length < 2;
  setText(document.getElementById("shown"), describeShown(shown, tiles.length));
  document.getElementById("nothing").hidden = shown > 0 || !tiles.length;
  group(tiles);
}

function group(tiles) {
  const old = new Map([...grid.querySelectorAll(".group")].map((heading) => [heading.textContent, heading]));
  const wanted = new Map();
  if (filters.grouped) for (const article of tiles) if (!article.hidden && !wanted.has(getPrefix(article.dataset.topic))) wanted.set(getPrefix(article.dataset.topic), article);
  for (const [prefix, heading] of old) if (!wanted.has(prefix)) heading.remove();
  for (const [prefix, article] of wanted) {
    const heading = old.get(prefix) ?? Object.assign(document.createElement("h2"), { className: "group", textContent: prefix });
    if (heading.nextElementSibling !== article) grid.insertBefore(heading, article);
  }
}

/** The form as it is filled in: on this page at once, and in its address. */
function choose() {
  filters = { text: form.elements.q.value, state: form.elements.state.value, grouped: form.elements.group.checked };
  const query = writeFilters(filters);
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
  arrange();
  filter();
}

const order = () => ({ wall: isWall, grouped: filters.grouped });
const keyOf = (article) => ({ rank: Number(article.dataset.rank), topic: article.dataset.topic });

/** All tiles in their order, which is another one in groups. */
function arrange() {
  const tiles = listTiles();
  const sorted = tiles.toSorted((one, other) => (isBefore(keyOf(one), keyOf(other), order()) ? -1 : 1));
  if (sorted.some((article, index) => article !== tiles[index])) grid.append(...sorted);
  document.getElementById("order")?.toggleAttribute("hidden", filters.grouped);
}

function startFilters() {
  if (!form) return;
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.closest("input, textarea, select")) return;
    event.preventDefault();
    form.elements.q.focus();
  });
  if (!isHere) { form.addEventListener("change", () => form.requestSubmit()); return; }
  form.querySelector("button").hidden = true;
  form.addEventListener("input", choose);
  form.addEventListener("submit", (event) => { event.preventDefault(); choose(); });
}

const told = new Told();

function show(tile, began) {
  let article = find(tile.topic);
  if (!article && !(wild || topics.includes(tile.topic))) return;
  if (!article) {
    article = makeTile(template, tile);
    place(article, tile);
    article.classList.add("fresh");
  } else if (Number(article.dataset.rank) !== tile.rank) place(article, tile);
  paintTile(article, tile);
  // The answer may be older than what is known by now of who judges.
  turnLight(article, told.find(tile.topic, began));
}

/** Puts a tile where its state belongs, but never away from under the reader's hands. */
function place(article, { rank, topic }) {
  if (article.matches(":hover, :focus-within")) return;
  const next = listTiles().find((other) => other !== article && isBefore({ rank, topic }, keyOf(other), order()));
  if (article.parentNode !== grid || article.nextElementSibling !== (next ?? null)) grid.insertBefore(article, next ?? null);
}

/** Paints tiles for a part of a frame, and the rest in the next: the page never stands still for them. */
function showAll(tiles, began) {
  requestAnimationFrame(() => {
    const until = performance.now() + SLICE;
    while (tiles.length && performance.now() < until) show(tiles.shift(), began);
    if (tiles.length) { showAll(tiles, began); return; }
    document.getElementById("empty")?.toggleAttribute("hidden", listTiles().length > 0);
    filter();
    if (isWall && isTooHigh()) fit();
  });
}

function keepOnly(names) {
  for (const article of listTiles()) if (!names.has(article.dataset.topic)) article.remove();
}

async function load(wanted) {
  // Only what is on the page, or may come onto it, is asked for.
  const asked = wanted ?? (wild ? [] : topics);
  const query = new URLSearchParams(asked.map((topic) => ["topic", topic]));
  const began = serverNow();
  const { tiles, headline, total } = await getJson(`${grid.dataset.url}?${query}`);
  // Deleted since, or not this reader's any more.
  if (!wanted && (asked.length || tiles.length === total)) keepOnly(new Set(tiles.map(({ topic }) => topic)));
  showAll(tiles, began);
  if (isWall && headline && headline !== document.getElementById("headline").textContent) rewind();
  if (headline) setText(document.getElementById("headline"), headline);
  if (headline) document.title = `${headline} · HMS-GOV metrics`;
}

const refresher = makeRefresher({ load, now: () => performance.now(), later: (fn, ms) => setTimeout(fn, ms) });

function touch(topic, ts) {
  const age = find(topic)?.querySelector(".age");
  if (age && ts > Number(age.dataset.at)) age.dataset.at = ts;
  refresher.ring(topic);
}

onMessage((message) => {
  const { type, topic } = message;
  if (type === "points" && message.points.length) touch(topic, Math.max(...message.points.map(([ts]) => ts)));
  // A row stands for a whole second: its points may be newer than its start.
  else if (type === "summary" && message.rows.length) touch(topic, message.rows.at(-1)[0]);
  // After an interruption the thresholds may stand elsewhere.
  else if (type === "snapshot" && (message.recovered || !find(topic))) refresher.ring(topic);
  else if (type === "reset") refresher.ring(topic);
  else if (type === "state" || type === "judging") {
    // What is known is shown before the server is asked for the rest: it may not answer.
    const unjudged = findUnjudged(message);
    if (type === "state") told.hear(message, unjudged, serverNow());
    lapseAll(unjudged, topic);
    refresher.ringAll();
  }
  // A tile says how the proposal of its breach stands.
  else if (type === "pipeline") refresher.ringAll();
});

const LOOK_EVERY = 1000; // ms

/** Turns the lights that nobody judges any more, and asks a little earlier whether somebody has; of `topic` by
 * what was told of it (`unjudged`: {when} or null). */
function lapseAll(unjudged = null, topic = null) {
  let turned = false;
  for (const article of listTiles()) {
    const was = article.classList.contains("unjudged");
    if (turnLight(article, article.dataset.topic === topic ? unjudged : null)) refresher.ring(article.dataset.topic);
    turned ||= !was && article.classList.contains("unjudged");
  }
  // Where the server still answers it says the whole sentence.
  if (turned) sayUnjudged(document.getElementById("headline"));
}

const turnLight = (article, unjudged = null) => lapse(article, serverNow(), findLight(article), findIdle() ?? unjudged, isHeard());

/** The first sentence while no answer writes it anew: what burns stays in it, what was well is not known any more. */
function sayUnjudged(headline) {
  if (/judged/.test(headline.textContent)) return;
  const watched = listTiles().filter((article) => !article.classList.contains("none"));
  const isAll = watched.every((article) => article.classList.contains("unjudged"));
  const words = isAll ? "No KPI is judged now" : "Some KPIs are not judged now";
  const burns = watched.some((article) => article.classList.contains("firing"));
  setText(headline, burns ? `${headline.textContent} · ${words[0].toLowerCase()}${words.slice(1)}` : words);
}

/** On a wall nobody turns the pages; and whoever stands before it leaves by Escape. */
function startWall() {
  if (!isWall) return;
  document.addEventListener("keydown", ({ key }) => { if (key === "Escape") document.getElementById("leave").click(); });
  if (more) more.hidden = true;
  fit();
  addEventListener("resize", fit);
  setInterval(turn, TURN_EVERY);
}

const more = document.getElementById("more");
let first = 0; // the tile a screen of the wall begins with

/** Shows as many tiles as the screen holds, beginning with `first`; returns the one after them. */
function fit() {
  const tiles = listTiles().filter((article) => !article.hidden);
  if (first >= tiles.length) first = 0;
  tiles.forEach((article, index) => article.toggleAttribute("data-off", index < first));
  let end = tiles.length;
  const words = document.getElementById("turn");
  words.hidden = !more && first === 0 && !isTooHigh();
  while (end > first + 1 && isTooHigh()) tiles[end -= 1].toggleAttribute("data-off", true);
  const before = Number(words.dataset.first);
  setText(words, `KPIs ${before + first} to ${before + end - 1} of ${words.dataset.total}, worst first; the next ones follow by themselves.`);
  return end < tiles.length ? end : null;
}

const isTooHigh = () => document.documentElement.scrollHeight > innerHeight + 1;

/** Back to the worst ones: what the first sentence of a wall says anew stands there. */
function rewind() {
  const address = new URLSearchParams(location.search);
  if (Number(document.getElementById("turn").dataset.first) > 1) { address.delete("page"); location.assign(`?${address}`); return; }
  first = 0;
  fit();
}

/** The next tiles; behind the last ones of this page the next page, and behind that the first. */
function turn() {
  const end = fit();
  if (end !== null || !more) { first = end ?? 0; fit(); return; }
  const address = new URLSearchParams(location.search);
  address.set("page", new URLSearchParams(more.querySelector("[data-next]")?.search).get("page") ?? "1");
  // The next page is asked for only while the server answers: a wall must not end on an error.
  if (["live", "unjudged"].includes(document.getElementById("live").dataset.state)) location.assign(`?${address}`);
}

drawAll();
startWall();
filter();
startFilters();
watch(topics);
setInterval(() => lapseAll(), LOOK_EVERY);
// What came between the server's answer and the connection.
refresher.ringAll();
document.addEventListener("visibilitychange", () => document.hidden || refresher.ringAll());
