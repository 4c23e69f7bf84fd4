import assert from "node:assert/strict";
import { test } from "node:test";

import { getAggregate, learn, TABLE } from "../../metrics_app/static/metrics_app/aggregates.js";
import { findScale, layOut, Ring, roll, ROLLED, splitGaps } from "../../metrics_app/static/metrics_app/series.js";

test("a ring keeps the newest points in order of time", () => {
  const ring = new Ring(3);
  ring.push([[1, 1], [3, 3], [2, 2], [4, 4]]);
  assert.deepEqual(ring.points, [[2, 2], [3, 3], [4, 4]]);
  ring.trim(4);
  assert.deepEqual(ring.points, [[4, 4]]);
});

test("a rolling mean takes the window that ends at each time, its start inside and its end outside", () => {
  const points = [[0, 10], [60, 20], [120, 60]];
  assert.deepEqual(roll(points, [60, 120, 121, 200, 300], 120), [10, 15, 40, 60, null]);
});

test("a row weighs as many points as it counts", () => {
  assert.deepEqual(roll([[0, 3, 10], [60, 1, 50]], [120], 120), [20]);
  assert.deepEqual(roll([[0, 3, 10], [60, 0, null]], [120], 120), [10]);
});

test("a rate is zero, not missing, where nothing came", () => {
  const hour = 3_600_000;
  assert.deepEqual(roll([[0, 1], [1, 1]], [hour, 3 * hour], hour, "rate_per_hour"), [2, 0]);
});

test("a long roll leaves no rounding behind", () => {
  const points = Array.from({ length: 1000 }, (_, index) => [index, 0.1 * (index + 1)]);
  assert.equal(roll(points, [1000, 5000, 6000], 1000)[2], null);
});

test("a rolling mean is never beyond what it is the mean of", () => {
  assert.deepEqual(roll([[0, 0.1], [1, 0.1], [2, 0.1]], [3], 10), [0.1]);
  assert.deepEqual(roll([[0, 1.7e308], [1, 1e308]], [2], 10), [1.7e308]);
  assert.deepEqual(roll([[0, 2, 0.1, 0.1, 0.1], [1, 1, 0.1, 0.1, 0.1]], [3], 10), [0.1]);
});

test("what was large and has left the window is forgotten", () => {
  // By subtraction the second would be 0, and the third no number.
  assert.deepEqual(roll([[0, 1e17], [10, 1], [20, 3]], [5, 15, 25], 10), [1e17, 1, 3]);
  assert.deepEqual(roll([[0, 1.7e308], [1, 1.7e308], [20, 5]], [2, 25], 10), [1.7e308, 5]);
});

test("a rolling mean is that of each window by itself", () => {
  const points = Array.from({ length: 300 }, (_, index) => [index * 7 % 300, Math.sin(index) * 50]).sort(([a], [b]) => a - b);
  const ends = Array.from({ length: 60 }, (_, index) => index * 6);
  const plain = ends.map((end) => {
    const inside = points.filter(([ts]) => ts >= end - 40 && ts < end).map(([, value]) => value);
    return inside.length ? inside.reduce((sum, value) => sum + value, 0) / inside.length : null;
  });
  roll(points, ends, 40).forEach((value, at) => {
    if (plain[at] === null) assert.equal(value, null);
    else assert.ok(Math.abs(value - plain[at]) < 1e-9);
  });
});

test("the scale always holds the limit and every value", () => {
  for (const [values, limit] of [[[1, 2, 3], 90], [[100, 110], 5], [[], 48], [[5, 5], null], [[-3, 4], -10]]) {
    const [low, high] = findScale(values, limit);
    assert.ok(low < high);
    for (const value of [...values, limit ?? values[0]]) assert.ok(low <= value && value <= high);
  }
  assert.deepEqual(findScale([null], null), [0, 1]);
});

test("a gap in the data is a gap in the line", () => {
  assert.deepEqual(splitGaps([1, 2, 3, 4], [5, null, 6, 7]), [[[1, 5]], [[3, 6], [4, 7]]]);
});

test("a spark-line tints the side beyond the limit and keeps the limit inside", () => {
  const figure = { ts: [0, 50, 100], values: [10, 20, 30], limit: 40, above: true, start: 0, end: 100 };
  const up = layOut(figure, 200, 100);
  assert.equal(up.lines.length, 1);
  assert.match(up.lines[0], /^M0 [\d.]+L100 [\d.]+L200 [\d.]+$/);
  assert.ok(up.limit > 0 && up.limit < 100);
  assert.deepEqual(up.band, [0, up.limit]);
  const down = layOut({ ...figure, above: false }, 200, 100);
  assert.deepEqual(down.band, [down.limit, 100 - down.limit]);
});

test("a lonely value is a dot, for a line of one point cannot be seen", () => {
  const figure = { ts: [0, 1, 2], values: [null, 5, null], limit: null, above: true, start: 0, end: 2 };
  assert.equal(layOut(figure, 100, 50).dots.length, 1);
  assert.equal(layOut(figure, 100, 50).limit, null);
});

test("what the table says a page can make of points is what it can", () => {
  assert.deepEqual(Object.keys(TABLE).filter((name) => TABLE[name].in_browser), Object.keys(ROLLED));
});

test("a page learns of an aggregate, and takes one it never heard of for values like the points", () => {
  assert.deepEqual(getAggregate("toString"), { label: "toString", unit: "{unit}", on_scale: true, in_browser: false });
  learn({ variance: { label: "variance", unit: "{unit}²", on_scale: false, in_browser: false } });
  assert.equal(getAggregate("variance").label, "variance");
  delete TABLE.variance;
});
