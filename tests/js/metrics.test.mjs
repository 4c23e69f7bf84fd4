import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { test } from "node:test";
import { promisify } from "node:util";

import { checkPoint, Emitter, EventParser, Stream } from "../../metrics_app/static/metrics_app/metrics.js";

const NOW = 1732390000123;
const MODULE = new URL("../../metrics_app/static/metrics_app/metrics.js", import.meta.url).href;

/** A world whose clock runs as fast as it is asked, and whose server answers from a list. */
function makeWorld(answers) {
  const world = { requests: [], warnings: [], waits: [], clock: NOW, ids: 0 };
  return Object.assign(world, {
    settings: () => ({ url: "https://m.example/", key: "hms_x" }),
    now: () => world.clock,
    steady: () => world.clock - NOW,
    later: (callback, ms) => {
      world.waits.push(ms);
      world.clock += Math.round(ms);
      setImmediate(callback);
    },
    cancel: () => {},
    warn: (text) => world.warnings.push(text),
    makeId: () => `id${++world.ids}`,
    fetch: async (url, options) => {
      world.requests.push({ url, ...options });
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
}

const answer = (status, text = "", headers = {}) => ({
  status,
  ok: status >= 200 && status < 300,
  headers: new Headers(headers),
  text: async () => text,
});

test("it sends what was emitted as one batch, with the key and an idempotency key", async () => {
  const world = makeWorld([answer(202)]);
  const emitter = new Emitter(world);
  const first = emitter.emit("er.wait", 5);
  world.clock = NOW;
  const arrived = await Promise.all([first, emitter.emit("er.wait")]);
  assert.deepEqual(arrived, [true, true]);
  assert.equal(world.requests.length, 1);
  const [{ url, method, headers, body }] = world.requests;
  assert.equal(url, "https://m.example/api/v1/points/");
  assert.equal(method, "POST");
  assert.equal(headers.Authorization, "Bearer hms_x");
  assert.equal(headers["Idempotency-Key"], "id1");
  assert.deepEqual(JSON.parse(body), [
    { topic: "er.wait", value: 5, ts: NOW },
    { topic: "er.wait", value: 1, ts: NOW },
  ]);
  assert.equal(headers["HMS-Clock"], String(NOW), "the clock of those times, as the request is sent");
  assert.equal(headers["HMS-Dropped"], undefined);
  assert.equal(emitter.sent, 2);
});

test("it sends times that were given as they are, apart from those of its own clock", async () => {
  const world = makeWorld([answer(202)]);
  const emitter = new Emitter(world);
  assert.deepEqual(await Promise.all([emitter.emit("a", 1, NOW - 9000), emitter.emit("a", 2)]), [true, true]);
  const [own, given] = world.requests;
  assert.deepEqual([own.headers["HMS-Clock"], given.headers["HMS-Clock"]], [String(NOW + 50), undefined]);
  assert.deepEqual(JSON.parse(given.body), [{ topic: "a", value: 1, ts: NOW - 9000 }]);
});

test("it sends a refused batch again without the points that were refused, and those once by its own clock", async () => {
  const refusal = answer(400, JSON.stringify({ errors: [{ index: 1, field: "ts" }], refused: [1, 3] }));
  const world = makeWorld([refusal, answer(202), answer(400, JSON.stringify({ refused: [0] })), answer(202)]);
  const emitter = new Emitter(world);
  const arrived = await Promise.all([0, 1, 2, 3].map((value) => emitter.emit("a", value, NOW)));
  assert.deepEqual(arrived, [true, false, true, true]);
  const sent = world.requests.map(({ body, headers }) => [JSON.parse(body).map(({ value }) => value), "HMS-Clock" in headers]);
  assert.deepEqual(sent, [[[0, 1, 2, 3], false], [[0, 2], false], [[1, 3], true], [[3], true]]);
  assert.equal(new Set(world.requests.map(({ headers }) => headers["Idempotency-Key"])).size, 4);
  assert.deepEqual([emitter.sent, emitter.dropped], [3, 1]);
});

test("a clock that is set back while points wait sinks none of them", async () => {
  const world = makeWorld([answer(202)]);
  const emitter = new Emitter(world);
  const arrived = [emitter.emit("a", 1)];
  world.clock -= 8000;
  arrived.push(emitter.emit("a", 2));
  assert.deepEqual(await Promise.all(arrived), [true, true]);
  const [{ body, headers }] = world.requests;
  assert.ok(JSON.parse(body).every(({ ts }) => ts <= Number(headers["HMS-Clock"])));
});

test("it tells the server what it lost, once, and warns once of its clock", async () => {
  const world = makeWorld([answer(401), answer(503), answer(202, '{"accepted":1,"skew":8.1}'), answer(202, '{"accepted":1,"skew":8.2}')]);
  const emitter = new Emitter(world);
  assert.deepEqual([await emitter.emit("a"), await emitter.emit("a"), await emitter.emit("a")], [false, true, true]);
  assert.deepEqual(world.requests.map(({ headers }) => headers["HMS-Dropped"]), [undefined, "1", "1", undefined]);
  assert.equal(emitter.lost(), 1);
  assert.deepEqual(world.warnings.filter((text) => text.includes("clock")), [
    "this machine's clock is 8.1 s ahead of the server's: what emit stamps is corrected",
  ]);
});

test("what an answer that came at once says of the clock goes with later requests, and a slow one is no clock", async () => {
  const says = (ahead) => answer(202, '{"accepted":1,"skew":-6}', { "HMS-Clock": String(NOW - ahead) });
  const world = makeWorld([says(8000), says(8000), says(8000)]);
  const { fetch } = world;
  const waits = [7000, 1000, 7000, 0, 0];
  const way = () => { world.clock += waits.shift(); };
  world.fetch = async (...asked) => { const found = await fetch(...asked); way(); return found; };
  const emitter = new Emitter(world);
  const sent = [];
  for (let n = 0; n < 3; n += 1) {
    world.clock = NOW - 50;
    assert.equal(await emitter.emit("a"), true);
    sent.push(world.requests.at(-1).headers["HMS-Skew"]);
  }
  assert.deepEqual(sent, [undefined, undefined, "8500"]);
  // The first and the last were 7 s on their way, which explains the 6; the second was not.
  assert.equal(world.warnings.filter((text) => text.includes("6 s behind")).length, 1);
  // Of a clock that is set meanwhile nothing is known.
  world.steady = () => world.clock - NOW - 3_600_000;
  await emitter.emit("a");
  assert.equal(world.requests.at(-1).headers["HMS-Skew"], undefined);
});

test("it throws the caller's mistakes at once", () => {
  const emitter = new Emitter(makeWorld([answer(202)]));
  for (const topic of ["er wait", "", "A", "a..b", "x".repeat(101), 5, undefined]) {
    assert.throws(() => emitter.emit(topic, 1), TypeError);
  }
  for (const value of [NaN, Infinity, "1", null, true]) {
    assert.throws(() => emitter.emit("er.wait", value), TypeError);
  }
  for (const ts of [1732390000, 1.5, "now", null]) {
    assert.throws(() => checkPoint("er.wait", 1, ts), TypeError);
  }
});

test("it retries under the same idempotency key while the server is away", async () => {
  const world = makeWorld([new Error("refused"), answer(503, "away", { "Retry-After": "2" }), answer(202)]);
  const emitter = new Emitter(world);
  assert.equal(await emitter.emit("er.wait"), true);
  assert.deepEqual(world.requests.map(({ headers }) => headers["Idempotency-Key"]), ["id1", "id1", "id1"]);
  assert.ok(world.waits.at(-1) >= 2000, "Retry-After is obeyed");
});

test("it gives up after a while and counts what was dropped", async () => {
  const world = makeWorld([new Error("refused")]);
  const emitter = new Emitter(world);
  assert.equal(await emitter.emit("er.wait"), false);
  assert.equal(emitter.dropped, 1);
  assert.ok(world.clock - NOW <= 300_000 + 60_000);
});

test("it does not retry what is refused, and says why", async () => {
  const world = makeWorld([answer(401, '{"errors":[]}')]);
  const emitter = new Emitter(world);
  assert.equal(await emitter.emit("er.wait"), false);
  assert.equal(world.requests.length, 1);
  assert.match(world.warnings[0], /HTTP 401/);
});

test("it keeps a refused topic from taking the others of its batch with it", async () => {
  const world = makeWorld([answer(400), answer(202), answer(400)]);
  const emitter = new Emitter(world);
  const arrived = await Promise.all([emitter.emit("good"), emitter.emit("bad"), emitter.emit("good")]);
  assert.deepEqual(arrived, [true, false, true]);
  assert.deepEqual([emitter.sent, emitter.dropped], [2, 1]);
});

test("it drops and counts when its buffer is full", async () => {
  const world = makeWorld([answer(202)]);
  const emitter = new Emitter(world);
  const promises = Array.from({ length: 10_001 }, () => emitter.emit("er.wait"));
  assert.equal(await promises.at(-1), false);
  await Promise.all(promises);
  assert.deepEqual([emitter.sent, emitter.dropped, world.requests.length], [10_000, 1, 10]);
});

test("it sends what waits in requests that outlive the page", () => {
  const world = makeWorld([answer(202)]);
  world.later = () => {};
  const emitter = new Emitter(world);
  for (let i = 0; i < 500; i += 1) emitter.emit("er.wait");
  emitter.leave();
  assert.deepEqual(world.requests.map(({ keepalive }) => keepalive), [true, true]);
  assert.ok(world.requests.every(({ body }) => body.length < 64_000));
});

const read = (pieces) => {
  const events = [];
  const parser = new EventParser({ onEvent: (event) => events.push(event), onRetry: (ms) => events.push(ms) });
  pieces.forEach((piece) => parser.push(piece));
  return events;
};

test("it reads events however the network cuts them", () => {
  const text = '\uFEFFretry: 100\r\n\r\n: comment\nid: e:1\ndata: {"a":1}\r\n\r\nevent: state\rdata:x\rdata: y\r\rid: e:2\n\n';
  const expected = [
    100,
    { type: "message", id: "e:1", data: '{"a":1}' },
    { type: "state", id: undefined, data: "x\ny" },
    { type: "message", id: "e:2", data: "" },
  ];
  assert.deepEqual(read([text]), expected);
  assert.deepEqual(read([...text]), expected);
});

test("it leaves an unfinished event unread", () => {
  assert.deepEqual(read(["data: half\n"]), []);
});

/** A response that streams text and ends. */
const streaming = (text) => ({ status: 200, ok: true, body: new Blob([text]).stream(), headers: new Headers() });

test("it streams points and goes on where it was after an interruption", async () => {
  const world = makeWorld([
    streaming('retry: 100\nid: e:1\nevent: position\ndata: {"ts":1,"recovered":false}\n\nid: e:2\ndata: {"ts":1,"value":2}\n\n'),
    new Error("reset"),
    streaming('id: e:3\ndata: {"ts":2,"value":3}\n\n'),
    answer(204),
  ]);
  const points = [];
  const { done } = new Stream(["er.wait"], { onPoint: (point) => points.push(point) }, world);
  await done;
  assert.deepEqual(points, [{ ts: 1, value: 2 }, { ts: 2, value: 3 }]);
  assert.deepEqual(world.requests.map(({ headers }) => headers["Last-Event-ID"]), [undefined, "e:2", "e:2", "e:3"]);
  assert.equal(world.requests[0].url, "https://m.example/metrics/stream?topic=er.wait");
});

test("it comes back to a server that stops when that said, and goes on where it was", async () => {
  const farewell = 'retry: 800\nevent: unavailable\ndata: {"retry":800}\n\n';
  const world = makeWorld([streaming(`id: e:2\ndata: {"ts":1,"value":2}\n\n${farewell}`), answer(204)]);
  const waits = [], later = world.later;
  world.later = (callback, ms) => { waits.push(ms); return later(callback, ms); };
  await new Stream(["a"], {}, world).done;
  assert.equal(waits.filter((ms) => ms >= 400 && ms <= 1200).length, 1);
  assert.equal(world.requests[1].headers["Last-Event-ID"], "e:2");
});

test("it tells of a reset and starts from the new position", async () => {
  const world = makeWorld([streaming("event: reset\nid: f:9\ndata: {}\n\n"), answer(204)]);
  const told = [];
  await new Stream(["a"], { position: "e:1", onReset: () => told.push("reset"), onStatus: (s) => told.push(s) }, world).done;
  assert.deepEqual(told, ["live", "reset", "disconnected", "closed"]);
  assert.deepEqual(world.requests.map(({ headers }) => headers["Last-Event-ID"]), ["e:1", "f:9"]);
});

test("it tells what time it is by the server, from its first event on", async () => {
  const text = 'id: e:1\nevent: position\ndata: {"ts":5}\n\nevent: heartbeat\ndata: {"ts":6}\n\n', times = [];
  await new Stream(["a"], { onClock: (ms) => times.push(ms) }, makeWorld([streaming(text), answer(204)])).done;
  assert.deepEqual(times, [5, 6]);
});

test("it waits 15 s for a server that takes a connection and says nothing, and comes again", async () => {
  const world = makeWorld([answer(204)]), fetch = world.fetch;
  const hang = (url, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  world.fetch = (...asked) => { world.fetch = fetch; return hang(...asked); };
  await new Stream(["a"], {}, world).done;
  assert.deepEqual([world.waits[0], world.requests.length], [15_000, 1]);
  assert.match(world.warnings[0], /no answer/);
});

test("a clock that is set ahead while a batch waits does not drop it", async () => {
  const world = makeWorld([answer(503), answer(202)]);
  const later = world.later;
  world.later = (callback, ms) => { later(callback, ms); world.clock += 3_600_000; };
  world.steady = () => 0;
  assert.equal(await new Emitter(world).emit("a", 1), true);
});

test("it says which topics are left out, to the page or to the console", async () => {
  const text = 'event: omitted\ndata: {"count":1,"limit":200,"topics":["er.z"]}\n\n';
  const told = [];
  await new Stream(["er.*"], { onOmitted: ({ topics }) => told.push(...topics) }, makeWorld([streaming(text), answer(204)])).done;
  assert.deepEqual(told, ["er.z"]);
  const world = makeWorld([streaming(text), answer(204)]);
  await new Stream(["er.*"], {}, world).done;
  assert.match(world.warnings.join(), /leaves out topics.*er\.z/);
});

test("it survives a handler that fails", async () => {
  const world = makeWorld([streaming('id: e:1\ndata: 1\n\nid: e:2\ndata: 2\n\n'), answer(204)]);
  const seen = [];
  const onPoint = (point) => {
    seen.push(point);
    throw new Error("no");
  };
  await new Stream(["a"], { onPoint }, world).done;
  assert.deepEqual(seen, [1, 2]);
  assert.match(world.warnings[0], /a handler failed/);
});

test("it stops when it is refused for good, and when it is closed", async () => {
  const refused = makeWorld([answer(403, "no")]);
  await new Stream(["a"], {}, refused).done;
  assert.equal(refused.requests.length, 1);
  const open = makeWorld([streaming("id: e:1\n\n")]);
  const stream = new Stream(["a"], {}, open);
  stream.close();
  await stream.done;
});

const ticketed = (answers, tickets) => {
  const world = makeWorld(answers);
  world.settings = () => ({ url: "https://m.example", key: "hms_never_sent", tickets });
  return world;
};
const ticket = (text) => ({ status: 201, ok: true, json: async () => ({ ticket: text }) });

test("a page without a key takes a fresh ticket for each connection, and sends no header of its own", async () => {
  const world = ticketed([ticket("t1"), streaming("id: e:1\n\n"), ticket("t2"), streaming(""), ticket("t3"), answer(204)], "/tickets");
  await new Stream(["er.wait"], {}, world).done;
  const [first, second, , third] = world.requests;
  assert.deepEqual([first.url, first.method], ["/tickets", "POST"]);
  assert.equal(second.url, "https://m.example/mkt/metrics/stream?topic=er.wait&ticket=t1");
  assert.deepEqual([second.headers, second.credentials], [{ Accept: "text/event-stream" }, "omit"]);
  assert.equal(third.url, "https://m.example/mkt/metrics/stream?topic=er.wait&ticket=t2&position=e%3A1");
});

test("a ticket that came too late is replaced, but not for ever", async () => {
  const world = ticketed([answer(401, "used")], async (topics) => `for ${topics}`);
  await new Stream(["a"], {}, world).done;
  assert.equal(world.requests.length, 4);
  assert.match(world.requests[0].url, /ticket=for\+a/);
});

test("it stops where the page's own server gives no ticket", async () => {
  const world = ticketed([answer(403)], "/tickets");
  await new Stream(["a"], {}, world).done;
  assert.equal(world.requests.length, 1);
  const away = ticketed([answer(502), new Error("away"), ticket("t"), answer(204)], "/tickets");
  await new Stream(["a"], {}, away).done;
  assert.equal(away.requests.length, 4);
});

test("a page that never answers with a ticket is waited for as long as a server", { timeout: 5000 }, async () => {
  let asked = 0;
  const world = ticketed([answer(204)], () => (asked++ ? "t2" : new Promise(() => {})));
  await new Stream(["a"], {}, world).done;
  assert.deepEqual([asked, world.requests.length], [2, 1]);
  assert.match(world.warnings[0], /no answer/);
});

test("it works from the environment of a Node program, which ends by itself", async () => {
  const bodies = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += piece;
    bodies.push([request.headers.authorization, JSON.parse(body)]);
    response.writeHead(202).end('{"accepted":1}');
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const script = `import { emit } from ${JSON.stringify(MODULE)}; console.log(await emit("er.wait", 7));`;
  const env = { ...process.env, HMS_URL: `http://127.0.0.1:${server.address().port}`, HMS_KEY: "hms_env" };
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { env });
  server.closeAllConnections();
  server.close();
  assert.equal(stdout.trim(), "true");
  assert.equal(bodies[0][0], "Bearer hms_env");
  assert.equal(bodies[0][1][0].value, 7);
});
