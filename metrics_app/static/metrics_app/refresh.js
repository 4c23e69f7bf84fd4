// When to ask the server again. Pure: it is handed its clock and its timer.
//
// A tile's value is an aggregate over a window, percentiles included, judged by a rule: only
// the server knows it exactly. So points only ring a bell, and one request brings all tiles
// that changed, at most once a second; windows slide on without points, hence the slow round.

const AT_MOST_EVERY = 1000, SLOW_ROUND = 15_000, AFTER_FAILURE = 5000;

/**
 * @param {object} parts
 * @param {(topics: string[]|null) => Promise} parts.load fetches these topics, or all (null)
 * @param {() => number} parts.now ms
 * @param {(fn, ms) => any} parts.later a timer
 * @param {number} [parts.every] ms between two requests at least
 */
export function makeRefresher({ load, now, later, every = AT_MOST_EVERY }) {
  const changed = new Set();
  let all = false, busy = false, stopped = false, planned = false, last = -Infinity;

  function plan() {
    if (stopped || busy || planned || (!all && !changed.size)) return;
    planned = true;
    later(run, Math.max(0, last + every - now()));
  }

  async function run() {
    planned = false;
    busy = true;
    last = now();
    const topics = all ? null : [...changed];
    const whole = all;
    changed.clear();
    all = false;
    try {
      await load(topics);
    } catch {
      // The status line says that data is old; here it only means: later again.
      last = now() + AFTER_FAILURE - every;
      if (whole) all = true; else topics.forEach((topic) => changed.add(topic));
    }
    busy = false;
    plan();
  }

  function round() {
    if (stopped) return;
    all = true;
    plan();
    later(round, SLOW_ROUND);
  }
  later(round, SLOW_ROUND);

  return {
    /** Something about this topic changed. */
    ring: (topic) => { changed.add(topic); plan(); },
    /** Anything may have changed. */
    ringAll: () => { all = true; plan(); },
    /** There is nothing to ask for any more. */
    stop: () => { stopped = true; },
  };
}
