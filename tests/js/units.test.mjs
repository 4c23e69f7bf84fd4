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
