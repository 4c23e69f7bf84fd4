// Series: what is drawn and on which scale. Pure: no document, no clock.

const M = 60, H = 3600, D = 86_400; // seconds
const TIMES = [1, 2, 5, 10, 30, M, 2 * M, 5 * M, 10 * M, 30 * M, H, 2 * H, 4 * H, 8 * H, 12 * H, D, 2 * D, 5 * D, 10 * D, 20 * D, 50 * D, 100 * D];

/** A bounded ring of [ts, value] points in order of time; the oldest give way. */
export class Ring {
  constructor(size) {
    this.size = size;
    this.points = [];
  }

  /** Adds points; one that is older than the newest is put where it belongs. */
  push(points) {
    for (const point of points) {
      let at = this.points.length;
      while (at > 0 && this.points[at - 1][0] > point[0]) at -= 1;
      this.points.splice(at, 0, point);
    }
    if (this.points.length > this.size) this.points.splice(0, this.points.length - this.size);
  }

  /** Forgets what lies before `ts`. */
  trim(ts) {
    let drop = 0;
    while (drop < this.points.length && this.points[drop][0] < ts) drop += 1;
    this.points.splice(0, drop);
  }
}

/** The aggregates that a page makes of points by itself: `in_browser` in the registry. */
export const ROLLED = {
  // Rounding and overflow would carry it beyond what it is the mean of.
  mean: (count, sum, window, low, high) => (count ? Math.min(Math.max(sum / count, low), high) : null),
  count: (count) => count,
  rate_per_hour: (count, sum, window) => (count * 3_600_000) / window,
};

/** One of ROLLED over the last `window` ms at each time of `ends`, from [ts, value]
 * points or [ts, count, mean, min, max] rows in order of time; null where a mean has nothing to judge. */
export function roll(rows, ends, window, aggregate = "mean") {
  // What has left is never subtracted: of a large value rounding would stay behind. Count, sum, least and
  // greatest of the rows from i to `middle` stand at 4 i in `behind`; `ahead` has those of the rows from there on.
  let from = 0, to = 0, middle = 0;
  const behind = new Float64Array(4 * rows.length), ahead = Float64Array.from(NOTHING), all = new Float64Array(4);
  return ends.map((end) => {
    for (; to < rows.length && rows[to][0] < end; to += 1) add(ahead, rows[to]);
    while (from < to && rows[from][0] < end - window) from += 1;
    if (from >= middle) {
      all.set(NOTHING);
      for (let at = to - 1; at >= from; at -= 1) { add(all, rows[at]); behind.set(all, 4 * at); }
      middle = to;
      ahead.set(NOTHING);
    }
    const [count, sum, low, high] = from < middle ? behind.subarray(4 * from) : NOTHING;
    return ROLLED[aggregate](count + ahead[0], sum + ahead[1], window, Math.min(low, ahead[2]), Math.max(high, ahead[3]));
  });
}

const NOTHING = [0, 0, Infinity, -Infinity];

/** Adds a [ts, value] point or a [ts, count, mean, min, max] row to count, sum, least and greatest. */
function add(all, row) {
  const isPoint = row.length === 2, mean = isPoint ? row[1] : row[2], count = isPoint ? 1 : row[1];
  if (!count) return;
  all[0] += count;
  all[1] += count * mean;
  all[2] = Math.min(all[2], row[3] ?? mean);
  all[3] = Math.max(all[3], row[4] ?? mean);
}

/** [low, high] that holds every value and the limit, with some air; zero where it is near. */
export function findScale(values, limit = null) {
  const known = values.filter((value) => value !== null && Number.isFinite(value));
  if (limit !== null) known.push(limit);
  if (!known.length) return [0, 1];
  let low = Math.min(...known), high = Math.max(...known);
  // A line near the ground stands on it: half a scale below zero would say nothing.
  if (low >= 0 && low < 0.6 * high) low = 0;
  const air = (high - low || Math.abs(high) || 1) * 0.12;
  return [low === 0 ? 0 : low - air, high + air];
}

/** Round values between low and high, about `count` of them; durations in steps of minutes, hours or days. */
export function findTicks(low, high, count = 4, isDuration = false) {
  const rough = (high - low) / count;
  if (!(rough > 0)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const steps = isDuration && rough >= 1 ? TIMES : [1, 2, 5, 10].map((factor) => factor * power);
  const step = steps.find((one) => one >= rough) ?? 10 * power;
  const ticks = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) ticks.push(Number(at.toPrecision(12)));
  return ticks;
}

/** The runs of neighbouring known values, as lists of [ts, value]: gaps stay gaps. */
export function splitGaps(ts, values) {
  const runs = [];
  let run = null;
  ts.forEach((at, index) => {
    const value = values[index];
    if (value === null || value === undefined) { run = null; return; }
    if (!run) runs.push((run = []));
    run.push([at, value]);
  });
  return runs;
}

/** Pixels of a spark-line, on its own `scale` unless one is given: {lines: [path data], dots: [[x, y]], limit: y|null, band: [y, height]|null}. */
export function layOut({ ts, values, limit, above, start, end, scale }, width, height) {
  const [low, high] = scale ?? findScale(values, limit);
  const x = (at) => round(((at - start) / (end - start)) * width);
  const y = (value) => round(height - ((value - low) / (high - low)) * height);
  const runs = splitGaps(ts, values);
  const lines = runs.filter((run) => run.length > 1)
    .map((run) => run.map(([at, value], index) => `${index ? "L" : "M"}${x(at)} ${y(value)}`).join(""));
  const dots = runs.filter((run) => run.length === 1).map(([[at, value]]) => [x(at), y(value)]);
  if (limit === null || limit === undefined) return { lines, dots, limit: null, band: null };
  const line = y(limit);
  return { lines, dots, limit: line, band: above ? [0, line] : [line, height - line] };
}

const round = (value) => Math.round(value * 10) / 10;
