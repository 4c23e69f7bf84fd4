import assert from "node:assert/strict";
import { test } from "node:test";

import { chartOf } from "../../metrics_app/static/metrics_app/evidence.js";

const MINUTE = 60_000;
const minutes = (values) => values.map((value, index) => [index * MINUTE, value === null ? 0 : 1, value]);

test("the frozen curve is the rolling mean, and ends in the value that was judged", () => {
  const chart = chartOf({ rows: minutes([10, 20, 60]), end: 3 * MINUTE, value: 40, aggregate: "mean", window: 2 * MINUTE });
  assert.deepEqual(chart.ts, [0, MINUTE, 2 * MINUTE, 3 * MINUTE]);
  assert.deepEqual(chart.values, [null, null, 15, 40], "a window that is not whole is not drawn");
});

test("an empty window is a gap in a mean and zero in a rate", () => {
  const frozen = { rows: minutes([10, null, null, null]), end: 4 * MINUTE, value: null, window: MINUTE };
  assert.deepEqual(chartOf({ ...frozen, aggregate: "mean" }).values, [null, 10, null, null, null]);
  assert.deepEqual(chartOf({ ...frozen, aggregate: "count" }).values, [null, 1, 0, 0, null]);
});

test("a percentile of a window is not made up from minutes", () => {
  const chart = chartOf({ rows: minutes([10, 20]), end: 2 * MINUTE, value: 19, aggregate: "p95", window: 2 * MINUTE });
  assert.deepEqual(chart.values, [null, 10, 19]);
});

test("a proposal without minutes still has a chart with its value", () => {
  const chart = chartOf({ rows: [], end: 10 * MINUTE, value: 5, aggregate: "mean", window: MINUTE, limit: 3 });
  assert.equal(chart.values.at(-1), 5);
  assert.equal(chart.limit, 3);
});

test("it starts with the first whole window where an hour and more was frozen", () => {
  const rows = minutes(Array.from({ length: 90 }, () => 7));
  const chart = chartOf({ rows, end: 90 * MINUTE, value: 7, aggregate: "mean", window: 30 * MINUTE });
  assert.equal(chart.start, 30 * MINUTE);
  assert.equal(chart.values.includes(null), false);
});

test("before a KPI was watched there is nothing, and no zero", () => {
  const rows = [0, 1, 2, 3, 4, 5].map((minute) => [minute * 60_000, minute === 3 ? 2 : 0, null]);
  const evidence = { rows, start: 0, end: 360_000, value: 120, aggregate: "rate_per_hour", window: 60_000, unit: "", limit: null };
  assert.deepEqual(chartOf({ ...evidence, watched: 180_000 }).values, [null, null, null, null, 120, 0, 120]);
  assert.deepEqual(chartOf({ ...evidence, watched: 120_000 }).values, [null, null, null, 0, 120, 0, 120]);
});
