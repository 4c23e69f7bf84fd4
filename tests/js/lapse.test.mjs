// A light that nobody judges any more turns by itself, without a word of the server.

import assert from "node:assert/strict";
import { test } from "node:test";

import { lapse, Told } from "../../metrics_app/static/metrics_app/lapse.js";

const UNTIL = 1_000_000, WORDS = "◌ Not judged since 10:42 UTC";

/** A light as `_tile.html` writes it: an element with classes and data, its shape and its words. */
function makeLight(css, { until = String(UNTIL), unjudged = WORDS, shape = "●", text = "Within limit" } = {}) {
  const names = new Set(css.split(" "));
  const classList = {
    contains: (name) => names.has(name),
    add: (name) => names.add(name),
    remove: (...gone) => gone.forEach((name) => names.delete(name)),
  };
  const parts = [{ textContent: shape }, { textContent: text }];
  const root = { classList, dataset: { until, unjudged } };
  return {
    at: (now, idle = null, heard = false) => lapse(root, now, parts, idle, heard),
    told: () => [...parts.map((part) => part.textContent), ...names],
  };
}

test("a light stays as it is for as long as it is judged, and the server is asked before that ends", () => {
  const light = makeLight("ok");
  assert.deepEqual([UNTIL - 4000, UNTIL - 2000, UNTIL - 1999, UNTIL].map((now) => light.at(now)), [false, false, true, true]);
  assert.deepEqual(light.told(), ["●", "Within limit", "ok"]);
});

test("none is green, grey or half red once nobody judges: it says since when", () => {
  for (const css of ["ok", "pending", "recovering", "silent", "none", "pending silent"]) {
    const light = makeLight(css, { shape: "▲", text: "Over limit for now" });
    assert.equal(light.at(UNTIL + 1), true);
    assert.deepEqual(light.told(), ["◌", "Not judged since 10:42 UTC", "unjudged"], css);
  }
});

test("an open breach stays red, and says beside it that nobody judges", () => {
  const light = makeLight("firing", { shape: "■", text: "Beyond limit" });
  light.at(UNTIL + 1);
  assert.deepEqual(light.told(), ["■", "Beyond limit · not judged since 10:42 UTC", "firing", "unjudged"]);
});

test("it turns once, and asks no more until the server has painted it anew", () => {
  const light = makeLight("firing", { shape: "■", text: "Beyond limit" });
  light.at(UNTIL + 1);
  const once = light.told();
  assert.equal(light.at(UNTIL + 60_000), false);
  assert.deepEqual(light.told(), once);
});

test("where no rule was ever judged nothing turns", () => {
  const light = makeLight("none", { until: "", unjudged: "", shape: "–", text: "No limit set" });
  assert.equal(light.at(UNTIL * 2, { when: "since 09:31 UTC" }), false);
  assert.deepEqual(light.told(), ["–", "No limit set", "none"]);
});

test("it turns before its slot is due where the evaluator stands still, and says since when that does", () => {
  for (const until of [String(UNTIL), ""]) {
    const light = makeLight("ok", { until });
    assert.equal(light.at(UNTIL - 900_000, { when: "since 09:31 UTC" }), true);
    assert.deepEqual(light.told(), ["◌", "Not judged since 09:31 UTC", "unjudged"]);
  }
  const lost = makeLight("firing", { shape: "■", text: "Beyond limit" });
  lost.at(UNTIL, { when: "" });
  assert.deepEqual(lost.told(), ["■", "Beyond limit · not judged", "firing", "unjudged"]);
});

test("while the server says that somebody judges it has three seconds to tell until when", () => {
  const light = makeLight("ok");
  assert.equal(light.at(UNTIL + 3000, null, true), true);
  assert.deepEqual(light.told(), ["●", "Within limit", "ok"]);
  light.at(UNTIL + 3001, null, true);
  assert.deepEqual(light.told(), ["◌", "Not judged since 10:42 UTC", "unjudged"]);
});

test("what was told after an answer was asked for is newer than that, until somebody judges again", () => {
  const told = new Told(), when = "since 10:42 UTC";
  told.hear({ threshold: 1, topic: "er.wait" }, { when }, 500);
  assert.equal(told.find("er.wait", 400).when, when);
  assert.equal(told.find("er.wait", 600), null, "that answer knew it");
  assert.equal(told.find("er.beds", 400), null);
  told.hear({ threshold: 2, topic: "er.wait" }, null, 700);
  assert.equal(told.find("er.wait", 400).when, when, "another threshold of it");
  told.hear({ threshold: 1, topic: "er.wait" }, null, 800);
  assert.equal(told.find("er.wait", 400), null);
});
