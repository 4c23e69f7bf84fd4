// What time it is by the server. Pure: it is handed its clocks.
//
// The reader's clock may be minutes off, and be set while the page is open: whether a light still counts, how
// old a point is and where a chart ends is asked of one of these and of no other clock.

const KEPT = 30_000; // ms for which a word of the server counts beside newer ones
const SLEPT = 10_000; // ms

export class ServerTime {
  /** `steady()`: ms that only ever go on; `wall()`: the reader's clock, ms since the epoch. */
  constructor({ steady = () => performance.now(), wall = () => Date.now() } = {}) {
    Object.assign(this, { steady, wall, told: [], ahead: null, apart: wall() - steady() });
  }

  /** The server says that it is `ms` since the epoch, or was at `at`, by the steady clock. */
  tell(ms, at = this.steady()) {
    // A word may be late, never early: the one that is the most ahead took the least time on its way.
    this.told = [...this.told.filter((word) => word.at > at - KEPT), { at, ahead: ms - at }];
    this.ahead = Math.max(...this.told.map((word) => word.ahead));
  }

  /** The page says when it was written, in µs, as `{% now "Uu" %}` writes it; it came when its answer began. */
  tellWritten(micros) {
    if (micros) this.tell(Number(micros) / 1000, performance.getEntriesByType("navigation")[0]?.responseStart || undefined);
  }

  /** Whether the server has told it. */
  get isTold() {
    return this.ahead !== null;
  }

  /** ms since the epoch; by the reader's clock for as long as the server has told nothing. */
  now() {
    return this.isTold ? this.steady() + this.ahead : this.wall();
  }

  /** Whether, since this was last asked, the machine slept, or its clock was set ahead: what was told may be old. */
  hasSlept() {
    const before = this.apart;
    // Where the steady clock stands still in sleep, and only there, sleep sets the two apart.
    this.apart = this.wall() - this.steady();
    return this.apart - before > SLEPT;
  }
}
