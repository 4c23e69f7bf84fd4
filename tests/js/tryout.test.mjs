import assert from "node:assert/strict";
import { test } from "node:test";

import { makeTryout, readAnswer, readSuggestion } from "../../metrics_app/static/metrics_app/tryout.js";

/** Timers that fire when the test says so. */
function clock() {
  const waiting = new Map();
  let last = 0;
  return {
    setTimeout: (call) => (waiting.set(++last, call), last),
    clearTimeout: (id) => waiting.delete(id),
    fire: () => { const calls = [...waiting.values()]; waiting.clear(); calls.forEach((call) => call()); },
  };
}
const settle = () => new Promise((resolve) => setImmediate(resolve));

test("many key strokes ask once", async () => {
  const timers = clock(), shown = [];
  let asked = 0;
  const change = makeTryout({ ask: async () => ++asked, show: (answer) => shown.push(answer), fail: assert.fail, timers });
  change(); change(); change();
  timers.fire();
  await settle();
  assert.deepEqual([asked, shown], [1, [1]]);
});

test("an answer that comes after a newer question is not shown", async () => {
  const timers = clock(), shown = [], answers = [], signals = [];
  const ask = (signal) => (signals.push(signal), new Promise((resolve) => answers.push(resolve)));
  const change = makeTryout({ ask, show: (answer) => shown.push(answer), fail: assert.fail, timers });
  change(); timers.fire();
  change(); timers.fire();
  answers[1]("new"); answers[0]("old");
  await settle();
  assert.deepEqual(shown, ["new"]);
  assert.equal(signals[0].aborted, true, "and its request is ended");
});

test("a server that does not answer is told", async () => {
  const timers = clock(), told = [];
  const change = makeTryout({ ask: async () => { throw new Error("away"); }, show: assert.fail, fail: (e) => told.push(e.message), timers });
  change(); timers.fire();
  await settle();
  assert.deepEqual(told, ["away"]);
});

test("while a field is wrong the panel names it", () => {
  assert.equal(readAnswer({ faults: ["recovery_limit", "kpi"] }).sentence, "Not judged yet: look at recovery limit, kpi.");
  assert.deepEqual(readAnswer({ sentence: "a", warning: "b", chart: {} }), { sentence: "a", warning: "b", chart: {} });
});

test("a suggestion asks for what it still misses", () => {
  assert.match(readSuggestion({ faults: ["kpi", "window"] }).sentence, /^Choose a KPI/);
  assert.equal(readSuggestion({ faults: ["window"] }).sentence, "Nothing to suggest yet: look at window.");
  const parts = [{ field: "limit", text: "48 h" }];
  assert.deepEqual(readSuggestion({ sentence: "Known.", parts }), { sentence: "Known.", parts });
});
