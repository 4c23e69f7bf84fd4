// The tiles of a page, kept true without a reload; a KPI that is new gets its tile.

import { describeShown, getPrefix, isShown, readFilters, writeFilters } from "./filters.js";
import { getJson, onMessage, setText, watch } from "./page.js";
import { makeRefresher } from "./refresh.js";
import { drawAll } from "./spark.js";
import { makeTile, paintTile } from "./tile.js";

const grid = document.getElementById("tiles");
const template = document.getElementById("tile");
const topics = JSON.parse(grid.dataset.topics);
const listTiles = () => [...grid.querySelectorAll(".tile")];
const find = (topic) => listTiles().find((article) => article.dataset.topic === topic);
const SLICE = 8; // ms of a frame that tiles may take
const TURN_EVERY = 30_000; // ms
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
  filter();
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

function show(tile) {
  let article = find(tile.topic);
  if (!article && !(wild || topics.includes(tile.topic))) return;
  if (!article) {
    article = makeTile(template, tile);
    const next = listTiles().find((other) => other.dataset.topic.localeCompare(tile.topic, "en", { numeric: true }) > 0);
    grid.insertBefore(article, next ?? null);
    article.classList.add("fresh");
  }
  paintTile(article, tile);
}

/** Paints tiles for a part of a frame, and the rest in the next: the page never stands still for them. */
function showAll(tiles) {
  requestAnimationFrame(() => {
    const until = performance.now() + SLICE;
    while (tiles.length && performance.now() < until) show(tiles.shift());
    if (tiles.length) { showAll(tiles); return; }
    document.getElementById("empty")?.toggleAttribute("hidden", listTiles().length > 0);
    filter();
  });
}

async function load(wanted) {
  // Only what is on the page, or may come onto it, is asked for.
  const asked = wanted ?? (wild ? [] : topics);
  const query = new URLSearchParams(asked.map((topic) => ["topic", topic]));
  const { tiles, headline } = await getJson(`${grid.dataset.url}?${query}`);
  showAll(tiles);
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
  else if (type === "snapshot" && !find(topic)) refresher.ring(topic);
  else if (type === "state") refresher.ringAll();
});

/** On a wall nobody turns the pages; and whoever stands before it leaves by Escape. */
function startWall() {
  if (!document.body.classList.contains("wall")) return;
  document.addEventListener("keydown", ({ key }) => { if (key === "Escape") document.getElementById("leave").click(); });
  const more = document.getElementById("more");
  if (!more) return;
  const next = more.querySelector("[data-next]")?.search ?? location.search.replace(/page=\d+/, "page=1");
  // The next page is asked for only while the server answers: a wall must not end on an error.
  setInterval(() => document.getElementById("live").dataset.state === "live" && location.assign(next), TURN_EVERY);
}

drawAll();
startWall();
filter();
startFilters();
watch(topics);
// What came between the server's answer and the connection.
refresher.ringAll();
document.addEventListener("visibilitychange", () => document.hidden || refresher.ringAll());
