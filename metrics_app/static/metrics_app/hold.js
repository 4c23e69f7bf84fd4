// What a page holds of one topic: the points of the last hour, in the order of the server's log.
// Pure: it is handed the messages of the connection, and knows neither document nor clock.

const HOUR = 3_600_000, MOST = 100_000; // ms, and as many points as the server keeps of a topic

export class Hold {
  constructor() {
    /** [[ts, value], …] in the order of their arrival. */
    this.points = [];
    /** [[ts, count, mean, min, max], …] where the server sent these in place of points. */
    this.rows = [];
    /** How often the server has told it to forget everything. */
    this.resets = 0;
  }

  /** Takes a message of the topic; whether what is held has changed. */
  take(message) {
    const { type, recovered, points = [], rows = [] } = message;
    if (type === "reset") this.resets += 1;
    else if (!["snapshot", "points", "summary"].includes(type)) return false;
    // A snapshot is everything, unless it only brings what was missed.
    if (type === "reset" || (type === "snapshot" && !recovered)) { this.points = []; this.rows = []; }
    for (const point of points) this.points.push(point);
    for (const row of rows) this.rows.push(row);
    if (this.points.length > MOST) this.points.splice(0, this.points.length - MOST);
    return type === "reset" || type === "snapshot" || points.length + rows.length > 0;
  }

  /** Forgets what is more than an hour older than `now` (ms). */
  trim(now) {
    const old = ([ts]) => ts < now - HOUR;
    if (this.points.some(old)) this.points = this.points.filter((point) => !old(point));
    if (this.rows.some(old)) this.rows = this.rows.filter((row) => !old(row));
  }
}

/** What is held of a topic but for the points in voided spans: marks of a chart, `at` to `until` in ms. */
export function leaveOut(hold, marks) {
  const voids = marks.filter(({ kind }) => kind === "voided");
  if (!voids.length) return hold;
  const counts = ([ts]) => !voids.some(({ at, until }) => at <= ts && ts < until);
  return { points: hold.points.filter(counts), rows: hold.rows.filter(counts) };
}

/** At most one [x, low, high, mean] per column of a picture `columns` wide, of [ts, value] points and rows. */
export function thin(hold, start, end, columns) {
  const found = new Map();
  const put = (ts, count, mean, low, high) => {
    if (ts < start || ts > end) return;
    const x = Math.floor(((ts - start) / (end - start)) * columns);
    const column = found.get(x);
    if (!column) { found.set(x, { low, high, count, sum: count * mean }); return; }
    if (low < column.low) column.low = low;
    if (high > column.high) column.high = high;
    column.count += count;
    column.sum += count * mean;
  };
  for (const [ts, value] of hold.points) put(ts, 1, value, value, value);
  for (const [ts, count, mean, low, high] of hold.rows) put(ts, count, mean, low, high);
  return [...found].sort(([one], [other]) => one - other)
    .map(([x, { low, high, count, sum }]) => [x, low, high, Math.min(Math.max(sum / count, low), high)]);
}

/** What a scale must hold of such columns: every mean, and all but the farthest twentieth of what is below and above. */
export function reach(columns) {
  if (!columns.length) return [];
  const rank = (values, share) => values.sort((one, other) => one - other)[Math.round(share * (values.length - 1))];
  return [rank(columns.map(([, low]) => low), 0.05), rank(columns.map(([, , high]) => high), 0.95), ...columns.map(([, , , mean]) => mean)];
}
