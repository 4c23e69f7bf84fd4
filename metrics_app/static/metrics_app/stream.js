// The connection behind a live page. Pure: it is handed its socket, its clock and its timer.
//
// It keeps one WebSocket open, waits longer after each failure (with jitter, so that a
// restarted server is not stormed), resumes every topic from its last position, and judges
// what the reader may be told by the time of the data, never by the socket alone.

// ms since somebody last judged, or counted, before the page says so, whoever told it, and if nobody tells.
const TRUST = 5000;
const SLEPT = 10_000, MOMENT = 1500; // ms without a tick after which little is believed, and for how long that little is
const FIRST_WAIT = 500, LONGEST_WAIT = 30_000, PING_EVERY = 1000, PATIENCE = 45_000;
const SILENCE = 5000; // ms without a word from the server before the page says so
const TICK = 1000, LONGEST_TICK = 1500;
// Closed by the server for good: another try would be refused as well.
const FINAL = new Set([4401, 4403]);
// The server is stopping (Daphne may only say so in the numbers of applications): another one is
// there, or this one soon again. Every page of it hears that at the same moment.
const RESTART = new Set([1012, 4012]);
// Errors after which what was asked for still comes: later, or but for the topics that have no place.
const IN_PART = new Set(["unavailable", "omitted"]);
const RESTART_WAIT = [500, 3000]; // ms, from and to

/** Milliseconds before try number `attempt` (0, 1, …); `random` is in [0, 1). */
export function backOff(attempt, random) {
  return Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt) * (0.5 + random / 2);
}

/** Milliseconds until the next try after a server that said it stops; `random` is in [0, 1). */
export function waitOutRestart(random) {
  return RESTART_WAIT[0] + (RESTART_WAIT[1] - RESTART_WAIT[0]) * random;
}

/** What a reader is told: {state, since} with state "live", "unjudged", "catching", "stale", "disconnected",
 * "ended"; `silent` is for how many ms the page has waited in vain, `heard` when the server last spoke,
 * `idle` whether nobody judges, `judged` up to when somebody did, null where nobody ever has, `through` up
 * to when points are counted; `told` whether the server has said any of that, `late` for how many ms the page
 * has been catching up: a server that has nothing to say by then cannot read the figures either. */
export function judge({ open, ended, catching, through, now, lost, silent = 0, heard = null, idle = false, judged = null, told = true, late = 0 }) {
  if (ended) return { state: "ended", since: lost };
  if (silent >= SILENCE) return { state: "stale", since: heard };
  if (!open) return { state: "disconnected", since: lost };
  if (catching && late < SILENCE) return { state: "catching", since: null };
  // 0: nothing was ever counted, as after a loss of all that the server held in memory.
  if (through !== null && now - through > TRUST) return { state: "stale", since: through || null };
  if (!told) return { state: "stale", since: null };
  if (catching) return { state: "catching", since: null };
  if (idle) return { state: "unjudged", since: judged };
  return { state: "live", since: null };
}

/** The state in words; `time` writes a moment in the reader's zone. */
export function describe({ state, since }, time) {
  if (state === "live") return "Live";
  if (state === "catching") return "Catching up";
  const when = since === null ? "" : ` since ${time(since)}`;
  if (state === "unjudged") return `Live, not judged${when}`;
  if (state === "stale") return `Stale${when}`;
  if (state === "ended") return "Logged out: log in again to go on";
  return `Disconnected${when}, trying again`;
}

/**
 * Connects and stays connected.
 * @param {object} parts
 * @param {() => WebSocket} parts.open makes a socket
 * @param {() => number} parts.now ms since the epoch by the server's clock, as far as it has told
 * @param {() => number} parts.steady ms that only ever go on: what durations are measured by
 * @param {() => boolean} parts.hasSlept whether the machine slept since this was last asked
 * @param {(fn, ms) => any} parts.later a timer
 * @param {() => number} parts.random in [0, 1)
 * @param {object} parts.subscription {topics, history, max_points}; no topics: events only
 * @param {(message) => void} parts.onMessage every message but pong, in order
 * @param {(told) => void} parts.onClock what a pong tells of the server's clock, see `setClock`
 * @param {(again: boolean) => void} parts.onOpen the socket is open, for the first time or again
 * @param {() => void} parts.onChange after anything that may change `status()`
 */
export function connect({ open, now, steady = now, hasSlept = () => false, later, random = Math.random, subscription, onMessage, onClock = () => {}, onOpen = () => {}, onChange = () => {} }) {
  const positions = {};
  const waiting = new Set();
  let socket = null, asked = steady(), attempt = 0, opens = 0, isOpen = false, ended = false, closed = false;
  let lost = steady(), heard = steady(), through = null, silent = 0, late = 0, ticked = steady();
  // When somebody last judged (ms), for how many ms nobody is known to have, and the server's time as it told that.
  let judged = null, unheard = null, toldAt = -Infinity, byPong = false;

  // A page that was busy or asleep has heard nothing either: only time it was awake for counts.
  function tick() {
    if (closed) return;
    const gap = steady() - ticked, awake = Math.min(gap, LONGEST_TICK);
    silent += awake;
    if (unheard !== null) unheard += awake;
    late = isOpen && isCatching() ? late + awake : 0;
    if (hasSlept() || gap > SLEPT) awaken();
    ticked = steady();
    onChange();
    later(tick, TICK);
  }

  /** What is shown may be hours old, and the connection dead: unless the server speaks within a moment, nothing counts. */
  function awaken() {
    silent = Math.max(silent, SILENCE - MOMENT);
    if (unheard !== null) unheard = Math.max(unheard, TRUST - MOMENT);
  }

  /** A moment of the steady clock by the server's. */
  const dateOf = (at) => now() - (steady() - at);

  function start() {
    if (closed) return;
    const mine = open();
    socket = mine;
    asked = steady();
    mine.onopen = () => mine === socket && opened();
    mine.onmessage = (event) => mine === socket && receive(JSON.parse(event.data));
    mine.onclose = (event) => mine === socket && dropped(event.code);
    later(() => mine === socket && !isOpen && drop(mine), PATIENCE);
  }

  function opened() {
    isOpen = true;
    late = 0;
    hear();
    waiting.clear();
    Object.keys(positions).forEach((topic) => waiting.add(topic));
    if (subscription?.topics?.length) ask();
    const mine = socket;
    ping(mine);
    onOpen(opens++ > 0);
    onChange();
  }

  /** Asks for the topics; until each that is named has its answer the page is not live. */
  function ask() {
    subscription.topics.filter((topic) => !topic.endsWith("*")).forEach((topic) => waiting.add(topic));
    socket.send(JSON.stringify({ type: "subscribe", ...subscription, positions }));
  }

  function ping(mine) {
    if (mine !== socket || !isOpen) return;
    // A dead network tells nobody: silence for longer than the patience is a closed socket.
    if (steady() - Math.max(heard, asked) > PATIENCE) { drop(mine); return; }
    socket.send('{"type":"ping"}');
    later(() => ping(mine), PING_EVERY);
  }

  function drop(mine) {
    mine.close();
    if (mine === socket) dropped(1006);
  }

  function hear() {
    heard = steady();
    silent = 0;
  }

  function receive(message) {
    hear();
    attempt = 0;
    if (message.position) positions[message.topic] = message.position;
    if (message.type === "reset") delete positions[message.topic];
    else if (message.topic && message.type !== "state") waiting.delete(message.topic);
    // Refused as a whole: nothing of it will come.
    else if (message.type === "error" && !IN_PART.has(message.code)) waiting.clear();
    if (message.type !== "pong") onMessage(message);
    else if ("judged" in message) { byPong = true; onClock(message); }
    onChange();
  }

  function dropped(code) {
    socket = null;
    if (isOpen) lost = steady();
    isOpen = byPong = false;
    ended = FINAL.has(code);
    onChange();
    if (!ended && !closed) later(start, RESTART.has(code) ? waitOutRestart(random()) : backOff(attempt++, random()));
  }

  const isIdle = () => unheard !== null && unheard > TRUST;
  // Until the server has said whether anybody judges, nothing is live.
  const isCatching = () => waiting.size > 0 || unheard === null;

  start();
  later(tick, TICK);
  return {
    /** What the reader may be told now. */
    status: () => judge({ open: isOpen, ended, catching: isCatching(), through, now: now(), lost: dateOf(lost), silent, heard: dateOf(heard), idle: isIdle(), judged, told: unheard !== null, late }),
    /** {since} (ms, or null where nobody ever did) while nobody judges, as far as the server has told; else null. */
    idle: () => (isIdle() ? { since: judged } : null),
    /** Whether answers to pings tell the server's clock, so that nobody needs to ask for it. */
    isTold: () => byPong,
    /** When the server last spoke, by its own clock (ms). */
    heard: () => dateOf(heard),
    /** The server says up to which time (ms) points have been counted, when somebody last judged, and whether anybody does. */
    setClock: ({ now: at = now(), through: counted, judged: last, judges }) => {
      // An answer that took long tells what was true when it was begun.
      if (at < toldAt) return;
      toldAt = at;
      through = counted;
      judged = last;
      unheard = judges ? Math.max(0, at - (last ?? at)) : Infinity;
      onChange();
    },
    /** Watches other topics from now on. */
    subscribe: (next) => {
      subscription = next;
      if (isOpen) ask();
    },
    positions,
    close: () => { closed = true; socket?.close(); },
  };
}
