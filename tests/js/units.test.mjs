import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as units from "../../metrics_app/static/metrics_app/units.js";

const pairs = JSON.parse(readFileSync(new URL("units.json", import.meta.url)));

test("it writes numbers as the server does", () => {
  for (const [value, text] of pairs.number) assert.equal(units.formatNumber(value), text);
});

test("it writes durations as the server does", () => {
  for (const [seconds, text] of pairs.duration) assert.equal(units.formatDuration(seconds), text);
});

test("it writes values with their units as the server does", () => {
  for (const [value, unit, aggregate, text] of pairs.value) {
    assert.equal(units.formatValue(value, unit, aggregate), text);
  }
});

test("it writes ages as the server does", () => {
  for (const [seconds, text] of pairs.age) assert.equal(units.formatAge(seconds), text);
});

test("it writes the span that ends now as the server does", () => {
  for (const [duration, text] of pairs.last) assert.equal(units.tellLast(duration), text);
});

test("a duration speaks in the unit of the limit beside it", () => {
  for (const [seconds, limit, text] of pairs.beside) assert.equal(units.formatDuration(seconds, limit), text);
});

test("the ticks of an axis are in one unit", () => {
  assert.deepEqual(units.formatTicks([0, 43_200, 86_400, 129_600]), ["0 h", "12 h", "24 h", "36 h"]);
  assert.deepEqual(units.formatTicks([0, 86_400, 172_800]), ["0 h", "24 h", "48 h"]);
  assert.deepEqual(units.formatTicks([0, 172_800, 345_600, 518_400]), ["0 d", "2 d", "4 d", "6 d"]);
  assert.deepEqual(units.formatTicks([0, 1800, 3600]), ["0 min", "30 min", "60 min"]);
  assert.deepEqual(units.formatTicks([0, 0.5, 1]), ["0 s", "0.5 s", "1 s"]);
});
