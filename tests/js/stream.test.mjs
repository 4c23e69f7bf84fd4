import assert from "node:assert/strict";
import { test } from "node:test";

import { backOff, connect, describe, judge, waitOutRestart } from "../../metrics_app/static/metrics_app/stream.js";

/** A world with a clock and sockets that only move when told to. */
function makeWorld(subscription = { topics: ["complaint.*"] }, { told = true } = {}) {
  const world = { time: 0, timers: [], sockets: [], messages: [], opens: [] };
  world.stream = connect({
    open: () => {
      const socket = { sent: [], close() { this.closed = true; }, send(text) { this.sent.push(JSON.parse(text)); } };
      world.sockets.push(socket);
      return socket;
    },
    now: () => world.time,
    later: (fn, ms) => world.timers.push({ at: world.time + ms, fn }),
    random: () => 0.5,
    subscription,
    onMessage: (message) => world.messages.push(message),
    onClock: (told) => world.stream.setClock(told),
    onOpen: (again) => world.opens.push(again),
  });
  // Somebody judges, and is said to, unless a test is about that.
  const tell = () => told && world.stream.setClock({ through: null, judged: world.time, judges: true });
  tell();
  world.pass = (ms) => {
    const until = world.time + ms;
    for (;;) {
      const next = world.timers.filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      world.timers.splice(world.timers.indexOf(next), 1);
      world.time = next.at;
      next.fn();
    }
    world.time = until;
    tell();
  };
  world.say = (message) => world.sockets.at(-1).onmessage({ data: JSON.stringify(message) });
  return world;
}

test("it subscribes once the socket is open", () => {
  const { sockets, stream } = makeWorld();
  assert.equal(stream.status().state, "disconnected");
  sockets[0].onopen();
  assert.deepEqual(sockets[0].sent, [{ type: "subscribe", topics: ["complaint.*"], positions: {} }, { type: "ping" }]);
  assert.equal(stream.status().state, "live");
});

test("it tells when it begins to hear, and when it does so again", () => {
  const world = makeWorld();
  assert.deepEqual(world.opens, []);
  world.sockets[0].onopen();
  world.sockets[0].onclose({ code: 1006 });
  world.pass(1000);
  world.sockets[1].onopen();
  assert.deepEqual(world.opens, [false, true]);
});

test("it asks for nothing but the clock when it only listens for events", () => {
  const { sockets } = makeWorld(null);
  sockets[0].onopen();
  assert.deepEqual(sockets[0].sent, [{ type: "ping" }]);
});

test("a page of named topics is catching up until each was answered, by points or by a refusal", () => {
  const world = makeWorld({ topics: ["er.wait", "er.left", "er.*"] });
  world.sockets[0].onopen();
  world.say({ type: "pong" });
  assert.equal(world.stream.status().state, "catching");
  world.say({ type: "snapshot", topic: "er.wait", position: "e:0", points: [] });
  world.say({ type: "error", code: "unavailable", message: "The database is away" });
  world.say({ type: "error", code: "omitted", message: "2 are left out: er.x, er.y" });
  assert.equal(world.stream.status().state, "catching");
  world.say({ type: "error", code: "unknown_topic", topic: "er.left", message: "There is no such topic" });
  assert.equal(world.stream.status().state, "live");
  world.stream.subscribe({ topics: ["er.other"] });
  assert.equal(world.stream.status().state, "catching");
  world.say({ type: "error", code: "too_many_topics", message: "At most 1000" });
  assert.equal(world.stream.status().state, "live");
});

test("it resumes every topic from its last position, and is catching up until each has answered", () => {
  const world = makeWorld();
  world.sockets[0].onopen();
  world.say({ type: "snapshot", topic: "complaint.latency", position: "e:4", points: [] });
  world.say({ type: "points", topic: "complaint.latency", position: "e:6", points: [[1, 2], [3, 4]] });
  world.sockets[0].onclose({ code: 1006 });
  assert.equal(world.stream.status().state, "disconnected");
  world.pass(1000);
  assert.equal(world.sockets.length, 2);
  world.sockets[1].onopen();
  assert.deepEqual(world.sockets[1].sent[0].positions, { "complaint.latency": "e:6" });
  assert.equal(world.stream.status().state, "catching");
  world.say({ type: "snapshot", topic: "complaint.latency", position: "e:9", recovered: true, points: [] });
  assert.equal(world.stream.status().state, "live");
  assert.deepEqual(world.messages.map((message) => message.type), ["snapshot", "points", "snapshot"]);
});

test("after a reset it does not ask for the old position again", () => {
  const world = makeWorld();
  world.sockets[0].onopen();
  world.say({ type: "points", topic: "a", position: "e:6", points: [] });
  world.say({ type: "reset", topic: "a" });
  assert.deepEqual(world.stream.positions, {});
});

test("it waits longer after each failure, and from the start again once the server has spoken", () => {
  const world = makeWorld();
  const waits = [];
  for (let attempt = 0; attempt < 4; attempt += 1) {
    const before = world.time;
    world.sockets.at(-1).onclose({ code: 1006 });
    const count = world.sockets.length;
    while (world.sockets.length === count) world.pass(1);
    waits.push(world.time - before);
  }
  assert.deepEqual(waits, [375, 750, 1500, 3000]);
  world.sockets.at(-1).onopen();
  world.say({ type: "pong" });
  const before = world.time;
  world.sockets.at(-1).onclose({ code: 1006 });
  const count = world.sockets.length;
  while (world.sockets.length === count) world.pass(1);
  assert.equal(world.time - before, 375);
});

test("it never waits longer than half a minute, and never less than half its step", () => {
  assert.equal(backOff(30, 0.999) <= 30_000, true);
  assert.equal(backOff(0, 0), 250);
});

test("it stops when the server says the log-in has ended", () => {
  const world = makeWorld();
  world.sockets[0].onopen();
  world.sockets[0].onclose({ code: 4401 });
  world.pass(100_000);
  assert.equal(world.sockets.length, 1);
  assert.equal(world.stream.status().state, "ended");
});

test("it comes back to a server that stops within three seconds, not all pages at once, and goes on where it was", () => {
  for (const code of [1012, 4012]) {
    const world = makeWorld();
    world.sockets[0].onopen();
    world.say({ type: "points", topic: "a", position: "e:6", points: [] });
    world.sockets[0].onclose({ code });
    world.pass(1749);
    assert.equal(world.sockets.length, 1);
    world.pass(1);
    world.sockets[1].onopen();
    assert.deepEqual(world.sockets[1].sent[0].positions, { a: "e:6" });
  }
  assert.deepEqual([waitOutRestart(0), waitOutRestart(1)], [500, 3000]);
});

test("it takes a socket that says nothing for closed", () => {
  const world = makeWorld();
  world.sockets[0].onopen();
  world.pass(70_000);
  assert.equal(world.sockets[0].closed, true);
  assert.ok(world.sockets.length >= 2);
});

test("a page is live by the time of its data, not by its socket", () => {
  const open = { open: true, ended: false, catching: false, lost: 0 };
  assert.equal(judge({ ...open, through: 90_000, now: 95_000 }).state, "live");
  assert.deepEqual(judge({ ...open, through: 60_000, now: 95_000 }), { state: "stale", since: 60_000 });
  assert.equal(judge({ ...open, open: false, through: 95_000, now: 95_000 }).state, "disconnected");
});

test("it is live once it is told that somebody judges, not while nobody does or is known to, and live again", () => {
  const world = makeWorld(null, { told: false });
  const wait = (seconds) => { for (let past = 0; past < seconds; past += 1) { world.pass(1000); world.say({ type: "pong" }); } };
  world.sockets[0].onopen();
  assert.equal(world.stream.status().state, "catching");
  world.stream.setClock({ through: null, judged: 7000, judges: true });
  wait(5);
  assert.equal(world.stream.status().state, "live");
  wait(1); // no answer came meanwhile
  assert.deepEqual(world.stream.status(), { state: "unjudged", since: 7000 });
  assert.deepEqual(world.stream.idle(), { since: 7000 });
  world.stream.setClock({ through: null, judged: 19_000, judges: true });
  assert.equal(world.stream.status().state, "live");
  assert.equal(world.stream.idle(), null);
  world.stream.setClock({ through: null, judged: null, judges: false });
  assert.deepEqual(world.stream.status(), { state: "unjudged", since: null });
  world.stream.setClock({ through: 500, judged: null, judges: false });
  assert.deepEqual(world.stream.status(), { state: "stale", since: 500 });
});

test("a server that answers and cannot say what is counted is stale, not catching up for ever", () => {
  const world = makeWorld(null, { told: false });
  const wait = (seconds) => { for (let past = 0; past < seconds; past += 1) { world.pass(1000); world.say({ type: "pong" }); } };
  world.sockets[0].onopen();
  wait(4);
  assert.equal(world.stream.status().state, "catching");
  wait(2);
  assert.deepEqual(world.stream.status(), { state: "stale", since: null });
  world.stream.setClock({ now: world.time, through: world.time, judged: world.time, judges: true });
  assert.equal(world.stream.status().state, "live");
  // Connected anew while it cannot: its topics get no answer, and what was counted last is known.
  const behind = { open: true, ended: false, catching: true, through: 1000, now: 20_000, lost: 0 };
  assert.equal(judge({ ...behind, late: 4000 }).state, "catching");
  assert.deepEqual(judge({ ...behind, late: 5000 }), { state: "stale", since: 1000 });
  assert.equal(judge({ ...behind, through: 19_000, late: 9000 }).state, "catching");
});

test("it says its state in words", () => {
  const time = () => "10:42";
  assert.equal(describe({ state: "unjudged", since: 1 }, time), "Live, not judged since 10:42");
  assert.equal(describe({ state: "unjudged", since: null }, time), "Live, not judged");
  assert.equal(describe({ state: "live", since: null }, time), "Live");
  assert.equal(describe({ state: "catching", since: null }, time), "Catching up");
  assert.equal(describe({ state: "stale", since: 1 }, time), "Stale since 10:42");
  assert.equal(describe({ state: "disconnected", since: 1 }, time), "Disconnected since 10:42, trying again");
});

test("it asks every second, and is stale once five have passed without a word", () => {
  const world = makeWorld(null);
  world.sockets[0].onopen();
  for (let second = 1; second <= 10; second += 1) {
    world.pass(1000);
    // The first as soon as the socket was open.
    assert.deepEqual(world.sockets[0].sent, Array(second + 1).fill({ type: "ping" }));
    world.say({ type: "pong" });
  }
  assert.equal(world.stream.status().state, "live");
  assert.equal(world.stream.heard(), 10_000);
  world.pass(4000);
  assert.equal(world.stream.status().state, "live");
  world.pass(2000);
  assert.deepEqual(world.stream.status(), { state: "stale", since: 10_000 });
  world.say({ type: "pong" });
  assert.equal(world.stream.status().state, "live");
});

test("a dead server makes the page stale although it tries again", () => {
  const world = makeWorld(null);
  world.sockets[0].onopen();
  world.sockets[0].onclose({ code: 1006 });
  assert.equal(world.stream.status().state, "disconnected");
  world.pass(6000);
  assert.deepEqual(world.stream.status(), { state: "stale", since: 0 });
});

test("a page that was busy for long is not stale before it had a chance to hear", () => {
  const world = makeWorld(null);
  world.sockets[0].onopen();
  world.pass(1000);
  world.time += 20_000; // the machine did something else
  for (const timer of world.timers) timer.at = Math.max(timer.at, world.time);
  world.pass(0);
  assert.equal(world.stream.status().state, "live");
  world.say({ type: "pong" });
  world.pass(3000);
  assert.equal(world.stream.status().state, "live");
});

test("no light is believed five seconds after somebody last judged, whatever else is heard", () => {
  const world = makeWorld(null, { told: false });
  world.sockets[0].onopen();
  const beat = (judged, judges = true) => world.say({ type: "pong", now: world.time, through: null, judged, judges });
  assert.equal(world.stream.isTold(), false);
  beat(0);
  assert.equal(world.stream.isTold(), true);
  assert.equal(world.stream.status().state, "live");
  // The clock of a server that no longer hears of anybody: what it tells grows older.
  for (let second = 1; second <= 5; second += 1) { world.pass(1000); beat(0); }
  assert.equal(world.stream.status().state, "live");
  world.pass(1000);
  beat(0);
  assert.deepEqual(world.stream.status(), { state: "unjudged", since: 0 });
  assert.deepEqual(world.stream.idle(), { since: 0 });
  beat(world.time);
  assert.equal(world.stream.status().state, "live");
  beat(world.time, false);
  assert.equal(world.stream.status().state, "unjudged");
  assert.deepEqual(world.messages, []);
  world.sockets[0].onclose({ code: 1006 });
  assert.equal(world.stream.isTold(), false, "without a socket the page asks itself");
});

test("it is stale once five seconds are not counted, told by each answer, however well it is judged", () => {
  const world = makeWorld(null, { told: false });
  world.sockets[0].onopen();
  const beat = (through) => { world.pass(1000); world.say({ type: "pong", now: world.time, through, judged: world.time, judges: true }); };
  for (let second = 0; second < 5; second += 1) beat(1);
  assert.equal(world.stream.status().state, "live");
  beat(1);
  assert.deepEqual(world.stream.status(), { state: "stale", since: 1 });
  beat(world.time);
  assert.equal(world.stream.status().state, "live");
});

test("an answer that took long does not undo what was told after it was begun", () => {
  const world = makeWorld(null, { told: false });
  world.sockets[0].onopen();
  world.pass(4000);
  world.say({ type: "pong", now: 10_000, through: null, judged: 9_500, judges: true });
  world.stream.setClock({ now: 5_000, through: null, judged: 1_000, judges: false });
  assert.equal(world.stream.status().state, "live");
});

test("where only answers of pages tell who judges, a light is trusted no longer, with or without a socket", () => {
  const world = makeWorld(null, { told: false });
  world.sockets[0].onopen();
  const answer = () => { world.say({ type: "pong" }); assert.equal(world.stream.isTold(), false); world.stream.setClock({ now: world.time, through: null, judged: world.time, judges: true }); };
  answer();
  for (let second = 0; second < 5; second += 1) { world.pass(1000); world.say({ type: "pong" }); }
  assert.equal(world.stream.status().state, "live");
  answer();
  world.pass(3000);
  world.sockets[0].onclose({ code: 1006 });
  world.pass(2000);
  assert.equal(world.stream.idle(), null);
  world.pass(1000);
  assert.notEqual(world.stream.idle(), null);
});
