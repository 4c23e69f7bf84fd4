// Writes a tile's data (see `tiles.py`) into its element.

import { kpiPage, setText } from "./page.js";
import { drawSpark } from "./spark.js";

const FIELDS = ["name", "shape", "state_text", "number", "suffix", "facts", "footer", "silence", "line"];

/** Shows the words of `tile` in the fields below `root`. */
export function writeFields(root, tile) {
  for (const field of FIELDS) {
    for (const node of root.querySelectorAll(`[data-field=${field}]`)) {
      // A KPI's page writes its name in its own words.
      if (field !== "name" || node.closest(".tile")) setText(node, tile[field]);
    }
  }
  const link = root.querySelector("[data-field=link]");
  if (link) {
    setText(link, tile.link);
    if (tile.href) link.href = tile.href; else link.removeAttribute("href");
    link.hidden = !tile.link;
  }
  const age = root.querySelector(".age");
  if (age) age.dataset.at = tile.last_at ?? "";
}

/** Keeps until when a light was judged, and what it says from then on. */
export function keepLapse(root, tile) {
  root.dataset.until = tile.judged_until ?? "";
  root.dataset.unjudged = tile.unjudged;
}

/** The shape and the words of a tile's, or of a KPI's page's, light. */
export const findLight = (root) => ["shape", "state_text"].map((name) => root.querySelector(`.state [data-field=${name}]`));

/** Shows `tile` in its article. */
export function paintTile(article, tile) {
  article.className = `tile ${tile.css}`;
  article.dataset.rank = tile.rank;
  keepLapse(article, tile);
  writeFields(article, tile);
  drawSpark(article.querySelector(".spark"), tile.chart);
}

/** A new article for a KPI that was not on the page, from the page's template. */
export function makeTile(template, tile) {
  const article = template.content.firstElementChild.cloneNode(true);
  article.dataset.topic = tile.topic;
  article.querySelector("h2 a").href = kpiPage(tile.topic);
  article.querySelector(".spark").removeAttribute("data-chart");
  article.querySelector(".age").textContent = "";
  return article;
}
