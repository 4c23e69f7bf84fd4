"""What a tile shows, ready to be written on a page: every word of it is made here.

The page draws and counts ages; values, states and curves come from the same
summaries that the thresholds are judged by, so a tile never contradicts a rule.
"""

from django.urls import NoReverseMatch, reverse

from metrics_app import queries
from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.text import words
from metrics_app.core.text.units import DASH, format_value, split_value
from metrics_app.models import Breach, Threshold
from metrics_app.pages.conditions import (
    clock_with_zone,
    describe_data,
    describe_light,
    describe_timers,
    get_condition,
    get_state,
    has_data_breach,
)
from metrics_app.pages.sparklines import describe_chart, describe_limit, find_start
from metrics_app.services.rules.deadman import list_silent
from metrics_app.services.silences import find_silence, list_acting

BEHIND_AFTER = 10_000  # ms the collected-through mark may lag before a page says so
SILENT_STATES = {"ok": "within limit", "pending": "over the limit", "recovering": "recovering"}
# Which threshold a tile with several shows: the one that is worst off.
WORST = ("firing", "recovering", "pending", "silent", "ok")


def list_tiles(kpis):
    """The tiles of ``Kpi`` rows, as dicts that JSON can carry, in their order."""
    now = queries.redis_now()
    through = queries.collected_through()
    rules, overdue = find_rules(kpis), list_silent([kpi.topic for kpi in kpis])
    watching = {topic: breach.threshold for topic, breach in overdue.items()} | rules
    acting = list_acting()
    return [
        describe_tile(kpi, rules.get(kpi.topic), now, through, kpi.topic in overdue and kpi.expected_interval)
        | tell_silence(watching.get(kpi.topic), acting, now)
        for kpi in kpis
    ]


def tell_silence(rule, acting, now):
    """What silences the threshold a tile shows: ``silence`` short, for the tile, ``silenced`` in full."""
    found = find_silence(rule, acting) if rule else None
    if found is None:
        return {"silence": "", "silenced": ""}
    short = f"· silenced until {clock_with_zone(found.until, now)}"
    return {"silence": short, "silenced": f"· {found.describe(zone=None)}"}


def list_states(kpis):
    """The state of each KPI as its tile shows it; "none" without a threshold, "silent" where points lack."""
    rules, overdue = find_rules(kpis), list_silent([kpi.topic for kpi in kpis])
    conditions = [(get_condition(rules.get(kpi.topic)), kpi.topic in overdue) for kpi in kpis]
    return ["silent" if late and state in ("ok", "none") else state for state, late in conditions]


def find_rules(kpis):
    """The threshold each topic's tile shows, with its state and its open breach: {topic: Threshold}."""
    rows = Threshold.objects.filter(
        kpi__topic__in=[kpi.topic for kpi in kpis], enabled=True, kind=Threshold.Kind.LIMIT
    )
    found = {}
    for rule in rows.select_related("kpi", "state_row"):
        found.setdefault(rule.kpi.topic, []).append(rule)
    chosen = {topic: min(rules, key=rank) for topic, rules in found.items()}
    open_breaches = Breach.objects.filter(threshold__in=chosen.values(), recovered_at=None)
    by_threshold = {breach.threshold_id: breach for breach in open_breaches}
    for rule in chosen.values():
        rule.open_breach = by_threshold.get(rule.pk)
    return chosen


def rank(rule):
    """Sorts the thresholds of a KPI: worst state first, then those that judge what the tile shows."""
    same = (rule.aggregate, rule.window) == (rule.kpi.aggregate, rule.kpi.window)
    return (WORST.index(get_condition(rule)), not has_data_breach(rule), not same, rule.pk)


def describe_tile(kpi, rule, now, through, overdue=None):
    """One tile as a dict; ``rule`` may be None, ``through`` maps shards to ms.

    ``overdue``: seconds within which a point was expected that did not come; else None or False.
    """
    behind = find_standstill(kpi.topic, now, through)
    # While the collector stands still so do the figures: a window that slid on would lose its points.
    now = behind or now
    stats = queries.stats(kpi.topic, kpi.window, now=now)
    value = stats.get(kpi.aggregate)
    seen_at = stats["last_point_at"]
    silent = stats["count"] == 0 and (seen_at is None or not get_aggregate(kpi.aggregate).judges_empty)
    chart = describe_chart(kpi, rule, value, now)
    tile = {
        "topic": kpi.topic,
        "name": kpi.name or kpi.topic,
        "unit": kpi.unit,
        "aggregate": kpi.aggregate,
        "last_at": seen_at,
        "chart": chart,
        **describe_value(kpi, stats, value, chart, silent, rule),
        **describe_condition(rule, seen_at, silent, behind, now, overdue),
    }
    tile["facts"] = tile.pop("notice") or describe_facts(kpi, stats, silent, chart, now)
    return tile


def find_standstill(topic, now, through):
    """Up to when (ms) the points of a topic are counted, where the collector is behind; else None."""
    mark = through.get(queries.shard_for(topic), now)
    return mark if now - mark > BEHIND_AFTER else None


def describe_standstill(now, through):
    """``Figures stand still since 03:45 UTC`` while a collector is behind; else empty."""
    mark = min(through.values(), default=now)
    return words.describe_standstill(clock_with_zone(mark, now)) if now - mark > BEHIND_AFTER else ""


def describe_value(kpi, stats, value, chart, silent, rule):
    """The large number, and what stands small behind it."""
    if not silent:
        # In the unit of the limit below it.
        beside = rule.limit if rule else None
        number, suffix = split_value(value, kpi.unit, kpi.aggregate, beside)
        return {"value": value, "number": number, "suffix": suffix}
    known = [past for past in chart["values"] if past is not None]
    was = (
        f"was {format_value(known[-1], kpi.unit, kpi.aggregate)}" if known and stats["last_point_at"] else ""
    )
    return {"value": None, "number": DASH, "suffix": was}


def describe_facts(kpi, stats, silent, chart, now):
    """The line under the value."""
    if silent and stats["last_point_at"] is None:
        return "Waiting for its first point"
    if silent:
        return f"No points in the last {words.format_duration(kpi.window)}"
    median = format_value(stats["p50"], kpi.unit) if stats["count"] else ""
    watched = (now - find_start(kpi, chart)) // 1000
    return words.describe_facts(
        kpi.aggregate, kpi.window, stats["count"], median=median, watched=max(0, watched)
    )


def describe_condition(rule, seen_at, silent, behind, now, overdue=None):
    """State, shape, colour class and footer of a tile."""
    state = get_state(rule)
    text, shape, css = describe_light(rule, now, seen_at)
    footer = describe_footer(rule, state, now)
    notice = ""
    if behind:
        notice, kind = words.describe_standstill(clock_with_zone(behind, now)), "behind"
    elif css == "silent" and not overdue:
        notice, kind = text, "silent"
    elif silent or overdue:
        notice, kind = words.describe_silence(seen_at and clock_with_zone(seen_at, now), overdue), "silent"
    elif data := describe_data(rule, now):
        text = f"{text} · {data}"
    kept = notice and (behind or state == "firing")
    if kept:
        # Absence never resolves: whoever hurries must still see that it is beyond its limit.
        css = f"{css} {kind}"
    elif notice:
        text, shape, css = notice, words.SHAPES[kind], kind
    if notice and state != "firing":
        footer = describe_kept(rule, state)
    link = describe_link(rule, state)
    told = {"notice": notice if kept else "", "link": link["text"], "href": link["href"]}
    return {"state": state, "state_text": text, "shape": shape, "css": css, "footer": footer} | told


def describe_link(rule, state):
    """What came of an open breach as a link: ``{"text", "href"}``; empty where it opened no proposal."""
    outcome = rule.open_breach.outcome if rule and rule.open_breach and state == "firing" else ""
    found = words.PROPOSAL.search(outcome)
    if not found:
        return {"text": "", "href": ""}
    try:
        href = reverse("pipeline_detail", args=[found[1]])
    except NoReverseMatch:
        # A project without the proposals' pages.
        href = ""
    return {"text": words.describe_outcome(outcome), "href": href}


def describe_footer(rule, state, now):
    """Limit, since when, and what happens next."""
    if rule is None:
        return "no threshold watches it"
    timers = describe_timers(rule)
    timers.pop("operator")
    breach = rule.open_breach
    coming = words.describe_next(
        state,
        **timers,
        since=clock_with_zone(breach.since, now) if breach else "",
        outcome=tell_outcome(breach) if breach else "",
    )
    flapping = "flapping" if is_flapping(rule) else ""
    return " · ".join(text for text in (describe_limit(rule), coming, flapping) if text)


def is_flapping(rule):
    """Whether the state of a threshold changes too often to be relied on."""
    row = getattr(rule, "state_row", None)
    return row is not None and row.flapping


def tell_outcome(breach):
    """What came of a breach where no link says it."""
    return "" if words.PROPOSAL.search(breach.outcome) else breach.outcome


def describe_kept(rule, state):
    """The footer of a tile without data: its limit, and the state that absence does not change."""
    if rule is None:
        return "no threshold watches it"
    # Over an open breach "within limit" would soothe.
    if has_data_breach(rule):
        return describe_limit(rule)
    return f"{describe_limit(rule)} · state kept: {SILENT_STATES[state]}"
