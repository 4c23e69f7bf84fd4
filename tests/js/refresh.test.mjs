import assert from "node:assert/strict";
import { test } from "node:test";

import { makeRefresher } from "../../metrics_app/static/metrics_app/refresh.js";

function makeWorld(answer = async () => {}) {
  const world = { time: 0, timers: [], asked: [] };
  world.refresher = makeRefresher({
    load: (topics) => { world.asked.push([world.time, topics]); return answer(); },
    now: () => world.time,
    later: (fn, ms) => world.timers.push({ at: world.time + ms, fn }),
  });
  world.pass = async (ms) => {
    const until = world.time + ms;
    for (;;) {
      const next = world.timers.filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      world.timers.splice(world.timers.indexOf(next), 1);
      world.time = Math.max(world.time, next.at);
      await next.fn();
    }
    world.time = until;
  };
  return world;
}

test("it asks at once, then at most once a second, for everything that changed meanwhile", async () => {
  const { refresher, pass, asked } = makeWorld();
  refresher.ring("a");
  await pass(10);
  refresher.ring("b");
  refresher.ring("c");
  refresher.ring("b");
  await pass(2000);
  assert.deepEqual(asked, [[0, ["a"]], [1000, ["b", "c"]]]);
});

test("it asks for all slowly even without points, because windows slide on", async () => {
  const { pass, asked } = makeWorld();
  await pass(31_000);
  assert.deepEqual(asked, [[15_000, null], [30_000, null]]);
});

test("after a failure it waits, and asks again for what it did not get", async () => {
  let fail = true;
  const world = makeWorld(async () => { if (fail) throw new Error("away"); });
  world.refresher.ring("a");
  await world.pass(0);
  fail = false;
  await world.pass(4999);
  assert.equal(world.asked.length, 1);
  await world.pass(10);
  assert.deepEqual(world.asked[1], [5000, ["a"]]);
});
