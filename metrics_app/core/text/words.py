"""What a tile says: the state of a rule, its limit and what happens next, in words.

Pure: times come in as text that is already in the reader's zone, durations as seconds.
"""

import math
import re

from metrics_app.core.aggregates import get_aggregate, needs_whole
from metrics_app.core.conditions import FIRING, KINDS, PENDING, RECOVERING, UNJUDGED, find_worst
from metrics_app.core.text.counts import agree, count_words
from metrics_app.core.text.units import format_duration, format_value, tell_last

UPPER = {"gt", "gte"}
# What the overview says first of the worst condition there is.
WORST_TOLD = {
    FIRING: "{some} {be} beyond {own}",
    UNJUDGED: "{some} {have} not been judged{since}",
    RECOVERING: "{some} {be} recovering",
    PENDING: "no KPI is beyond its limit, {some} {be} over it for now",
}
DATA = {
    "thin": "too few points to judge",
    "empty": "no points",
    "error": "its window cannot be read",
    "incomparable": "nothing to compare with",
}
NOT_YET = "not judged yet"
PROPOSAL = re.compile(r"[Pp]ropos(?:ed|al) #(\d+)")


def tell_timer(elapsed, total):
    """``6 min of 10``: how much of a span has passed, in the unit that fits the span."""
    size, name = next(
        pair for pair in ((1, "s"), (60, "min"), (3600, "h"), (86400, "d")) if fits(total, pair)
    )
    whole = round(total / size, 1)
    return f"{int(min(elapsed, total) // size)} {name} of {whole:g}"


def fits(total, pair):
    """Whether a span in this unit is a number below 120, or there is no larger unit."""
    return total / pair[0] < 120 or pair[1] == "d"


def tell_state(state, *, operator="gt", elapsed=0, pending_for=0, keep_firing_for=0):
    """The state of a rule in words, without its shape."""
    if state == "pending":
        side = "Over" if operator in UPPER else "Under"
        return f"{side} limit, {tell_timer(elapsed, pending_for)}"
    if state == "recovering":
        return f"Recovering, {tell_timer(elapsed, keep_firing_for)}"
    return KINDS[state].label


def name_state(state, operator="gt"):
    """A state in the middle of a sentence, where no timer is told: "within limit", "under limit for now"."""
    if state == PENDING and operator not in UPPER:
        return "under limit for now"
    return KINDS[state].label.lower()


def tell_limit(limit, *, operator="gt", unit="", aggregate="mean"):
    """``limit 48 h``, ``lower limit 92 %``."""
    text = format_value(limit, unit, aggregate)
    return f"limit {text}" if operator in UPPER else f"lower limit {text}"


def tell_next(state, *, elapsed=0, pending_for=0, keep_firing_for=0, since="", outcome=""):
    """What the footer adds to the limit: since when, and what happens next; may be empty."""
    if state == "pending":
        return f"fires in {tell_rest(pending_for - elapsed)}"
    if state == "recovering":
        return f"recovered in {tell_rest(keep_firing_for - elapsed)}"
    if state == "firing":
        return " · ".join(text for text in (since and f"since {since}", outcome) if text)
    return ""


def tell_rest(seconds):
    """What is left of a span: whole minutes from two minutes on, for seconds would only flicker."""
    left = max(0, seconds)
    return format_duration(math.ceil(left / 60) * 60 if left >= 120 else math.ceil(left))


def tell_outcome(text):
    """What came of a breach as a sentence: ``Proposal #12 opened``."""
    text = re.sub(r"\bproposed #(\d+)", r"Proposal #\1 opened", text)
    return text[:1].upper() + text[1:]


def tell_standstill(since):
    """What a page says while nothing is counted; ``since`` is a time with its zone, or empty."""
    return f"Figures stand still since {since}" if since else "Figures stand still"


def tell_silence(since, overdue=None, breach=False):
    """ "Silent since 10:42, a point was expected every 5 min"; ``since`` empty: there never was one.

    ``breach``: a data breach is open.
    """
    if overdue:
        expected = f"a point was expected every {format_duration(overdue)}"
        return f"Silent since {since}, {expected}" if since else f"No data yet, {expected}"
    text = f"No data since {since}" if since else "No data yet"
    return f"{text}: a data breach is open" if breach else text


def tell_unjudged(since):
    """What a light says where nobody has judged; ``since`` is a time with its zone."""
    return f"{KINDS[UNJUDGED].label} since {since}"


def tell_data(data, since="", aggregate="mean"):
    """What stands beside a state that could not be judged: "too few points to judge since 10:42"."""
    said = name_data(data, aggregate)
    return f"{said} since {since}" if since else said


def name_data(data, aggregate):
    """Why nothing was judged: of a count so many points are enough, but not those of part of a window."""
    if data == "thin" and needs_whole(aggregate):
        return "its window is known in part"
    if data == "incomparable" and get_aggregate(aggregate).is_trend:
        return "too few minutes for a trend"
    return DATA[data]


def tell_flags(row, *, delay=0, since="", aggregate="mean"):
    """Sentences of what stands beside a state: health of the data, flapping, missed slots, delay.

    ``row`` has the fields of ``core.watch.State``; ``since`` is when the data flag began, as text.
    """
    data = tell_data(row.data, since, aggregate) if row.data in DATA else ""
    found = [data[:1].upper() + data[1:]] if data else []
    if row.flapping:
        found.append("Flapping: its state changes too often to be relied on")
    if row.missed:
        found.append(f"{count_words(row.missed, 'evaluation')} missed")
    if delay:
        found.append(f"Judged {format_duration(delay)} later, so that late points count")
    return found


def natural_key(text):
    """Sorts names as people do: ``er.2`` before ``er.10``."""
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", text) if part
    ]


def tell_facts(aggregate, window, n, *, median="", watched=None):
    """The line under a value: ``mean of 30 min · 23 points · median 44 h``.

    ``watched`` is for how many seconds anything has been counted; a rate over more than that is low.
    """
    one = get_aggregate(aggregate)
    name = "over" if one.judges_empty else f"{one.label} of"
    words = [f"{name} {format_duration(window)}", count_words(n, "point")]
    if median and aggregate != "p50" and one.on_scale:
        words.append(f"median {median}")
    if watched is not None and watched < window and one.judges_empty:
        words.append(f"watched for {format_duration(watched // 60 * 60 if watched >= 60 else watched)}")
    return " · ".join(words)


def tell_no_points(aggregate, window, recorded):
    """What stands under a dash: "No points in the last hour", and why none of a rate is no zero.

    ``recorded``: the share of the window in which anybody counted.
    """
    text = f"No points in {tell_last(format_duration(window))}"
    if not get_aggregate(aggregate).judges_empty:
        return text
    seconds = recorded * window
    known = format_duration(seconds // 60 * 60 if seconds >= 60 else math.floor(seconds))
    return f"{text}, of which {known} was recorded" if seconds >= 1 else f"{text}, and nothing was recorded"


def tell_none_fired(since):
    """What stands in place of breaches; ``since``: when the first threshold was set, a time with its zone."""
    if not since:
        return "No threshold judges it, so none has fired."
    return f"No threshold has fired on it since the first was set, {since}; what came before nobody judged."


def tell_overview(conditions, since=""):
    """The first sentence of the overview, from the ``Condition`` of each KPI.

    ``since``: up to when all that nobody judges any more was judged, as a time with its zone.
    """
    watched = [one for one in conditions if one.is_watched]
    free = len(conditions) - len(watched)
    if not conditions:
        return "No KPI to see yet"
    if not watched:
        return f"{count_words(free, 'KPI')}, watched by no limit"
    # The rest is named: no limit is set, it is switched off, or only points are expected of it.
    rest = f" · {free:,} {agree(free)} watched by no limit" if free else ""
    told = tell_watched(watched, f" since {since}" if since else "")
    return f"{told[0].upper()}{told[1:]}{rest}"


def tell_watched(conditions, since=""):
    """How many of the KPIs that have a limit are in the worst condition, and of how many nobody knows."""
    total, names = len(conditions), [one.name for one in conditions]
    worst = find_worst([name for name in names if name in WORST_TOLD])
    count, silent = names.count(worst), find_places(conditions, lambda one: one.is_silent)
    # Nobody has judged some since a moment: of these that is told, once.
    waiting = find_places(conditions, lambda one: one.awaits_judgement and one.unjudged_since is None)
    silent -= find_places(conditions, lambda one: one.awaits_judgement)
    # Of points that prove nothing "no data" would be untrue.
    lacking = "nothing to judge by" if any(one.proves_nothing for one in conditions) else "no data"
    if not count:
        return tell_lacking(len(silent), len(waiting), total, lacking)
    counted = find_places(conditions, lambda one: one.name == worst)
    unjudged = find_places(conditions, lambda one: one.unjudged_since is not None and worst != UNJUDGED)
    verbs = {"be": agree(count), "have": agree(count, "has", "have")}
    said = WORST_TOLD[worst].format(some=name_some(count, total), own=own(count), since=since, **verbs)
    parts = tell_also(unjudged, counted, ("has", "have"), f"not been judged{since}", "not been judged")
    parts += tell_also(silent, counted | unjudged, ("has", "have"), lacking, lacking)
    parts += tell_also(waiting, counted | unjudged | silent, ("is", "are"), NOT_YET, NOT_YET)
    return ", ".join([said, *parts])


def tell_lacking(silent, waiting, total, lacking):
    """ "1 of 3 watched KPIs has no data, 1 is not judged yet"; that all are fine where none lacks."""
    found = [(silent, "has", "have", lacking), (waiting, "is", "are", NOT_YET)]
    found = [(count, f"{agree(count, one, many)} {what}") for count, one, many, what in found if count]
    if not found:
        return tell_fine(total)
    (first, said), *rest = found
    return ", ".join([f"{name_some(first, total)} {said}", *(f"{count} {also}" for count, also in rest)])


def name_some(count, total):
    """ "2 of 6 watched KPIs", "the one watched KPI"."""
    return "the one watched KPI" if total == 1 else f"{count:,} of {count_words(total, 'watched KPI')}"


def find_places(conditions, holds):
    """The places in a list of those of which something holds."""
    return {place for place, one in enumerate(conditions) if holds(one)}


def tell_also(places, counted, verbs, what, again):
    """What also holds of some KPIs, in parts that count none of them twice; ``counted``: those told before.

    ``verbs``: of one and of more; ``again``: ``what``, once it was said.
    """
    inside, outside = len(places & counted), len(places - counted)
    parts = []
    if inside:
        who = "and it" if len(counted) == 1 else f"{inside} of them"
        parts.append(f"{who} {verbs[inside > 1]} {what}")
    if outside:
        who = f"{outside} other{'s' if outside > 1 else ''}" if inside else f"{outside}"
        said = f"{again} either" if inside else what
        parts.append(f"{who} {verbs[outside > 1]} {said}")
    return parts


def tell_fine(total):
    """ "all 6 watched KPIs are within their limits"."""
    all_of = {1: "the one watched KPI", 2: "both watched KPIs"}.get(
        total, f"all {count_words(total, 'watched KPI')}"
    )
    return f"{all_of} {agree(total)} within {own(total)}"


def own(count):
    """Whose limit it is."""
    return "its limit" if count == 1 else "their limits"


def tell_curve(values, limit_text, format_one, since="", until="", what=""):
    """The text alternative of a spark-line; ``format_one`` writes a value.

    ``since``: when the first of them came, as a time with its zone, where that is well within the hour.
    ``what`` they are ("min of 1 h"), where the number beside them is something else.
    ``until``: up to when points are counted, where these are not of now.
    """
    known = [value for value in values if value is not None]
    if not known:
        return "No values in the last hour."
    lead = f"Since {since}" if since else f"The hour up to {until}" if until else "The last hour"
    lead = f"{what[0].upper()}{what[1:]}, {lead[0].lower()}{lead[1:]}" if what else lead
    low, high = format_one(min(known)), format_one(max(known))
    if low == high:
        between, last = f"at {low}", "" if values[-1] is None else f" up to {until or 'now'}"
    else:
        between = f"between {low} and {high}"
        last = "" if values[-1] is None else f", {f'at {until}' if until else 'now'} {format_one(values[-1])}"
    limit = f"; {limit_text}" if limit_text else ""
    return f"{lead}: {between}{last}{limit}."


def tell_change(now, before):
    """How a figure stands against an earlier one: ``12 % more``; empty where nobody can tell."""
    if now is None or not before:
        return ""
    share = (now - before) / abs(before)
    percent = round(abs(share) * 100)
    if percent > 999:
        return f"{now / before:,.0f} times as much" if now / before > 0 else ""
    return f"{percent} % {'more' if share > 0 else 'less'}" if percent else "the same"
