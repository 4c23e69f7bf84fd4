// The filters of the overview: the address reproduces them, and words and state must fit.

import assert from "node:assert/strict";
import { test } from "node:test";
import { describeShown, getPrefix, isBefore, isShown, readFilters, writeFilters } from "../../metrics_app/static/metrics_app/filters.js";

test("filters survive the way through the address", () => {
  for (const query of ["", "q=lat", "q=response+time&state=firing&group=1"]) {
    assert.equal(writeFilters(readFilters(query)), query);
  }
});

test("every word and the state must fit", () => {
  const tile = ["Response time", "complaint.latency", "tile firing silent"];
  const fits = (query) => isShown(readFilters(query), ...tile);
  assert.deepEqual(["", "q=RESPONSE+comp", "state=silent", "q=er+wait", "state=ok"].map(fits), [true, true, true, false, false]);
});

test("what is shown is said in a number", () => {
  assert.deepEqual([describeShown(3, 12), describeShown(12, 12), describeShown(1, 1)], ["3 of 12 KPIs", "12 KPIs", "1 KPI"]);
  assert.equal(getPrefix("complaint.latency"), "complaint");
});

test("what is beyond its limit comes first, on a wall the worst state, in groups the topic alone", () => {
  const tiles = [[4, "a.x"], [3, "b.x"], [2, "c.10"], [0, "d.x"], [2, "c.9"], [5, "e.x"]]
    .map(([rank, topic]) => ({ rank, topic }));
  const sorted = (order) => tiles.toSorted((one, other) => (isBefore(one, other, order) ? -1 : 1)).map(({ topic }) => topic).join(" ");
  assert.equal(sorted({ wall: false, grouped: false }), "d.x a.x b.x c.9 c.10 e.x");
  assert.equal(sorted({ wall: true, grouped: false }), "d.x c.9 c.10 b.x a.x e.x");
  assert.equal(sorted({ wall: true, grouped: true }), "a.x b.x c.9 c.10 d.x e.x");
});
