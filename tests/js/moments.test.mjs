// A day, a year and a zone are said where they are needed, alike in the browser and in Python.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as moments from "../../metrics_app/static/metrics_app/moments.js";

const PAIRS = JSON.parse(readFileSync(new URL("moments.json", import.meta.url)));
// The server's, where the browser knows another or none.
const NAMES = { "Asia/Tokyo": { 540: "JST" }, "Australia/Lord_Howe": { 660: "UTC+11", 630: "UTC+10:30" } };
const read = (text) => Date.parse(text);

test("moments are written as in Python", () => {
  for (const [timeZone, at, now, more, text, zone] of PAIRS.moments) {
    const options = { now: read(now), timeZone, names: NAMES[timeZone], ...more };
    assert.equal(moments.tellMoment(read(at), options), text, `${timeZone} ${at}`);
    assert.equal(moments.tellMomentInZone(read(at), options), `${text} ${zone}`);
  }
});

test("the ticks of an axis leave neither day nor year open", () => {
  for (const [timeZone, now, step, ticks, texts] of PAIRS.ticks) {
    assert.deepEqual(moments.tellTicks(ticks.map(read), step, { now: read(now), timeZone }), texts);
  }
});

test("the places below a small chart say its span", () => {
  for (const [timeZone, now, start, end, texts] of PAIRS.ends) {
    assert.deepEqual(moments.tellEnds(read(start), read(end), { now: read(now), timeZone }, texts.length), texts);
  }
});

test("a span over a change of the clocks names both of its zones", () => {
  const span = (start, end, zone = "Europe/Berlin") => moments.nameZones(read(start), read(end), zone);
  assert.equal(span("2026-03-28T00:00Z", "2026-03-30T00:00Z"), "CET and CEST");
  assert.equal(span("2026-07-28T00:00Z", "2026-07-30T00:00Z"), "CEST");
  assert.equal(span("2025-12-01T00:00Z", "2026-12-01T00:00Z"), "CET and CEST", "within a year that ends where it began");
});

test("a zone has the name its people know", () => {
  const winter = Date.UTC(2026, 0, 15), summer = Date.UTC(2026, 6, 15);
  assert.deepEqual([moments.nameZone("Europe/Berlin", winter), moments.nameZone("Europe/Berlin", summer)], ["CET", "CEST"]);
  assert.deepEqual([moments.nameZone("America/New_York", winter), moments.nameZone("UTC", winter)], ["EST", "UTC"]);
});
