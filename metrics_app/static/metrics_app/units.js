// Values in the reader's units, as metrics_app/core/text/units.py writes them;
// the pairs of tests/js/units.json hold both to it. No document, no clock.

import { getAggregate, MEASURES } from "./aggregates.js";

const MINUTE = 60, HOUR = 3600, DAY = 86_400, DASH = "—";
const GROUPED = [0, 1, 2, 3, 4].map(
  (digits) => new Intl.NumberFormat("en-US", { maximumFractionDigits: digits }),
);

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const round = (value) => Math.floor(value + 0.5);

/** The unit of an aggregate's values where the points are in `unit`: "%" of a share, "calls per hour". */
export function unitOf(unit, aggregate) {
  const counted = isCountable(unit) ? unit : "";
  return getAggregate(aggregate).unit.replace("{unit}", () => unit).replace("{counted}", () => counted).trim();
}

/** Whether a unit names things that can be counted: "calls" does; "ms" and "km/h" measure. */
function isCountable(unit) {
  const low = unit.toLowerCase();
  return !MEASURES.has(low) && !low.includes("/") && !low.split(" ").includes("per");
}

/** Whether such values are seconds, and not a number of them or a share. */
export const isSeconds = (unit, aggregate) => unitOf(unit, aggregate) === "seconds";

/** A number as people write it: grouped, about three digits, no needless zeros. */
export function formatNumber(value) {
  if (!isNumber(value)) return DASH;
  const size = Math.abs(value);
  if (size && (size < 0.001 || size >= 1e15)) {
    return value.toExponential(2).replace(/e([+-])(\d)$/, "e$10$2").replaceAll("-", "−");
  }
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 4;
  const text = GROUPED[digits].format(round(value * 10 ** digits) / 10 ** digits);
  return text === "-0" ? "0" : text.replace("-", "−");
}

/** Seconds in their two largest units: "4 min 10 s", "51 min", "48 h", "2 d 4 h"; `beside` is the
 * limit they are read next to, in seconds: both then speak of hours, or both of days. */
export function formatDuration(seconds, beside = null) {
  if (!isNumber(seconds)) return DASH;
  if (seconds < 0) return "−" + formatDuration(-seconds, beside);
  if (seconds < MINUTE - 0.5) return formatNumber(seconds < 10 ? seconds : round(seconds)) + " s";
  if (seconds < HOUR - 0.5) return joinUnits(round(seconds), [[MINUTE, "min"], [1, "s"]]);
  const minutes = round(seconds / MINUTE);
  if (minutes <= findMostHours(beside) * 60) return joinUnits(minutes, [[60, "h"], [1, "min"]]);
  return formatDays(minutes);
}

/** Up to how many hours a duration is written in hours. */
function findMostHours(beside) {
  if (!isNumber(beside)) return 48;
  return Math.abs(beside) <= 48 * HOUR ? 100 : 24;
}

function formatDays(minutes) {
  const hours = round(minutes / 60);
  if (hours % 24 === 0 && minutes % 60 && minutes < 14400 && minutes >= hours * 60) {
    return joinUnits(minutes, [[1440, "d"], [1, "min"]]);
  }
  if (hours >= 365 * 24) return `${GROUPED[0].format(round(hours / 24))} d`;
  return joinUnits(hours, [[24, "d"], [1, "h"]]);
}

function joinUnits(total, units) {
  const words = [];
  for (const [size, name] of units) {
    const amount = Math.floor(total / size);
    total -= amount * size;
    if (amount) words.push(`${amount} ${name}`);
  }
  return words.join(" ");
}

/** The number and what stands small behind it: ["62", "per hour"], ["2 d 4 h", ""]. */
export function splitValue(value, unit = "", aggregate = "mean", beside = null) {
  const own = unitOf(unit, aggregate);
  return own === "seconds" ? [formatDuration(value, beside), ""] : [formatNumber(value), own];
}

/** splitValue in one text; a missing value is a dash without a unit. */
export function formatValue(value, unit, aggregate, beside = null) {
  const [number, suffix] = splitValue(value, unit, aggregate, beside);
  return number === DASH || !suffix ? number : `${number} ${suffix}`;
}

/** How long ago: "1 s ago", "36 min ago", "2 d 4 h ago". */
export function formatAge(seconds) {
  const age = Math.max(0, seconds);
  if (age >= MINUTE && age < HOUR) return `${Math.floor(age / MINUTE)} min ago`;
  return `${formatDuration(Math.floor(age))} ago`;
}

/** Whether an age (seconds) says less than its moment does: nobody counts back 3,493 days. */
export const isLongAgo = (seconds) => seconds >= 2 * DAY;

/** "the last hour", "the last 30 min": the span that ends now, of a duration in words. */
export function tellLast(duration) {
  const alone = { "1 s": "second", "1 min": "minute", "1 h": "hour", "1 hour": "hour" };
  return `the last ${alone[duration] ?? duration}`;
}

/** The ticks of an axis of durations, all in one unit: ["0 h", "12 h", "24 h"]; days from 100 h on. */
export function formatTicks(seconds) {
  const step = seconds.length > 1 ? Math.abs(seconds[1] - seconds[0]) : Math.abs(seconds[0] ?? 0);
  const most = Math.max(...seconds.map(Math.abs));
  const [size, name] = [[DAY, "d"], [HOUR, "h"], [MINUTE, "min"], [1, "s"]].find(
    ([unit, word]) => unit === 1 || (step >= unit && step % unit === 0 && (word !== "d" || most >= 100 * HOUR)),
  );
  return seconds.map((one) => `${formatNumber(one / size)} ${name}`);
}
