// Which tiles an overview shows, and its address; metrics_app/core/filters.py does the same. Pure.

import { countWords } from "./counts.js";

/** {text, state, grouped} of a query string. */
export function readFilters(query) {
  const params = new URLSearchParams(query);
  return { text: params.get("q") ?? "", state: params.get("state") ?? "", grouped: params.has("group") };
}

/** The query string of filters; empty where everything is shown. */
export function writeFilters({ text, state, grouped }) {
  const params = new URLSearchParams();
  if (text.trim()) params.set("q", text.trim());
  if (state) params.set("state", state);
  if (grouped) params.set("group", "1");
  return params.toString();
}

/** Whether a tile is shown; `css` holds the names of its condition, as the server said them. */
export function isShown({ text, state }, name, topic, css) {
  const where = `${name} ${topic}`.toLowerCase();
  return text.toLowerCase().split(/\s+/).every((word) => where.includes(word)) && (!state || css.split(/\s+/).includes(state));
}

/** The group of a topic: its first word. */
export const getPrefix = (topic) => topic.split(".")[0];

/** What a tile is sorted by before its topic. */
const place = (rank, { wall, grouped }) => (grouped ? 0 : wall ? rank : Number(rank > 0));

/**
 * Whether tile `one`, {rank, topic}, stands before `other`: beyond limit first, on a wall the worst first.
 * `rank` is the server's word (`core/conditions.py`): 0 is the worst.
 */
export function isBefore(one, other, order) {
  const apart = place(one.rank, order) - place(other.rank, order);
  return (apart || one.topic.localeCompare(other.topic, "en", { numeric: true })) < 0;
}

/** "3 of 12 KPIs", or "12 KPIs" where all are shown. */
export function describeShown(shown, total) {
  const kpis = countWords(total, "KPI");
  return shown === total ? kpis : `${shown} of ${kpis}`;
}
