// What <live-spark> shows, as words and numbers. Pure: no document, no clock.

import { getAggregate } from "./aggregates.js";
import { Ring, roll } from "./series.js";
import { formatAge, formatDuration, formatValue, isLongAgo, tellLast } from "./units.js";

const STEPS = 60; // places of the line
const MOST_POINTS = 20_000;
const SILENCE = 40_000; // ms; the server's heart beats every 15 s
const BEHIND = 4_000; // ms that points may lie uncounted before the server says so

/** How long ago, or when that was where it is long ago. */
const tellAge = (seconds, tell) => (isLongAgo(seconds) ? tell() : formatAge(seconds));

/** The points of one topic, and what is to be said of them. */
export class LiveLine {
  /** `span` and `window` in ms: how far the line looks back, and what each of its values spans. */
  constructor({ label, unit = "", aggregate = "mean", span = 3_600_000, window = 300_000, limit = null, above = true, staleAfter = 0 }) {
    Object.assign(this, { label, unit, aggregate, span, window, limit, above, staleAfter });
    this.ring = new Ring(MOST_POINTS);
    this.last = this.heard = this.stands = null;
    this.status = "connecting";
  }

  /** A point of the stream; one that stands for several says so by `count`. */
  push({ ts, value, count = 1 }, now) {
    this.ring.push([[ts, count, value]]);
    this.ring.trim(now - this.span - this.window);
    this.last = Math.max(this.last ?? 0, ts);
    this.hear(now);
  }

  /** The server has spoken. */
  hear(now) {
    this.heard = now;
  }

  /** The server says, at `ts`, `through` when it has counted points (ms; 0: none ever; undefined: it cannot tell). */
  count(ts, through) {
    this.stands = through !== undefined && ts - through > BEHIND ? through : null;
  }

  /** "live", "disconnected" or "closed", as the stream says. */
  setStatus(status, now) {
    this.status = status;
    if (status === "live") this.hear(now);
  }

  /** Whether the server would have told of a threshold by now: it has said something lately, or is yet to be reached. */
  isTold(now) {
    return this.status === "connecting" || (this.status === "live" && now - this.heard <= SILENCE);
  }

  /** {state, words}: what the reader may be told of how fresh this is, judged by the data where a limit is set. */
  judge(now, time) {
    const since = (ms) => (ms === null ? "" : ` since ${time(ms)}`);
    if (this.status === "closed") return { state: "ended", words: "Ended: this page may no longer follow it" };
    if (this.status === "connecting") return { state: "connecting", words: "Connecting" };
    if (this.status !== "live") return { state: "disconnected", words: `Disconnected${since(this.heard)}, trying again` };
    if (now - this.heard > SILENCE) return { state: "stale", words: `Stale${since(this.heard)}` };
    // Nobody counts what comes: a value that stands still would pass for one that is well.
    if (this.stands !== null) return { state: "stale", words: `Stale${since(this.stands || null)}` };
    if (this.staleAfter && (this.last === null || now - this.last > this.staleAfter)) {
      return { state: "stale", words: this.last === null ? "No points yet" : `Stale${since(this.last)}` };
    }
    return { state: "live", words: "Live" };
  }

  /** Everything that is shown now; `time` writes a moment (ms) in the reader's zone. */
  describe(now, time) {
    const judged = this.judge(now, time);
    // A picture that slid on without news would promise what nobody knows.
    const end = judged.state === "live" || this.heard === null ? now : Math.max(this.heard, this.last ?? 0);
    const ts = Array.from({ length: STEPS + 1 }, (_, at) => end - this.span + (at * this.span) / STEPS);
    const values = this.heard === null ? ts.map(() => null) : roll(this.ring.points, ts, this.window, this.aggregate);
    const value = values.at(-1);
    const write = (one) => formatValue(one, this.unit, this.aggregate, this.limit);
    const chart = {
      ts, values, start: ts[0], end, limit: this.limit, above: this.above, unit: this.unit, aggregate: this.aggregate,
      limit_label: this.limit === null ? "" : write(this.limit),
    };
    const breached = value !== null && this.limit !== null && (this.above ? value > this.limit : value < this.limit);
    const age = this.heard === null ? "" : this.last === null ? "no points yet" : tellAge((now - this.last) / 1000, () => time(this.last));
    return { ...judged, chart, value: write(value), what: this.what(), age, breached, sentence: this.tell(chart, value, breached, judged, write) };
  }

  /** The picture in words. */
  tell({ values }, value, breached, { state, words }, write) {
    const known = values.filter((one) => one !== null);
    const freshness = state === "live" ? "" : ` ${words}.`;
    if (this.heard === null) return `${this.label}:${freshness.toLowerCase()}`;
    if (!known.length) return `${this.label}: no points in ${tellLast(formatDuration(this.span / 1000))}.${freshness}`;
    const now = value === null ? "no value now" : `now ${write(value)}`;
    const range = `between ${write(Math.min(...known))} and ${write(Math.max(...known))} over ${formatDuration(this.span / 1000)}`;
    const side = breached ? `beyond its limit of ${write(this.limit)}` : `within its limit of ${write(this.limit)}`;
    const limit = this.limit === null || value === null ? "" : `, ${side}`;
    return `${this.label}, ${this.what()}: ${now}${limit}; ${range}.${freshness}`;
  }

  /** What the value is: "mean of 5 min". */
  what() {
    return `${getAggregate(this.aggregate).label} of ${formatDuration(this.window / 1000)}`;
  }

  /** One place of the line in words, for those who walk along it by keyboard. */
  describePlace(chart, at, time) {
    return `${time(chart.ts[at])}: ${chart.values[at] === null ? "no points" : formatValue(chart.values[at], this.unit, this.aggregate, this.limit)}`;
  }
}

/** The options of a LiveLine in the attributes of an element; `get(name)` answers a text or null. */
export function readOptions(get) {
  const number = (name) => {
    const text = get(name);
    return text === null || text.trim() === "" || !Number.isFinite(Number(text)) ? null : Number(text);
  };
  const seconds = (name, otherwise) => 1000 * Math.max(number(name) ?? otherwise, 0);
  return {
    label: get("label") || get("topic") || "",
    unit: get("unit") ?? "",
    aggregate: getAggregate(get("aggregate") ?? "").in_browser ? get("aggregate") : "mean",
    span: seconds("span", 3600) || 3_600_000,
    window: seconds("window", 300) || 300_000,
    limit: number("limit"),
    above: get("side") !== "below",
    staleAfter: seconds("stale-after", 0),
  };
}
