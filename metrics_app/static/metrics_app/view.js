// The view of a KPI's page as its address holds it, and the words of the crosshair. Pure.

import { getAggregate } from "./aggregates.js";
import { countWords } from "./counts.js";
import { formatValue } from "./units.js";

export const SPANS = ["1h", "24h", "7d", "90d"];
const SHIFTS = ["yesterday", "week"];
const whole = (text) => (/^\d{1,13}$/.test(text ?? "") ? Number(text) : null);

/** {span, from, to, compare, percentiles, table} of a query string; what it misspells is left out. */
export function readView(query) {
  const params = new URLSearchParams(query);
  const from = whole(params.get("from")), to = whole(params.get("to"));
  const zoomed = from !== null && to !== null && from < to;
  return {
    span: SPANS.includes(params.get("span")) ? params.get("span") : "1h",
    from: zoomed ? from : null,
    to: zoomed ? to : null,
    compare: SHIFTS.includes(params.get("compare")) ? params.get("compare") : "",
    percentiles: params.has("percentiles"),
    table: params.has("table"),
  };
}

/** The query string of a view, as short as it can be; `fixed` pins a span that ends now to its present times. */
export function writeView(view, fixed = null) {
  const params = new URLSearchParams();
  if (view.span !== "1h") params.set("span", view.span);
  const [from, to] = view.from !== null ? [view.from, view.to] : (fixed ?? [null, null]);
  if (from !== null) { params.set("from", String(Math.round(from))); params.set("to", String(Math.round(to))); }
  if (view.compare) params.set("compare", view.compare);
  for (const name of ["percentiles", "table"]) if (view[name]) params.set(name, "1");
  return params.toString();
}

/** [from, to] of a span twice as long about the same middle, but never beyond now: nothing is known there. */
export function widen({ start, end }, now) {
  const half = (end - start) / 2;
  return [start - half, Math.min(end + half, now)];
}

/** What stood behind value number `index` of a plot: "51 h 12 min · 23 points · mean … · median … · 93 % recorded". */
export function describeValue(plot, index, time) {
  const beside = plot.limit;
  const write = (value, aggregate = "mean") => formatValue(value, plot.unit, aggregate, beside);
  const words = [`${time(plot.ts[index])}: ${write(plot.value[index], plot.aggregate)}`];
  const n = plot.n[index];
  if (n !== null) words.push(countWords(n, "point"));
  // Of what is counted each point is one: a median of ones says nothing.
  if (plot.mean[index] !== null && !isCounting(plot)) words.push(`mean ${write(plot.mean[index])}`, `median ${write(plot.p50[index])}`);
  if (plot.recorded[index] < 1) words.push(tellRecorded(plot.recorded[index]));
  if (plot.lost?.[index]) words.push(plot.lost[index]);
  const before = plot.compare?.values[index];
  if (before !== null && before !== undefined) words.push(`${plot.compare.name} ${write(before, plot.aggregate)}`);
  return words.join(" · ");
}

/** How much of a window was recorded, where that is not all of it: "93 % recorded". */
const tellRecorded = (share) => (share ? `${Math.min(Math.max(Math.round(share * 100), 1), 99)} % recorded` : "not recorded");

/** Every number the scale must hold: what is drawn, and every limit and recovery line. */
export function listScaled(plot, view) {
  const values = [...plot.value, ...(plot.compare?.values ?? []), ...plot.lines.map(({ value }) => value)];
  if (view.percentiles && !isCounting(plot)) values.push(...plot.p50, ...plot.p95);
  return values.filter((value) => value !== null && value !== undefined);
}

/** Whether a plot's values are on another scale than the points: it counts them, or says a share of them. */
export const isCounting = ({ aggregate }) => !getAggregate(aggregate).on_scale;

/** The plot with its newest value as of `ts`: it moves between two readings of the whole. */
export function touch(plot, ts, value) {
  const last = plot.ts.length - 1;
  if (plot.zoomed || last < 0 || ts <= plot.ts[last]) return plot;
  const ends = plot.ts[last] % plot.stride === 0;
  const put = (column, one) => (ends ? [...column, one] : [...column.slice(0, -1), one]);
  const changed = { ...plot, ts: put(plot.ts, ts), value: put(plot.value, value), start: plot.start + ts - plot.end, end: ts };
  for (const name of ["n", "mean", "p50", "p95", "min", "max"]) changed[name] = put(plot[name], ends ? null : plot[name][last]);
  for (const name of ["lost", "recorded"]) if (plot[name]) changed[name] = put(plot[name], plot[name][last]);
  if (plot.compare) changed.compare = { ...plot.compare, values: put(plot.compare.values, null) };
  return changed;
}
