"""What a tile shows, ready to be written on a page: every word of it is made here.

The page draws and counts ages; values, states and curves come from the same
summaries that the thresholds are judged by, so a tile never contradicts a rule.
"""

from metrics_app import queries
from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.conditions import FIRING, NONE, RECOVERING, SILENT, UNJUDGED
from metrics_app.core.moments import to_ms
from metrics_app.core.recorded import is_enough, measure_share
from metrics_app.core.text import words
from metrics_app.core.text.losses import name_lost
from metrics_app.core.text.units import DASH, format_value, split_value
from metrics_app.models import Breach
from metrics_app.pages.footers import join, tell_footer, tell_kept, tell_unwatched
from metrics_app.pages.lights import (
    clock_with_zone,
    describe_lapse,
    tell_data,
    tell_light,
    tell_silence,
)
from metrics_app.pages.sparklines import describe_chart, draws_own, reach_back
from metrics_app.services.conditions import read_conditions
from metrics_app.services.outcomes import NOTHING, read_outcomes
from metrics_app.services.silences import find_silence, list_acting

STILL_OPEN = (FIRING, RECOVERING)


def list_tiles(kpis, seen=None, *, user=None):
    """The tiles of ``Kpi`` rows, as dicts that JSON can carry, in their order.

    ``seen``: their ``read_conditions``, where a page has read them already. ``user``: who reads what came
    of their breaches; None: everybody who sees the KPIs.
    """
    now, acting = queries.redis_now(), list_acting()
    seen = read_conditions(kpis, now=now, acting=acting) if seen is None else seen
    found = [seen[kpi.topic] for kpi in kpis]
    attach_breaches([one.rule for one in found if one.rule], user)
    lost = list_lost(kpis, now)
    recorded = queries.list_recorded_of(
        [(kpi.topic, reach_back(kpi, one.rule, one.behind or now), one.behind or now)
         for kpi, one in zip(kpis, found, strict=True)]
    )  # fmt: skip
    return [
        add_silencing(
            describe_tile(kpi, one, now, spans, lost[kpi.topic]), one.rule or one.dead_man, acting, now
        )
        for kpi, one, spans in zip(kpis, found, recorded, strict=True)
    ]


def list_lost(kpis, now):
    """``{topic: [Lost, …]}`` of what the windows of tiles lack, as far as any is known to be lost."""
    longest = max((kpi.window for kpi in kpis), default=0) * 1000
    found = queries.list_losses_of([kpi.topic for kpi in kpis], now - longest, now)
    return {
        kpi.topic: [one for one in found[kpi.topic] if one.end > now - kpi.window * 1000 and one.points != 0]
        for kpi in kpis
    }


def tell_lacking(lost, now):
    """ "3,000 points lost at 10:42 UTC"; "" where a window lacks none."""
    if not lost:
        return ""
    points = None if any(one.points is None for one in lost) else sum(one.points for one in lost)
    return f"{name_lost(points)} at {clock_with_zone(lost[-1].end, now)}"


def add_silencing(tile, rule, acting, now):
    """The tile with what silences its threshold (``silence``), and the whole ``line`` of the KPI's page."""
    found = find_silence(rule, acting) if rule else None
    silence = f"· silenced until {clock_with_zone(found.until, now)}" if found else ""
    full = found.describe(zone=None) if found else ""
    return tile | {"silence": silence, "line": join(tile["facts"], tile["footer"], full)}


def attach_breaches(rules, user=None):
    """Gives each threshold its open breach or None as ``open_breach``, which has what came of it."""
    rows = Breach.objects.filter(threshold__in=rules, recovered_at=None).select_related("threshold__kpi")
    by_threshold = {breach.threshold_id: breach for breach in rows}
    outcomes = read_outcomes(rows, user)
    for rule in rules:
        rule.open_breach = by_threshold.get(rule.pk)
        if rule.open_breach:
            rule.open_breach.came = outcomes.get(rule.open_breach.pk, NOTHING)


def describe_tile(kpi, seen, now, spans, lost=()):
    """One tile as a dict, of what ``read_conditions`` has ``seen`` of the KPI, and what its window lacks.

    ``spans``: what was recorded of its topic since ``reach_back``.
    """
    # While the collector stands still so do the figures: a window that slid on would lose its points.
    now, rule = seen.behind or now, seen.rule
    stats = queries.stats(kpi.topic, kpi.window, now=now)
    value = stats.get(kpi.aggregate)
    seen_at = stats["last_point_at"]
    recorded = measure_recorded(kpi, stats, spans, now)
    empty = stats["count"] == 0 and not is_enough(recorded)
    chart = describe_chart(kpi, rule, value, now, spans, behind=bool(seen.behind))
    tile = {
        "topic": kpi.topic,
        "name": kpi.name or kpi.topic,
        "unit": kpi.unit,
        "aggregate": kpi.aggregate,
        "last_at": seen_at,
        "chart": chart,
        **describe_value(kpi, stats, value, chart, empty, rule),
        **describe_condition(kpi, seen, seen_at, now),
    }
    facts = tile.pop("notice") or tell_facts(kpi, stats, empty, recorded)
    # The number is the KPI's, the line is what its rule judges: where these are two, the reader is told.
    line = "" if draws_own(kpi, rule) else f"line: {chart['what']}"
    tile["facts"] = join(facts, line, tell_lacking(lost, now))
    return tile


def measure_recorded(kpi, stats, spans, now):
    """The share of the window of a tile in which points were recorded; 0 where an empty one shows nothing."""
    if stats["last_point_at"] is None or not get_aggregate(kpi.aggregate).judges_empty:
        return 1.0 if stats["count"] else 0.0
    start = now - kpi.window * 1000
    if stats["count"] and to_ms(kpi.created_at) <= start and queries.is_site_recording(start, now):
        return 1.0
    return measure_share(spans, start, now)


def tell_standstill(now, through):
    """``Figures stand still since 03:45 UTC`` while a collector is behind; else empty."""
    mark = min(through.values(), default=now)
    if now - mark <= queries.clock.BEHIND_AFTER:
        return ""
    # Without a mark nobody knows since when, as after a loss of all that Redis held.
    return words.tell_standstill(clock_with_zone(mark, now) if mark else "")


def describe_value(kpi, stats, value, chart, empty, rule):
    """The large number, and what stands small behind it."""
    if not empty:
        # In the unit of the limit below it.
        beside = rule.limit if rule else None
        number, suffix = split_value(value, kpi.unit, kpi.aggregate, beside)
        return {"value": value, "number": number, "suffix": suffix}
    was = tell_past(kpi, chart, rule) if stats["last_point_at"] else ""
    return {"value": None, "number": DASH, "suffix": was}


def tell_past(kpi, chart, rule):
    """``was 12 h``: the last value on the line, where the line is of what the tile shows."""
    # A rule's share or time until would read as a value of the KPI; the line's own sentence tells it.
    known = [past for past in chart["values"] if past is not None] if draws_own(kpi, rule) else []
    return f"was {format_value(known[-1], kpi.unit, kpi.aggregate)}" if known else ""


def tell_facts(kpi, stats, empty, recorded):
    """The line under the value."""
    if empty and stats["last_point_at"] is None:
        return "Waiting for its first point"
    if empty:
        return words.tell_no_points(kpi.aggregate, kpi.window, recorded)
    median = format_value(stats["p50"], kpi.unit) if stats["count"] else ""
    watched = None if is_enough(recorded) else int(recorded * kpi.window)
    return words.tell_facts(kpi.aggregate, kpi.window, stats["count"], median=median, watched=watched)


def describe_condition(kpi, seen, seen_at, now):
    """State, shape, colour classes, rank and footer of a tile."""
    condition, rule = seen.condition, seen.rule
    text, notice = tell_condition(kpi, seen, seen_at, now)
    link = describe_link(rule, condition.state)
    # Absence never resolves: whoever hurries must still see that it is beyond its limit.
    is_kept = (notice or condition.name in (SILENT, UNJUDGED)) and condition.state != FIRING
    if rule is None:
        footer = tell_unwatched(seen, now)
    else:
        footer = tell_kept(rule, condition, seen_at) if is_kept else tell_footer(rule, condition.state, now)
    return {
        "state": condition.state,
        "state_text": text,
        "shape": condition.shape,
        "css": f"{condition.css} behind" if seen.behind else condition.css,
        "rank": condition.rank,
        **describe_lapse(seen.judged, now),
        "footer": footer,
        "notice": notice,
        "link": link["text"],
        "href": link["href"],
    }


def tell_condition(kpi, seen, seen_at, now):
    """``(words of the condition, what stands in place of the facts or "")``."""
    condition, rule = seen.condition, seen.rule
    silence = tell_absence(kpi, seen, seen_at, now) if condition.is_silent else ""
    text = silence if condition.name == SILENT else tell_light(rule, condition, now, seen_at)
    if condition.name == NONE and seen.off:
        text = "Limit switched off" if len(seen.off) == 1 else "Limits switched off"
    if seen.behind:
        return text, words.tell_standstill(clock_with_zone(seen.behind, now))
    if condition.name == SILENT or condition.unjudged_since is not None:
        return text, ""
    if seen.is_empty or seen.is_late:
        return text, silence
    data = tell_data(rule, now)
    return join(text, data), ""


def tell_absence(kpi, seen, seen_at, now):
    """Since when there has been nothing to judge by, and what was expected."""
    if seen.is_late:
        return words.tell_silence(seen_at and clock_with_zone(seen_at, now), kpi.expected_interval)
    return tell_silence(seen.rule, now, seen_at, empty=seen.is_empty)


def describe_link(rule, state):
    """How what an open breach opened stands, as a link (``services.outcomes``); empty where it did not."""
    return rule.open_breach.came if rule and rule.open_breach and state in STILL_OPEN else NOTHING
