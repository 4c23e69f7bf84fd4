// What a page holds of a topic equals what the server would send anew.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Hold, leaveOut, reach, thin } from "../../metrics_app/static/metrics_app/hold.js";

const points = (...ts) => ts.map((at) => [at, at / 10]);

test("a snapshot replaces, points are added in the order of their arrival", () => {
  const hold = new Hold();
  hold.take({ type: "points", points: points(1, 2) });
  hold.take({ type: "snapshot", recovered: false, points: points(10, 30) });
  assert.equal(hold.take({ type: "points", points: points(20) }), true);
  assert.deepEqual(hold.points.map(([ts]) => ts), [10, 30, 20]);
});

test("a snapshot that only brings what was missed is added", () => {
  const hold = new Hold();
  hold.take({ type: "snapshot", recovered: false, points: points(1, 2) });
  hold.take({ type: "snapshot", recovered: true, points: points(3) });
  assert.deepEqual(hold.points.map(([ts]) => ts), [1, 2, 3]);
});

test("a reset empties it and is counted", () => {
  const hold = new Hold();
  hold.take({ type: "snapshot", recovered: false, points: points(1), rows: [[0, 2, 1, 1, 1]] });
  hold.take({ type: "reset" });
  assert.deepEqual([hold.points, hold.rows, hold.resets], [[], [], 1]);
});

test("what is more than an hour old goes, and other messages change nothing", () => {
  const hold = new Hold();
  hold.take({ type: "points", points: points(1, 3_600_000, 2) });
  hold.trim(3_600_003);
  assert.deepEqual(hold.points.map(([ts]) => ts), [3_600_000]);
  assert.equal(hold.take({ type: "state", state: "firing" }), false);
});

test("many points become one bar per column, rows with their extremes, with the mean of all", () => {
  const hold = new Hold();
  hold.take({ type: "points", points: [[50, 1], [0, 5], [1, 9], [200, 7]] });
  hold.take({ type: "summary", rows: [[51, 3, 2, -4, 8]] });
  assert.deepEqual(thin(hold, 0, 100, 10), [[0, 5, 9, 7], [5, -4, 8, 7 / 4]]);
});

test("the mean of a column lies between its extremes", () => {
  const hold = new Hold();
  hold.take({ type: "points", points: [[0, 0.1], [1, 0.1], [2, 0.1], [50, 1.7e308], [51, 1.6e308]] });
  assert.deepEqual(thin(hold, 0, 100, 10), [[0, 0.1, 0.1, 0.1], [5, 1.6e308, 1.7e308, 1.7e308]]);
});

test("a scale holds every mean, and one stray in a hundred does not stretch it", () => {
  const columns = Array.from({ length: 100 }, (_, x) => [x, 4, 6, 5]);
  columns[7] = [7, -900, 900, 5.5];
  const [low, high, ...means] = reach(columns);
  assert.deepEqual([low, high], [4, 6]);
  assert.deepEqual([means.length, Math.max(...means)], [100, 5.5]);
  assert.deepEqual(reach([]), []);
});

test("points of a voided span are left out, those of a restored span and of a note stay", () => {
  const hold = { points: points(1, 10, 19, 20, 30), rows: [[12, 2, 1, 1, 1], [25, 2, 1, 1, 1]] };
  const left = leaveOut(hold, [{ kind: "voided", at: 10, until: 20 }, { kind: "restored", at: 30, until: 40 }, { kind: "note", at: 1, until: 2 }]);
  assert.deepEqual(left.points.map(([ts]) => ts), [1, 20, 30]);
  assert.deepEqual(left.rows.map(([ts]) => ts), [25]);
  assert.equal(leaveOut(hold, []), hold);
});
