/**
 * emit and stream for browsers and Node 20+.
 *
 *   import { configure, emit, stream } from "/static/metrics_app/metrics.js";
 *   configure({ url: "https://metrics.example.org", key: "hms_…" });
 *   await emit("complaint.latency", 1560);
 *   const { close } = stream("complaint.latency", ({ ts, value }) => …);
 *
 * A page of another site has no key: configure({ url, tickets: "/my-ticket" }), where /my-ticket is an
 * address of its own server (or a function) that answers what POST /api/v1/stream-tickets/ answered it.
 *
 * In Node HMS_URL and HMS_KEY do for configure(). Emitting needs a key with scope
 * "emit", also from a page of the site itself; streaming works with the session too.
 */

const CAPACITY = 10_000; // points that wait; newer ones are dropped and counted
const BATCH = 1_000; // points of one request
const LAST_BATCH = 400; // of one that outlives its page: browsers allow those 64 kB
const PAUSE = 50; // ms between two batches
const FIRST_WAIT = 250; // ms before the first retry, doubled each time
const LONGEST_WAIT = 30_000;
const RETRY_FOR = 300_000; // ms a batch is retried before it is dropped
const AT_ONCE = 2_000; // ms there and back after which an answer says what time it is at the server
const REMEMBERED = 600_000; // ms for which that is believed
const STEP = 1_000; // ms that a clock may move against one that never steps and be the same
const SILENCE = 45_000; // ms; the server's heart beats every 15 s
const ANSWERS_IN = 15_000; // ms until a stream has begun, its ticket included
const TICKETS_LATE = 3; // tickets in a row that may come too late
const EARLIEST = Date.UTC(2000, 0, 1);
const TOPIC = /^[a-z0-9_]+(\.[a-z0-9_]+)*$/;

/** The topic, value and ts of a point, or a TypeError: the caller's own mistakes are told at once. */
export function checkPoint(topic, value, ts) {
  if (typeof topic !== "string" || topic.length > 100 || !TOPIC.test(topic)) {
    throw new TypeError(
      `${JSON.stringify(topic)} is not a topic: use up to 100 lower-case letters, digits and _ in words joined by dots, such as 'er.wait'`,
    );
  }
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw new TypeError(`${String(value)} is not a finite number`);
  }
  if (!Number.isInteger(ts) || ts < EARLIEST) {
    throw new TypeError(`${String(ts)} is not a time: expected milliseconds since the epoch`);
  }
  return { topic, value, ts };
}

/** Reads text/event-stream: push() it text in pieces of any size, it calls onEvent and onRetry. */
export class EventParser {
  constructor({ onEvent, onRetry = () => {} }) {
    Object.assign(this, { onEvent, onRetry, rest: "", first: true });
    this.clear();
  }

  clear() {
    this.data = [];
    this.type = "message";
    this.id = undefined;
  }

  push(text) {
    this.rest += text;
    if (this.first && this.rest) {
      this.rest = this.rest.replace(/^\uFEFF/, "");
      this.first = false;
    }
    // A carriage return at the very end may be half of a line's end: it waits.
    for (let end; (end = /\r\n|\n|\r(?!$)/.exec(this.rest)); ) {
      const line = this.rest.slice(0, end.index);
      this.rest = this.rest.slice(end.index + end[0].length);
      this.readLine(line);
    }
  }

  readLine(line) {
    if (line === "") {
      this.finish();
      return;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.data.push(value);
    else if (field === "event") this.type = value || "message";
    else if (field === "id" && !value.includes("\0")) this.id = value;
    else if (field === "retry" && /^\d+$/.test(value)) this.onRetry(Number(value));
  }

  finish() {
    const { type, id, data } = this;
    this.clear();
    if (id !== undefined || data.length > 0) this.onEvent({ type, id, data: data.join("\n") });
  }
}

/** The items of a batch in lists, one per topic. */
function groupByTopic(batch) {
  const topics = new Map();
  for (const item of batch) {
    const part = topics.get(item.point.topic);
    if (part) part.push(item);
    else topics.set(item.point.topic, [item]);
  }
  return [...topics.values()];
}

/** An answer's JSON object; {} for what is none, as from a proxy. */
function readAnswer(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

/** The body of a batch. Of points that `emit` stamped none is after now: a clock that was set back must not sink them. */
const writeBody = (batch, now) =>
  JSON.stringify(batch.map(({ point }) => (now === undefined ? point : { ...point, ts: Math.min(point.ts, now) })));

/** Whether an answer will be the same tomorrow; the others pass. */
const isFinal = (status) => status < 500 && ![408, 425, 429].includes(status);

/** Seconds of a Retry-After header in ms; 0 where it is missing or a date. */
const readRetryAfter = (response) => 1000 * (Number(response.headers.get("Retry-After")) || 0);

/** How far this machine's clock is ahead of the server's, as the last answer that came back at once showed. */
class ServerClock {
  /** Compares; `sent` is the clock and `left` the steady one as a request left, `late` ms before an answer that `said`. */
  note(sent, left, late, said) {
    if (late > AT_ONCE || !/^\d+$/.test(said ?? "")) return;
    Object.assign(this, { skew: Math.round(sent + late / 2 - Number(said)), base: sent - left, seen: left });
  }

  /** What a request says of the clock. It may come late, and a clock look behind: so the server learns that it is not. */
  describe(sent, left) {
    // One that was set since, or of a machine that slept, is another clock.
    const isKnown = Math.abs(sent - left - this.base) < STEP && left - this.seen < REMEMBERED;
    return { "HMS-Clock": String(sent), ...(isKnown ? { "HMS-Skew": String(this.skew) } : {}) };
  }
}

/**
 * A buffer and what empties it. `world` is what it touches: fetch, now(), later(callback, ms),
 * warn(text), makeId(), and steady(), ms that only go on. The module has one; make another for a second server.
 */
export class Emitter {
  constructor(world) {
    Object.assign(this, { world, waiting: [], underway: [], sending: undefined, sent: 0, dropped: 0, told: 0 });
    this.warned = new Set();
    this.server = new ServerClock();
  }

  /** Sends a point in the background. Throws the caller's mistakes; resolves to whether it arrived. */
  emit(topic, value = 1, ts = undefined) {
    const point = checkPoint(topic, value, ts === undefined ? this.world.now() : ts);
    if (this.waiting.length >= CAPACITY) {
      this.dropped += 1;
      this.warn(`over ${CAPACITY} points wait: newer ones are dropped`);
      return Promise.resolve(false);
    }
    return new Promise((resolve) => {
      this.waiting.push({ point, resolve, isGiven: ts !== undefined });
      this.sending ??= this.run();
    });
  }

  /** Sends what waits, one batch after the other; runs while there is something. */
  async run() {
    while (this.waiting.length > 0) {
      await new Promise((resolve) => this.world.later(resolve, PAUSE));
      for (const part of this.take(BATCH)) await this.deliver(part);
    }
    this.sending = undefined;
  }

  /** Up to so many points: those that were stamped here, by this machine's clock, and those with times of their own. */
  take(most) {
    const items = this.waiting.splice(0, most);
    const parts = [false, true].map((isGiven) => ({ batch: items.filter((item) => item.isGiven === isGiven), byClock: !isGiven }));
    return parts.filter(({ batch }) => batch.length > 0);
  }

  /** Sends what waits and what is under way in requests that outlive the page. */
  leave() {
    // Under the same id: if the first attempt arrived after all, this one changes nothing.
    for (const entry of this.underway) this.post(entry, true);
    while (this.waiting.length > 0) for (const part of this.take(LAST_BATCH)) this.deliver(part, true);
  }

  /** How many points were lost, or would be if the process ended now. */
  lost() {
    return this.dropped + this.waiting.length + this.underway.reduce((sum, { batch }) => sum + batch.length, 0);
  }

  /** Sends one batch until it arrived or is lost, and tells those who wait for it. */
  async deliver({ batch, byClock, again = false }, leaving = false) {
    const answer = await this.retry(batch, byClock, leaving);
    if (answer.arrived) {
      this.sent += batch.length;
      batch.forEach(({ resolve }) => resolve(true));
      return;
    }
    const [parts, lost] = this.part({ batch, byClock, again }, answer);
    this.dropped += lost.length;
    if (lost.length > 0) this.warn(`metrics are dropped: ${answer.why}`);
    lost.forEach(({ resolve }) => resolve(false));
    for (const part of parts) await this.deliver(part, leaving);
  }

  /** What of a refused batch is worth another request, and what is lost: it must not take the others along. */
  part({ batch, byClock, again }, answer) {
    const refused = new Set(answer.refused?.filter((index) => index in batch));
    if (refused.size > 0) {
      const rest = { batch: batch.filter((_, index) => !refused.has(index)), byClock, again };
      const faulty = { batch: batch.filter((_, index) => refused.has(index)), byClock: true, again: true };
      // A time that is ahead of the server was read from a clock that is, most likely this machine's.
      const parts = again ? [rest] : [rest, faulty];
      return [parts.filter((part) => part.batch.length > 0), again ? faulty.batch : []];
    }
    const topics = answer.apart ? groupByTopic(batch) : [];
    return topics.length > 1 ? [topics.map((part) => ({ batch: part, byClock, again })), []] : [[], batch];
  }

  /** Tries under one id until the batch is accepted, refused, or too old. */
  async retry(batch, byClock, leaving) {
    const giveUp = this.world.steady() + RETRY_FOR;
    const body = writeBody(batch, byClock ? this.world.now() : undefined);
    const entry = { batch, body, byClock, id: this.world.makeId(), dropped: this.dropped - this.told };
    this.underway.push(entry);
    try {
      for (let wait = FIRST_WAIT; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
        const answer = await this.post(entry, leaving);
        if (answer.arrived) this.told += entry.dropped;
        if (answer.arrived || answer.final) return answer;
        const pause = Math.max(wait * (0.5 + Math.random()), answer.retryAfter ?? 0);
        if (this.world.steady() + pause > giveUp) return { ...answer, apart: pause > RETRY_FOR };
        this.warn(`metrics wait: ${answer.why}`);
        await new Promise((resolve) => this.world.later(resolve, pause));
      }
    } finally {
      this.underway.splice(this.underway.indexOf(entry), 1);
    }
  }

  async post({ body, id, byClock, dropped }, keepalive) {
    const { url, key } = this.world.settings();
    if (!url) return { final: true, why: "no server is known: call configure({ url, key }) or set HMS_URL" };
    const headers = { "Content-Type": "application/json", "Idempotency-Key": id };
    if (key) headers.Authorization = `Bearer ${key}`;
    if (dropped) headers["HMS-Dropped"] = String(dropped);
    const [sent, left] = [this.world.now(), this.world.steady()];
    if (byClock) Object.assign(headers, this.server.describe(sent, left));
    try {
      const target = `${url.replace(/\/+$/, "")}/api/v1/points/`;
      const response = await this.world.fetch(target, { method: "POST", headers, body, keepalive, credentials: "omit" });
      const text = await response.text();
      if (response.ok) {
        const late = this.world.steady() - left;
        this.server.note(sent, left, late, response.headers.get("HMS-Clock"));
        if (byClock) this.tellSkew(readAnswer(text).skew, late);
        return { arrived: true };
      }
      const why = `HTTP ${response.status} ${text.slice(0, 300)}`;
      const refused = response.status === 400 ? readAnswer(text).refused : undefined;
      const apart = [400, 403].includes(response.status);
      return { final: isFinal(response.status), why, apart, refused, retryAfter: readRetryAfter(response) };
    } catch (error) {
      return { final: false, why: String(error) };
    }
  }

  /** Says once how far the server found this machine's clock off, in s, unless the way took so long (ms). */
  tellSkew(skew, late) {
    if (!skew || this.skew || (skew < 0 && -skew * 1000 <= late)) return;
    this.skew = skew;
    const way = skew > 0 ? "ahead of" : "behind";
    this.warn(`this machine's clock is ${Math.abs(skew)} s ${way} the server's: what emit stamps is corrected`);
  }

  /** Says each thing once, and at most a hundred different ones. */
  warn(text) {
    if (this.warned.has(text) || this.warned.size >= 100) return;
    this.warned.add(text);
    this.world.warn(text);
  }
}

/** What a promise comes to, unless the signal is given up before. */
const waitFor = (promise, signal) => new Promise((resolve, reject) => {
  signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  Promise.resolve(promise).then(resolve, reject);
});

/**
 * A stream of points that reconnects by itself and goes on where it was. It reads
 * text/event-stream by fetch, in browsers too: an EventSource can carry no key,
 * and gives up for ever when a proxy answers 502 once.
 */
export class Stream {
  constructor(topics, handlers, world) {
    Object.assign(this, { topics, handlers, world, position: handlers.position, wait: FIRST_WAIT, closed: false, late: 0 });
    this.done = this.run();
  }

  close() {
    this.closed = true;
    this.abort?.abort();
  }

  async run() {
    while (!this.closed) {
      try {
        if ((await this.connect()) === "over") break;
      } catch (error) {
        if (!this.closed) this.world.warn(`the stream is interrupted: ${error}`);
      }
      if (this.closed) break;
      this.tell("disconnected");
      await new Promise((resolve) => this.world.later(resolve, this.wait * (0.5 + Math.random())));
      this.wait = Math.min(2 * this.wait, LONGEST_WAIT);
    }
    this.tell("closed");
  }

  tell(status) {
    this.handlers.onStatus?.(status);
  }

  address({ url, path, tickets }, ticket) {
    const query = new URLSearchParams(this.topics.map((topic) => ["topic", topic]));
    if (this.handlers.since !== undefined && !this.position) query.set("since", this.handlers.since);
    if (this.handlers.maxRate) query.set("max_rate", this.handlers.maxRate);
    if (ticket) {
      query.set("ticket", ticket);
      // In the address: a header of our own would cost a request that asks for permission first.
      if (this.position) query.set("position", this.position);
    }
    return `${url.replace(/\/+$/, "")}${path ?? (tickets ? "/mkt/metrics/stream" : "/metrics/stream")}?${query}`;
  }

  /** A fresh ticket: each opens one stream, once. null where the page's own server refuses for good. */
  async fetchTicket(tickets, signal) {
    if (typeof tickets === "function") return waitFor(tickets(this.topics), signal);
    const response = await this.world.fetch(tickets, { method: "POST", cache: "no-store", credentials: "same-origin", signal });
    if (response.ok) return (await response.json()).ticket ?? null;
    if (isFinal(response.status)) return null;
    throw new Error(`no ticket: HTTP ${response.status}`);
  }

  /** One connection, until it ends; "over" when the server says to stop. */
  async connect() {
    this.abort = new AbortController();
    // A server that takes a connection and says nothing would be waited for without end.
    const deadline = this.world.later(() => this.abort.abort(new Error("no answer")), ANSWERS_IN);
    const knocked = await this.knock(this.abort.signal).finally(() => this.world.cancel(deadline));
    return knocked ? this.follow(knocked) : "over";
  }

  /** {response, ticket} of a request; null where there is nobody to ask for a ticket, or nobody asks any more. */
  async knock(signal) {
    const { url, key, tickets, path } = this.world.settings();
    if (!url) throw new Error("no server is known: call configure({ url, key }) or set HMS_URL");
    const headers = { Accept: "text/event-stream" };
    const ticket = tickets ? await this.fetchTicket(tickets, signal) : undefined;
    if (ticket === null) {
      this.world.warn("the stream is refused: no ticket");
      return null;
    }
    if (key && !ticket) headers.Authorization = `Bearer ${key}`;
    if (this.position && !ticket) headers["Last-Event-ID"] = this.position;
    if (this.closed) return null;
    const address = this.address({ url, path, tickets }, ticket);
    const credentials = ticket ? "omit" : "same-origin";
    return { response: await this.world.fetch(address, { headers, signal, credentials, cache: "no-store" }), ticket };
  }

  /** Reads a response to its end; "over" where it says that no other will follow. */
  async follow({ response, ticket }) {
    if (response.status === 204) return "over";
    if (!response.ok) {
      // 401, 403, 404: nobody will let it in later; the rest passes. A ticket may only have come too late.
      const text = `HTTP ${response.status} ${(await response.text()).slice(0, 300)}`;
      const late = ticket && response.status === 401 && ++this.late <= TICKETS_LATE;
      if (isFinal(response.status) && !late) {
        this.world.warn(`the stream is refused: ${text}`);
        return "over";
      }
      throw new Error(text);
    }
    this.wait = FIRST_WAIT;
    this.late = 0;
    this.tell("live");
    await this.read(response.body.getReader());
    return "ended";
  }

  async read(reader) {
    const decoder = new TextDecoder();
    const parser = new EventParser({
      onEvent: (event) => this.handle(event),
      onRetry: (ms) => (this.wait = Math.min(ms, LONGEST_WAIT)),
    });
    for (;;) {
      // A connection can die without a word: then the heartbeats stop.
      const silence = this.world.later(() => this.abort.abort(new Error("no heartbeat")), SILENCE);
      const { done, value } = await reader.read().finally(() => this.world.cancel(silence));
      if (done || this.closed) return;
      parser.push(decoder.decode(value, { stream: true }));
    }
  }

  handle({ type, id, data }) {
    if (type === "reset") this.position = undefined;
    if (id !== undefined) this.position = id;
    const { onPoint, onState, onReset, onOmitted, onHeartbeat, onClock } = this.handlers;
    try {
      if (type === "position" || type === "heartbeat") onClock?.(JSON.parse(data).ts, JSON.parse(data).through);
      if (type === "message" && data) onPoint?.(JSON.parse(data));
      else if (type === "state") onState?.(JSON.parse(data));
      else if (type === "reset") onReset?.();
      else if (type === "heartbeat") onHeartbeat?.(JSON.parse(data));
      else if (type === "not_allowed") this.world.warn(`the stream lost a topic: ${data}`);
      else if (type === "omitted") onOmitted ? onOmitted(JSON.parse(data)) : this.world.warn(`the stream leaves out topics: ${data}`);
    } catch (error) {
      // One point that the page cannot take must not end the stream.
      this.world.warn(`a handler failed: ${error}`);
    }
  }
}

const inNode = typeof process !== "undefined" && Boolean(process.versions?.node);
const chosen = {};

/** Where to send and who sends: what configure() said, else the environment, else the server of this file. */
function settings() {
  const own = import.meta.url.startsWith("http") ? new URL(import.meta.url).origin : undefined;
  const environment = inNode ? process.env : {};
  const { tickets, path } = chosen;
  return { url: chosen.url ?? environment.HMS_URL ?? own, key: chosen.key ?? environment.HMS_KEY, tickets, path };
}

const world = {
  settings,
  fetch: (...args) => fetch(...args),
  // Of this machine: what emit() stamps, and tells the server that its clock says.
  now: () => Date.now(),
  steady: () => performance.now(),
  later: (callback, ms) => setTimeout(callback, ms),
  cancel: (timer) => clearTimeout(timer),
  warn: (text) => console.warn(`metrics: ${text}`),
  makeId: () => crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join(""),
};
const emitter = new Emitter(world);

/**
 * Says where the server is and which key to use; pages of partners name `tickets` instead, and
 * programs of partners the `path` "/mkt/metrics/stream".
 */
export function configure({ url, key, tickets, path }) {
  Object.assign(chosen, { url, key, tickets, path });
}

/** `stream` for one server, beside whatever configure() said: connectTo({ url, key, tickets, path }). */
export function connectTo(place) {
  const own = { ...world, settings: () => ({ ...settings(), tickets: undefined, path: undefined, ...place }) };
  return { stream: (topic, onPoint, options = {}) => new Stream([topic].flat(), { ...options, onPoint }, own) };
}

/** Sends a point in the background; resolves to whether it arrived. Throws the caller's mistakes at once. */
export function emit(topic, value, ts) {
  return emitter.emit(topic, value, ts);
}

/** Points that arrived and points that never will, so far. */
export function counters() {
  return { sent: emitter.sent, dropped: emitter.dropped };
}

/**
 * Calls onPoint({ ts, value }) for every new point of a topic (or of a list of topics or
 * patterns: then with `topic`). Options: since (ms, or seconds before now as -3600), maxRate (events a
 * second and topic), position, onState, onReset, onOmitted, onHeartbeat, onClock (what time it is by the server, ms), onStatus ("live", "disconnected",
 * "closed").
 * Returns the stream: close(), position, and `done`, a promise.
 */
export function stream(topic, onPoint, options = {}) {
  return new Stream([topic].flat(), { ...options, onPoint }, world);
}

if (!inNode && typeof addEventListener === "function") addEventListener("pagehide", () => emitter.leave());
// Nothing can be sent there any more; who waits for what emit() answers loses nothing.
if (inNode) process.on("exit", () => emitter.lost() && world.warn(`lost, or not sent when the process ended: ${emitter.lost()}`));
