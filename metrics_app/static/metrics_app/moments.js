// Moments as people read them, as metrics_app/core/text/moments.py writes them: always with a zone, by its name at
// that very moment, the day where it is not today's, the year where it is not this one's. The pairs of tests/js/moments.json
// hold both to it. Times in ms; `timeZone` undefined is the reader's. No document, no clock.

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MINUTE = 60_000, DAY = 86_400; // ms, s
const LOOKS = 12; // moments of a span at which its zone is looked at: of a year each month
const formats = new Map();

/** {year, month (1 to 12), day, hour, minute, second} of a moment. */
export function splitMoment(ms, timeZone = undefined) {
  if (!formats.has(timeZone)) {
    const part = "numeric";
    formats.set(timeZone, new Intl.DateTimeFormat("en-GB", { timeZone, year: part, month: part, day: part, hour: part, minute: part, second: part, hourCycle: "h23" }));
  }
  const parts = formats.get(timeZone).formatToParts(ms).filter(({ type }) => type !== "literal");
  return Object.fromEntries(parts.map(({ type, value }) => [type, Number(value)]));
}

const pad = (number) => String(number).padStart(2, "0");
const isSameDay = (one, other) => one.year === other.year && one.month === other.month && one.day === other.day;
const writeTime = ({ hour, minute, second }, seconds) => `${pad(hour)}:${pad(minute)}${seconds ? `:${pad(second)}` : ""}`;
const writeDay = ({ day, month, year }, withYear) => `${day} ${MONTHS[month - 1]}${withYear ? ` ${year}` : ""}`;

/** "24 Nov", "24 Nov 2011". */
export function tellDay(ms, { now, timeZone, withYear = false }) {
  const local = splitMoment(ms, timeZone);
  return writeDay(local, withYear || local.year !== splitMoment(now, timeZone).year);
}

/** "10:06", "24 Nov 10:06", "24 Nov 2011 10:06"; with `seconds` "10:06:31". */
export function tellMoment(ms, { now, timeZone, seconds = false, withDay = false, withYear = false }) {
  const local = splitMoment(ms, timeZone), time = writeTime(local, seconds);
  const isToday = isSameDay(local, splitMoment(now, timeZone));
  return isToday && !withDay && !withYear ? time : `${tellDay(ms, { now, timeZone, withYear })} ${time}`;
}

/** "24 Nov 2011 10:06 CET"; `names` ({minutes from UTC: name}) as the server has them. */
export function tellMomentInZone(ms, options) {
  return `${tellMoment(ms, options)} ${nameZone(options.timeZone, ms, options.names)}`;
}

/** Minutes from UTC at a moment. */
function findOffset(ms, timeZone) {
  const { year, month, day, hour, minute, second } = splitMoment(ms, timeZone);
  return Math.round((Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(ms / 1000) * 1000) / MINUTE);
}

/** The short name of a zone at a moment: the server's, "CET" rather than "GMT+1" (each English knows those of its
 * part of the world), or "UTC+5:45" where nobody has given it one. */
export function nameZone(timeZone, ms, names = {}) {
  const offset = findOffset(ms, timeZone);
  if (names[offset]) return names[offset];
  const known = ["en-US", "en-GB", "en-AU", "en-IN", "en-ZA"].map((locale) => new Intl.DateTimeFormat(locale, { timeZone, timeZoneName: "short" })
    .formatToParts(ms).find((part) => part.type === "timeZoneName").value);
  const size = Math.abs(offset), rest = size % 60 ? `:${pad(size % 60)}` : "";
  return known.find((name) => !/^(GMT|UTC)[+-]/.test(name)) ?? `UTC${offset < 0 ? "−" : "+"}${Math.floor(size / 60)}${rest}`;
}

/** The names of a zone over a span, "CET", or "CET and CEST" where the clocks change in it. */
export function nameZones(start, end, timeZone = undefined, names = {}) {
  const moments = Array.from({ length: LOOKS + 1 }, (_, at) => start + (at * (end - start)) / LOOKS);
  return [...new Set(moments.map((ms) => nameZone(timeZone, ms, names)))].join(" and ");
}

/** Places of a span, `count` of them from its start to its end, for below a small chart: the last with its zone, each
 * with its own where the clocks change between them; on a second line the day, where it is not the one before it
 * says, or today's, with the year where it is not this one's. */
export function tellEnds(start, end, { now, timeZone, names }, count = 3) {
  const moments = Array.from({ length: count }, (_, at) => start + (at * (end - start)) / (count - 1));
  const zones = moments.map((ms) => nameZone(timeZone, ms, names)), isOne = new Set(zones).size === 1;
  let said = splitMoment(now, timeZone), year = said.year;
  return moments.map((ms, index) => {
    const local = splitMoment(ms, timeZone), asksYear = local.year !== year, asksDay = asksYear || !isSameDay(local, said);
    [said, year] = [local, local.year];
    const text = isOne && index < count - 1 ? writeTime(local, false) : `${writeTime(local, false)} ${zones[index]}`;
    return asksDay ? `${text}\n${writeDay(local, asksYear)}` : text;
  });
}

/** Ticks of a time axis, `step` seconds apart: the time of day, or the day where one begins; below the first of
 * them, and of each year, what it leaves open: its day where that is not today, its year where not this one. Where
 * the clocks change between times of day, the first and the first of the other season name their zone. */
export function tellTicks(ticks, step, { now, timeZone, names }) {
  const today = splitMoment(now, timeZone), locals = ticks.map((ms) => splitMoment(ms, timeZone));
  const isPast = locals.some(({ year }) => year !== today.year);
  const zones = step < DAY ? nameTurns(ticks, timeZone, names) : [];
  return locals.map((local, index) => {
    const isDay = step >= DAY || (local.hour === 0 && local.minute === 0 && local.second === 0);
    const before = locals[index - 1], asksYear = isPast && before?.year !== local.year;
    const text = isDay ? writeDay(local, false) : writeTime(local, step < 60);
    const asksDay = before ? asksYear : !isSameDay(local, today);
    const open = isDay ? asksYear && local.year : asksDay && writeDay(local, asksYear);
    const below = [open, zones[index]].filter(Boolean).join(" ");
    return below ? `${text}\n${below}` : text;
  });
}

/** The zone of each tick that begins a season, "" of the others; none where the clocks do not change among them. */
function nameTurns(ticks, timeZone, names) {
  const offsets = ticks.map((ms) => findOffset(ms, timeZone));
  if (new Set(offsets).size < 2) return [];
  return ticks.map((ms, index) => (offsets[index] === offsets[index - 1] ? "" : nameZone(timeZone, ms, names)));
}
