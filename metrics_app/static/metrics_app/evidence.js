// From the minutes frozen with a proposal to the curve its rule saw. Pure.

import { getAggregate } from "./aggregates.js";
import { roll } from "./series.js";

const MINUTE = 60_000, HOUR = 3_600_000, ENOUGH = 10 * MINUTE;

/** The chart of a spark-line from {rows, end, value, aggregate, window, …}; the last value is the judged one. */
export function chartOf(evidence) {
  const { rows, end, value, aggregate, window } = evidence;
  const { in_browser: isRolled, on_scale: isLikeMinutes } = getAggregate(aggregate);
  const step = rows.length > 1 ? rows[1][0] - rows[0][0] : MINUTE;
  // A window that begins before the first minute kept is not what the rule saw: the chart
  // starts with the first whole one, where enough of them were kept to make a line.
  const first = rows.length ? rows[0][0] : end - HOUR;
  const whole = isRolled && end - first - window >= ENOUGH ? first + window : first;
  const start = evidence.start ?? Math.max(whole, end - HOUR);
  const ends = [];
  for (let at = Math.ceil(start / step) * step; at < end; at += step) ends.push(at);
  // Other aggregates of a window cannot be made from means of minutes: the minutes are shown,
  // but beside values of another scale only what was judged.
  const values = isRolled
    ? roll(rows, ends, window, aggregate).map((past, index) => (ends[index] - window < first ? null : past))
    : ends.map((at) => !isLikeMinutes ? null : rows.find(([ts]) => ts === at - step)?.[2] ?? null);
  // Before anybody counted there is no zero, there is nothing.
  const counted = rows.find((row) => row[1])?.[0] ?? end;
  const unwatched = ends.map((at) => at <= Math.min(evidence.watched ?? first, counted));
  return {
    ...evidence, start, ts: [...ends, end], values: [...values.map((one, index) => (unwatched[index] ? null : one)), value],
    mark: evidence.opened ?? null,
  };
}
