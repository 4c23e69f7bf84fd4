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

/** At most one [x, low, high] per column of a picture `columns` wide, of [ts, value] points and rows. */
export function thin(hold, start, end, columns) {
  const lows = new Map(), highs = new Map();
  const put = (ts, low, high) => {
    if (ts < start || ts > end) return;
    const x = Math.floor(((ts - start) / (end - start)) * columns);
    if (!(lows.get(x) <= low)) lows.set(x, low);
    if (!(highs.get(x) >= high)) highs.set(x, high);
  };
  for (const [ts, value] of hold.points) put(ts, value, value);
  for (const [ts, , , low, high] of hold.rows) put(ts, low, high);
  return [...lows].map(([x, low]) => [x, low, highs.get(x)]);
}
