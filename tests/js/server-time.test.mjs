import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { LiveLine } from "../../metrics_app/static/metrics_app/live-line.js";
import { ServerTime } from "../../metrics_app/static/metrics_app/server-time.js";
import { connect } from "../../metrics_app/static/metrics_app/stream.js";

const NOW = 1_732_390_000_000, HOUR = 3_600_000;

/** A machine whose clock is `off` ms ahead of the server's, until somebody sets it anew; its steady clock stands still in sleep. */
function makeMachine(off) {
  const machine = { off, at: NOW, slept: 0 };
  machine.time = new ServerTime({ steady: () => machine.at - machine.slept - NOW, wall: () => machine.at + machine.off });
  machine.sleep = (ms) => { machine.at += ms; machine.slept += ms; };
  return machine;
}

const OFF = { "right": 0, "301 s fast": 301_000, "301 s slow": -301_000, "a day fast": 86_400_000 };

for (const [name, off] of Object.entries(OFF)) {
  test(`a clock that is ${name} says what time it is by the server, also once it was set`, () => {
    const machine = makeMachine(off);
    assert.equal(machine.time.isTold, false);
    assert.equal(machine.time.now(), NOW + off);
    machine.time.tell(NOW);
    machine.at += 5000;
    assert.equal(machine.time.now(), NOW + 5000);
    machine.off = -7_200_000;
    assert.equal(machine.time.now(), NOW + 5000);
  });

  test(`a breach is one, and its point as old as it is, where the clock is ${name} or set while the page is open`, () => {
    const machine = makeMachine(off), { time } = machine;
    const line = new LiveLine({ label: "Response time", unit: "seconds", window: 300_000, limit: 172_800 });
    line.setStatus("live", time.now());
    time.tell(NOW);
    line.hear(time.now());
    line.push({ ts: NOW - 12_000, value: 900_000 }, time.now());
    for (const set of [off, 301_000, -301_000]) {
      machine.off = set;
      const shown = line.describe(time.now(), String);
      assert.deepEqual([shown.state, shown.breached, shown.age, shown.chart.end], ["live", true, "12 s ago", NOW]);
      assert.match(shown.sentence, /now 10 d 10 h, beyond its limit of 48 h/);
    }
  });

  test(`a page is live at its first answer, and counts no silence, where the clock is ${name}`, () => {
    const machine = makeMachine(off), { time } = machine, timers = [], sockets = [];
    const stream = connect({
      open: () => sockets[sockets.push({ sent: [], send() {}, close() { this.closed = true; } }) - 1],
      now: () => time.now(), steady: time.steady, hasSlept: () => time.hasSlept(), random: () => 0.5,
      later: (fn, ms) => timers.push({ at: machine.at + ms, fn }),
      onMessage: () => {},
      onClock: (told) => { time.tell(told.now); stream.setClock(told); },
    });
    sockets[0].onopen();
    const pass = (ms, answers = true) => {
      for (const end = machine.at + ms; machine.at < end; machine.at += 500) {
        for (const timer of timers.splice(0)) if (timer.at <= machine.at) timer.fn(); else timers.push(timer);
        if (answers) sockets.at(-1).onmessage({ data: JSON.stringify({ type: "pong", now: machine.at, through: machine.at - 900, judged: machine.at - 900, judges: true }) });
        if (answers) assert.deepEqual(stream.status(), { state: "live", since: null });
      }
    };
    pass(4000);
    machine.off = 301_000;
    pass(60_000);
    assert.deepEqual([sockets.length, Math.abs(stream.heard() - machine.at) < 1000], [1, true]);
    // Asleep for eight hours: what it shows is old, and it says so unless it is heard of at once.
    machine.sleep(8 * HOUR);
    pass(3000, false);
    assert.equal(stream.status().state, "stale");
    pass(1000);
  });
}

test("words that were long on their way do not set it back", () => {
  const { time } = makeMachine(0);
  time.tell(NOW);
  time.tell(NOW - 4000);
  assert.equal(time.now(), NOW);
});

test("a server whose clock was set back is believed half a minute later", () => {
  const machine = makeMachine(0);
  machine.time.tell(NOW);
  for (let second = 1; second <= 31; second += 1) {
    machine.at = NOW + 1000 * second;
    machine.time.tell(machine.at - 60_000);
  }
  assert.equal(machine.time.now(), machine.at - 60_000);
});

test("it knows that the machine slept, once, and what time it is as soon as it was told", () => {
  const machine = makeMachine(0);
  machine.time.tell(NOW);
  assert.equal(machine.time.hasSlept(), false);
  machine.sleep(HOUR);
  assert.deepEqual([machine.time.hasSlept(), machine.time.hasSlept()], [true, false]);
  machine.time.tell(machine.at);
  assert.equal(machine.time.now(), NOW + HOUR);
  machine.off = -HOUR;
  assert.equal(machine.time.hasSlept(), false);
});

const ROOT = new URL("../../", import.meta.url);
const SCRIPTS = ["metrics_app/static/metrics_app/", "hms_gov/static/hms_gov/", "hms_gov/joins/static/hms_gov/"];
// What asks the reader's clock, also without naming it: a format of nothing is one of now.
const READERS = /Date\.now\b|new Date(?!\()|new Date\(\s*\)|(?<!new )\bDate\(|timeOrigin|\.format(ToParts)?\(\s*\)/g;
const MAY = {
  "server-time.js": 1, // until the server has told
  "metrics.js": 1, // what emit() stamps, which the server corrects
};

test("no script asks the reader's clock but the one that knows the server's", () => {
  const found = {};
  for (const place of SCRIPTS) {
    for (const name of readdirSync(new URL(place, ROOT)).filter((one) => one.endsWith(".js"))) {
      const times = readFileSync(new URL(place + name, ROOT), "utf8").replace(/^\s*(\/\/|\*|\/\*).*$/gm, "").match(READERS);
      if (times) found[name] = times.length;
    }
  }
  assert.deepEqual(found, MAY);
});
