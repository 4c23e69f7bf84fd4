// The tiles of a page, kept true without a reload; a KPI that is new gets its tile.

import { getJson, onMessage, setText, watch } from "./page.js";
import { makeRefresher } from "./refresh.js";
import { drawAll } from "./spark.js";
import { makeTile, paintTile } from "./tile.js";

const grid = document.getElementById("tiles");
const template = document.getElementById("tile");
const topics = JSON.parse(grid.dataset.topics);
const find = (topic) => [...grid.children].find((article) => article.dataset.topic === topic);
const MANY = 12; // tiles, from where on a reader needs to look for one
const wild = topics.includes("*");

/** A box that leaves only the tiles whose name or topic holds its words, where there are many. */
function filter() {
  const box = document.getElementById("filter");
  if (!box) return;
  const input = box.querySelector("input");
  box.hidden = grid.children.length <= MANY && !input.value;
  const words = input.value.toLowerCase().split(/\s+/);
  for (const article of grid.children) {
    const text = `${article.querySelector("h2").textContent} ${article.dataset.topic}`.toLowerCase();
    article.hidden = !words.every((word) => text.includes(word));
  }
}

function show(tiles) {
  for (const tile of tiles) {
    let article = find(tile.topic);
    if (!article && !(wild || topics.includes(tile.topic))) continue;
    if (!article) {
      article = makeTile(template, tile);
      const next = [...grid.children].find((other) => other.dataset.topic.localeCompare(tile.topic, "en", { numeric: true }) > 0);
      grid.insertBefore(article, next ?? null);
      article.classList.add("fresh");
    }
    paintTile(article, tile);
  }
  document.getElementById("empty")?.toggleAttribute("hidden", grid.children.length > 0);
  filter();
}

async function load(wanted) {
  // Only what is on the page, or may come onto it, is asked for.
  const asked = wanted ?? (wild ? [] : topics);
  const query = new URLSearchParams(asked.map((topic) => ["topic", topic]));
  const { tiles, headline } = await getJson(`${grid.dataset.url}?${query}`);
  requestAnimationFrame(() => {
    show(tiles);
    if (headline) setText(document.getElementById("headline"), headline);
    if (headline) document.title = `${headline} · HMS-GOV metrics`;
  });
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

drawAll();
filter();
document.getElementById("filter")?.addEventListener("input", filter);
watch(topics);
// What came between the server's answer and the connection.
refresher.ringAll();
document.addEventListener("visibilitychange", () => document.hidden || refresher.ringAll());
