import assert from "node:assert/strict";
import { test } from "node:test";

import { LiveLine, readOptions } from "../../metrics_app/static/metrics_app/live-line.js";

const NOW = 1_732_390_000_000, HOUR = 3_600_000;
const time = (ms) => `t${(ms - NOW) / 1000}`;
const make = (options = {}) => {
  const line = new LiveLine({ label: "Response time", unit: "seconds", window: HOUR, limit: 172_800, ...options });
  line.setStatus("live", NOW);
  return line;
};

test("it says the value, the limit and the range, and changes with the data", () => {
  const line = make();
  assert.equal(line.describe(NOW, time).sentence, "Response time: no points in the last hour.");
  line.push({ ts: NOW - 60_000, value: 90_000 }, NOW);
  const calm = line.describe(NOW, time);
  assert.match(calm.sentence, /^Response time, mean of 1 h: now 25 h, within its limit of 48 h; between 25 h and 25 h over 1 h\.$/);
  assert.equal(calm.value, "25 h");
  assert.equal(calm.age, "1 min ago");
  assert.equal(calm.what, "mean of 1 h", "the number is named where it stands");
  assert.equal(line.describe(NOW + 3 * 86_400_000, time).age, "t-60", "when it was, where that is days ago");
  line.push({ ts: NOW - 1000, value: 900_000 }, NOW);
  const over = line.describe(NOW, time);
  assert.equal(over.breached, true);
  assert.match(over.sentence, /beyond its limit of 48 h/);
});

test("a point that stands for several weighs as many", () => {
  const line = make({ unit: "", limit: null });
  line.push({ ts: NOW - 2000, value: 10, count: 9 }, NOW);
  line.push({ ts: NOW - 1000, value: 0 }, NOW);
  assert.equal(line.describe(NOW, time).value, "9");
});

test("gaps stay gaps", () => {
  const line = make({ window: 60_000 });
  line.push({ ts: NOW - 1_800_000, value: 5 }, NOW);
  const { values } = line.describe(NOW, time).chart;
  assert.equal(values.filter((value) => value !== null).length, 1);
  assert.equal(values.at(-1), null);
});

test("it freezes when the server is silent, and does not slide on", () => {
  const line = make();
  line.push({ ts: NOW, value: 5 }, NOW);
  const later = line.describe(NOW + 60_000, time);
  assert.deepEqual([later.state, later.words, later.chart.end], ["stale", "Stale since t0", NOW]);
  line.hear(NOW + 60_000);
  assert.equal(line.describe(NOW + 60_000, time).state, "live");
});

test("it is stale by the time of its data where the page says how old that may be", () => {
  const line = make({ staleAfter: 60_000 });
  assert.equal(line.describe(NOW, time).words, "No points yet");
  line.push({ ts: NOW - 61_000, value: 5 }, NOW);
  assert.equal(line.describe(NOW, time).words, "Stale since t-61");
});

test("it says when it is disconnected, and when it may no longer follow", () => {
  const line = make();
  line.setStatus("disconnected", NOW + 5000);
  assert.equal(line.describe(NOW + 5000, time).words, "Disconnected since t0, trying again");
  assert.match(line.describe(NOW + 5000, time).sentence, /Disconnected/);
  line.setStatus("closed", NOW);
  assert.equal(line.describe(NOW, time).state, "ended");
});

test("until it is heard it says of the points nothing at all", () => {
  const line = new LiveLine({ label: "Response time" });
  const shown = line.describe(NOW, time);
  assert.deepEqual([shown.state, shown.sentence, shown.age], ["connecting", "Response time: connecting.", ""]);
});

test("it forgets what lies behind its picture", () => {
  const line = make({ span: 60_000, window: 1000 });
  line.push({ ts: NOW - 62_000, value: 5 }, NOW);
  line.push({ ts: NOW, value: 5 }, NOW);
  assert.equal(line.ring.points.length, 1);
});

test("a limit may be a floor", () => {
  const line = make({ unit: "%", limit: 90, above: false });
  line.push({ ts: NOW - 1, value: 80 }, NOW);
  assert.equal(line.describe(NOW, time).breached, true);
});

test("attributes that make no sense have their defaults", () => {
  const read = (attributes) => readOptions((name) => attributes[name] ?? null);
  assert.deepEqual(read({ topic: "a.b" }), {
    label: "a.b", unit: "", aggregate: "mean", span: HOUR, window: 300_000, limit: null, above: true, staleAfter: 0,
  });
  const odd = read({ topic: "a", span: "x", window: "-5", limit: " ", aggregate: "toString", "stale-after": "60", side: "below" });
  assert.deepEqual([odd.span, odd.window, odd.limit, odd.aggregate, odd.staleAfter, odd.above], [HOUR, 300_000, null, "mean", 60_000, false]);
});

test("one can walk along it", () => {
  const line = make();
  line.push({ ts: NOW - 1000, value: 90_000 }, NOW);
  const { chart } = line.describe(NOW, time);
  assert.equal(line.describePlace(chart, 60, time), "t0: 25 h");
  assert.equal(line.describePlace(chart, 0, time), "t-3600: no points");
});

test("it is stale while the server says that points are not counted, and live again once they are", () => {
  const line = make();
  line.push({ ts: NOW - 1000, value: 90_000 }, NOW);
  line.count(NOW, NOW - 900);
  assert.equal(line.describe(NOW, time).state, "live");
  line.count(NOW + 5000, NOW - 900);
  const { state, words } = line.describe(NOW + 5000, time);
  assert.deepEqual({ state, words }, { state: "stale", words: "Stale since t-0.9" });
  line.count(NOW + 9000, 0);
  assert.equal(line.describe(NOW + 9000, time).words, "Stale");
  line.count(NOW + 9500, undefined);
  assert.equal(line.describe(NOW + 9500, time).state, "live", "one that cannot tell says nothing of it");
});
