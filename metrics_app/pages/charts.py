"""The large chart of a KPI: what its rule saw over a span, and what happened meanwhile."""

from typing import NamedTuple

from django.utils.module_loading import import_string

from metrics_app import conf, queries
from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.durations import DAY_MS, MINUTE_MS
from metrics_app.core.plans import NAMES, SHIFTS, SPANS, list_earlier, plan_span
from metrics_app.core.recorded import is_enough
from metrics_app.core.text import words
from metrics_app.core.text.losses import mark_lost, name_lost, tell_lost
from metrics_app.core.text.moments import tell_when
from metrics_app.core.text.units import format_duration, format_value, tell_last
from metrics_app.models import Breach, Threshold
from metrics_app.pages.lights import clock_with_zone, to_local
from metrics_app.pages.sparklines import in_sight, name_shown, tell_limit
from metrics_app.queries.windows import FACTS

COLUMNS = ("value", *FACTS)
OUTSIDE = 0.1  # share of a view from which on a sentence says that nothing is known of it
MOST_BREACHES = 500  # shaded on one chart
COMPARED = {"yesterday": "the day before", "week": "a week before"}


class View(NamedTuple):
    """What part of a KPI's past is shown; a zoomed one has a start and an end of its own (ms)."""

    span: str
    start: int
    end: int
    zoomed: bool = False
    compare: str = ""


def make_view(span, now, compare="", zoom=None):
    """The View of a named span that ends now, or of ``zoom``, (start, end) in ms."""
    if zoom:
        return View(span, *zoom, True, compare)
    return View(span, now - SPANS[span], now, False, compare)


def describe_plot(kpi, rule, view, zone):
    """The chart as a dict that JSON can carry; ``rule`` may be None, ``zone`` is the reader's."""
    aggregate = rule.aggregate if rule else kpi.aggregate
    window = (rule.window if rule else kpi.window) * 1000
    # A day more: values may lie so far apart, and each stands for what lies between.
    grain = queries.find_grain(kpi.topic, view.start - max(window, DAY_MS))
    plan = plan_span(view.start, view.end, window, grain)
    plan = plan._replace(divides_at=rule and rule.aggregate_value, zone=rule.zone if rule else "")
    columns = mark_unrecorded(kpi.topic, read_columns(kpi.topic, aggregate, plan, view), plan)
    one = get_aggregate(aggregate)
    share = window / plan.drawn if one.grows else 1
    columns["value"] = scale(columns["value"], share)
    over = one.judges_empty or one.is_trend
    named = f"{name_shown(kpi, rule)} {'over' if over else 'of'}"
    what = tell_what(named, window if rule else plan.drawn, plan, share)
    losses = queries.list_losses(kpi.topic, view.start, view.end)
    return columns | {
        "lost": [mark_lost(touched(losses, at - plan.drawn, at)) for at in columns["ts"]],
        "span": view.span,
        "zoomed": view.zoomed,
        "start": view.start,
        "end": view.end,
        "stride": plan.stride,
        "unit": kpi.unit,
        "aggregate": aggregate,
        "what": what,
        "compare": compare(kpi.topic, aggregate, plan, view, columns["ts"], share, zone),
        "lines": list_lines(kpi, aggregate, window),
        "limit": rule.limit if rule else None,
        "above": rule.operator in words.UPPER if rule else True,
        "breaches": list_breaches(kpi.topic, view),
        "losses": [one._asdict() | {"label": name_lost(one.points)} for one in losses],
        "sentence": tell_sentence(kpi, rule, view, aggregate, columns, what, plan.stride)
        + "".join(f" {tell_loss(one, view.end)}" for one in losses),
    }


def tell_what(named, window, plan, share):
    """What each value is, in words; ``named`` is the aggregate, such as "mean of"."""
    text = f"{named} {format_duration(plan.drawn / 1000)}"
    if plan.drawn == window:
        return text
    judged = format_duration(window / 1000)
    return f"{text} as if of {judged}" if share != 1 else f"{text} (the rule judges {judged})"


def read_columns(topic, aggregate, plan, view):
    """``ts`` and the columns; the newest value ends with the span itself where that is now."""
    ends = list(range(-(-view.start // plan.stride) * plan.stride, view.end + 1, plan.stride))
    if view.zoomed and not ends:
        # A part shorter than what is kept: the hour or day that holds its end.
        ends = [-(-view.end // plan.stride) * plan.stride]
    columns = {"ts": ends} | read_windows(topic, ends, plan, aggregate)
    if not view.zoomed and (not ends or ends[-1] < view.end):
        row = read_now(topic, aggregate, plan, view.end)
        columns = {name: [*column, row[name]] for name, column in columns.items()}
    return columns


def mark_unrecorded(topic, columns, plan):
    """The columns with ``recorded``, the share (0 to 1) of each window in which points were recorded.

    One that was not, and has no point, has no value and no count.
    """
    shares = queries.list_window_shares(topic, columns["ts"], plan.drawn)
    known = [bool(n) or is_enough(share) for n, share in zip(columns["n"], shares, strict=True)]
    dropped = {
        name: [value if one else None for value, one in zip(columns[name], known, strict=True)]
        for name in ("value", "n")
    }
    return columns | dropped | {"recorded": shares}


def read_windows(topic, ends, plan, aggregate):
    """The columns of windows that end at ``ends``; only value and n where the grain does not fit them."""
    if plan.is_exact and get_aggregate(aggregate).on_tiles:
        found = queries.windows(topic, ends, step=plan.step, window=plan.drawn, aggregate=aggregate)
        return found
    asked = [(topic, at - plan.drawn, at, aggregate, plan.divides_at, plan.zone) for at in ends]
    seen = queries.observe(asked)
    empty = {name: [None] * len(ends) for name in COLUMNS}
    return empty | {"value": [in_sight(one.value, aggregate) for one in seen], "n": [one.n for one in seen]}


def read_now(topic, aggregate, plan, now):
    """The row of the window that ends now."""
    if not get_aggregate(aggregate).on_tiles:
        columns = read_windows(topic, [now], plan, aggregate)
        return {name: column[0] for name, column in columns.items()} | {"ts": now}
    stats = queries.stats(topic, plan.drawn // 1000, now=now)
    row = {name: stats.get(name) for name in COLUMNS}
    return row | {"ts": now, "value": stats.get(aggregate), "n": stats["count"]}


def scale(values, share):
    """Counts of a longer window as if of the rule's own."""
    return values if share == 1 else [None if value is None else value * share for value in values]


def compare(topic, aggregate, plan, view, ts, share, zone):
    """The values of an earlier day at the same local time, ``{"name", "values"}``; None unless asked for."""
    if view.compare not in SHIFTS:
        return None
    earlier = list_earlier([at for at in ts if at % plan.stride == 0], view.compare, plan.step, zone)
    ends, found = sorted(set(earlier)), []
    if ends and queries.find_grain(topic, ends[0] - plan.drawn) <= plan.step:
        columns = {"ts": ends} | read_windows(topic, ends, plan, aggregate)
        found = scale(mark_unrecorded(topic, columns, plan)["value"], share)
    by_end = dict(zip(ends, found, strict=bool(found)))
    values = [by_end.get(end) for end in earlier]
    return {"name": COMPARED[view.compare], "values": values + [None] * (len(ts) - len(values))}


def list_lines(kpi, aggregate, window):
    """Limit and recovery lines of the thresholds that judge what is drawn."""
    rules = Threshold.objects.filter(
        kpi__topic=kpi.topic, aggregate=aggregate, window=window // 1000, enabled=True
    )
    lines, rules = [], list(rules.select_related("kpi"))
    for rule in rules:
        # Several limits on one chart are told apart by the names of their thresholds.
        name = f"{rule.name}: " if rule.name and len(rules) > 1 else ""
        lines.append({"kind": "limit", "value": rule.limit, "label": f"{name}{tell_limit(rule)}"})
        if rule.recovery_limit is not None and rule.recovery_limit != rule.limit:
            text = format_value(rule.recovery_limit, kpi.unit, aggregate, rule.limit)
            lines.append(
                {"kind": "recovery", "value": rule.recovery_limit, "label": f"{name}recovers at {text}"}
            )
    return lines


def list_breaches(topic, view):
    """The spans beyond a limit that touch the view: ``{"start", "end" or None, "severity"}``."""
    rows = Breach.objects.filter(threshold__kpi__topic=topic, since__lt=view.end)
    rows = rows.exclude(recovered_at__lt=view.start).order_by("-fired_at")[:MOST_BREACHES]
    return [{"start": row.since, "end": row.recovered_at, "severity": row.severity} for row in rows]


def tell_sentence(kpi, rule, view, aggregate, columns, what, stride):
    """The text alternative of the chart."""
    name = tell_part(view) if view.zoomed else tell_last(NAMES[view.span]).capitalize()
    found = [(at, one) for at, one in zip(columns["ts"], columns["value"], strict=True) if one is not None]
    if not found:
        return f"{name}: no values."
    known = [value for _, value in found]
    end = find_known_end(kpi.topic, found[-1][0])
    name += tell_known(min(found[0][0], end), end, view)
    low, high, last = (
        format_value(value, kpi.unit, aggregate, rule.limit if rule else None)
        for value in (min(known), max(known), known[-1])
    )
    limit = f"; {tell_limit(rule)}" if rule else ""
    between = f"always {low}" if low == high else f"between {low} and {high}"
    # Extremes of a moving window lie between the places that are drawn, too.
    grid = f", as seen every {format_duration(stride / 1000)}" if stride > MINUTE_MS else ""
    newest = "" if low == high else f", at last {last}{tell_newest(end) if view.zoomed else ''}"
    return f"{name}, {what}{grid}: {between}{newest}{limit}."


def tell_part(view):
    """ "The part from 24 Dec 2011 00:00 UTC to 7 Jan 2012 00:00 UTC", in the reader's zone."""
    start, end = (clock_with_zone(at, queries.redis_now()) for at in (view.start, view.end))
    return f"The part from {start} to {end}"


def tell_newest(at):
    """ " on 27 Dec 2011 at 00:00 UTC": when the last value was known, in the reader's zone."""
    return f" {tell_when(to_local(at), to_local(queries.redis_now()))}"


def find_known_end(topic, last):
    """Up to when (ms) anything is known where the last value is of a window that ends at ``last``.

    A window goes on behind the last point of all; of hours and days that are kept only the whole is known.
    """
    point = queries.find_last_point(topic)
    is_cut = point is not None and point < last and queries.find_grain(topic, point) == MINUTE_MS
    return point if is_cut else last


def tell_known(first, last, view):
    """ " (known from 24 Nov 10:00 CET on)" where values begin, or end, well within the view; else ""."""
    least = max((view.end - view.start) * OUTSIDE, 2 * MINUTE_MS)
    begins, ends = first - view.start > least, view.end - last > least
    if not begins and not ends:
        return ""
    start, end = (clock_with_zone(at, queries.redis_now()) for at in (first, last))
    if begins and ends and start == end:
        return f" (known at {start} only)"
    if begins and ends:
        return f" (known from {start} to {end})"
    return f" (known from {start} on)" if begins else f" (known until {end})"


def touched(losses, start, end):
    """The points of the Losts that a window [start, end) of ms touches; one of no length is a moment."""
    return [one.points for one in losses if one.start < end and max(one.end, one.start + 1) > start]


def tell_loss(lost, now):
    """ "Between 10:37 UTC and 10:42 UTC 3,000 points of this KPI were lost: …." in the reader's zone."""
    # Within one minute only seconds tell the two apart.
    seconds = lost.start // MINUTE_MS == lost.end // MINUTE_MS
    times = dict.fromkeys(clock_with_zone(at, now, seconds=seconds) for at in (lost.start, lost.end))
    said = tell_lost(lost.points)
    return f"{'Between' if len(times) > 1 else 'At'} {' and '.join(times)}: {said}."


def list_marks(topic, view, user):
    """What the project marks on the time axis: ``[{"at", "kind", "text", "href"}, …]`` in order of time."""
    path = conf.get("MARKS")
    found = import_string(path)(topic, view.start, view.end, user) if path else []
    return sorted(found, key=lambda mark: mark["at"])
