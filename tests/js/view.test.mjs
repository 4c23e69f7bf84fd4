// The address reproduces the view; the crosshair and the scale say all there is.

import assert from "node:assert/strict";
import { test } from "node:test";
import { findScale } from "../../metrics_app/static/metrics_app/series.js";
import { describeValue, listScaled, readView, touch, widen, writeView } from "../../metrics_app/static/metrics_app/view.js";

const PLOT = {
  ts: [60_000, 120_000, 150_000], value: [3600, null, 7200], n: [3, 0, 1], mean: [3600, null, 7200], p50: [1800, null, 7200],
  p95: [9000, null, 7200], min: [1, null, 7200], max: [9000, null, 7200], recorded: [0.5, 0, 1], lost: ["", "points lost", ""], unit: "seconds", aggregate: "mean",
  limit: 172_800, lines: [{ kind: "limit", value: 172_800 }, { kind: "recovery", value: -50 }], stride: 60_000, start: 0, end: 150_000,
  compare: { name: "the day before", values: [1800, null, null] }, zoomed: false,
};

test("a view survives the way through its address", () => {
  for (const query of ["", "span=7d", "span=24h&from=1000&to=5000&compare=week&percentiles=1&table=1"]) {
    assert.equal(writeView(readView(query)), query);
  }
});

test("what an address misspells is the last hour", () => {
  assert.equal(writeView(readView("span=2h&from=9&to=3&compare=moon&from=x")), "");
});

test("a link to a view that ends now pins the times it shows", () => {
  assert.equal(writeView(readView("span=24h"), [1000.4, 5000]), "span=24h&from=1000&to=5000");
});

test("the crosshair tells points, mean, median, what was recorded and the earlier day", () => {
  assert.equal(
    describeValue(PLOT, 0, (ms) => `${ms / 1000} s`),
    "60 s: 1 h · 3 points · mean 1 h · median 30 min · 50 % recorded · the day before 30 min",
  );
  assert.equal(describeValue(PLOT, 1, () => "then"), "then: — · no point · not recorded · points lost");
});

test("of what is counted the crosshair tells how many, and no median of ones", () => {
  const plot = { ...PLOT, aggregate: "rate_per_hour", unit: "calls", limit: null, compare: null };
  assert.equal(describeValue(plot, 0, () => "then"), "then: 3,600 calls per hour · 3 points · 50 % recorded");
});

test("every limit and recovery line is inside the scale", () => {
  const [low, high] = findScale(listScaled(PLOT, { percentiles: false }));
  assert.ok(low < -50 && high > 172_800);
});

test("percentiles widen the scale only while they are shown", () => {
  const plot = { ...PLOT, lines: [], compare: null };
  assert.ok(!listScaled(plot, { percentiles: false }).includes(9000));
  assert.ok(listScaled(plot, { percentiles: true }).includes(9000));
});

test("the newest value moves on, and a whole step stays behind it", () => {
  const moved = touch(PLOT, 160_000, 9000);
  assert.deepEqual([moved.ts, moved.value, moved.start, moved.end], [[60_000, 120_000, 160_000], [3600, null, 9000], 10_000, 160_000]);
  assert.equal(touch(moved, 150_000, 1), moved, "an older answer changes nothing");
  const whole = touch({ ...PLOT, ts: [60_000, 120_000, 180_000], end: 180_000 }, 190_000, 1);
  assert.deepEqual(whole.ts, [60_000, 120_000, 180_000, 190_000]);
  assert.equal(whole.n.at(-1), null);
  assert.equal(whole.lost.length, 4);
});

test("a wider span ends now at the latest: what is to come is not known", () => {
  assert.deepEqual(widen({ start: 1000, end: 2000 }, 9000), [500, 2500]);
  assert.deepEqual(widen({ start: 1000, end: 2000 }, 2100), [500, 2100]);
});
