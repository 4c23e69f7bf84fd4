"""What is published for everybody: the open KPIs, their figures and files, page and catalogue alike.

Strangers cost little: figures are remembered for ``FRESH`` seconds, files are bounded in span
and counted per minute. Whether a KPI is open is asked each time.
"""

import threading
import time
from itertools import product

from django.core.signals import setting_changed

from metrics_app import conf, queries, registry
from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.calendars import begin, check_zone
from metrics_app.core.durations import DAY_MS
from metrics_app.core.recorded import join_pieces
from metrics_app.core.text.losses import name_lost
from metrics_app.core.text.words import natural_key
from metrics_app.exceptions import TooMany
from metrics_app.files.open_figures import SPANS, describe_figures, list_recent, tell_recent
from metrics_app.files.writers import NAMES as FORMAT_NAMES
from metrics_app.files.writers import list_formats
from metrics_app.forks import free_in_children
from metrics_app.queries.exports import (
    begin_year,
    find_complete,
    find_span,
    find_years,
    list_columns,
    plan_calendar,
)
from metrics_app.queries.history import CORRECTED, PUBLISHED
from metrics_app.rates import count_request

FRESH = 60  # seconds
MOST_LOSSES = MOST_COVERED = 5  # told of each KPI
# Days of a file without a year: 8,784 hours, or ten years of days. What is older is a file per year.
DAYS = {"hour": 366, "day": 3_660}
VIEWS = {CORRECTED: "As corrected", PUBLISHED: "As first published"}
MEANINGS = (
    (("topic",), "The name of the KPI to programs."),
    (
        ("ts", "end"),
        "Where the hour or day begins and ends: milliseconds since 1970 UTC; in Parquet, timestamps.",
    ),
    (("local_start", "local_end"), "The same as ISO 8601 with the offset of the local clock."),
    (("count", "sum", "mean"), "How many points fell into it, the sum of their values, and sum ÷ count."),
    (
        ("min", "max", "stddev"),
        "The lowest and highest value, and the standard deviation (divided by count).",
    ),
    (("p50", "p90", "p95", "p99"), "Percentiles: half of the values are at most p50. Within 1 %."),
    (("revised",), "Whether late points or a correction have changed it since it was first published."),
    (
        ("recorded",),
        "Which share of it was recorded: where it is 0 nobody counted, and a count of 0 says nothing.",
    ),
)

_lock = free_in_children(threading.Lock())
_facts = (0.0, (), {})  # (fresh until, topics, topic -> facts)


def list_published():
    """The open KPIs: ``topic, name, unit, aggregate, description, method``, and what ``load_facts`` has."""
    kpis = sorted(registry.list_open(), key=lambda kpi: natural_key(kpi.topic))
    facts = load_facts(kpis)
    return [
        {
            "topic": kpi.topic,
            "name": kpi.name or kpi.topic,
            "unit": tell_unit(kpi.unit),
            "aggregate": tell_aggregate(kpi.aggregate),
            "description": kpi.description,
            "method": kpi.method,
            **facts[kpi.topic],
        }
        for kpi in kpis
    ]


def list_meanings():
    """``[(columns, what they say)]`` of a file, with those of aggregates that a project adds."""
    told = {name for names, _ in MEANINGS for name in names}
    added = [
        ((name,), f"{tell_aggregate(name).capitalize()}.") for name in list_columns() if name not in told
    ]
    return [*MEANINGS[:-2], *added, *MEANINGS[-2:]]


def tell_aggregate(name):
    """An aggregate for those who have never heard of it."""
    one = get_aggregate(name)
    return one.meaning or one.choice or one.label


def tell_unit(unit):
    """A unit for those who have never seen the KPI."""
    return {"": "none: a plain number", "%": "per cent"}.get(unit, unit)


def load_facts(kpis):
    """``{topic: {"span", "covered", "years", "lost", "figures"}}``, read together, ``FRESH`` seconds old."""
    global _facts
    wanted = tuple((kpi.topic, kpi.unit, kpi.aggregate) for kpi in kpis)
    fresh_until, known, found = _facts
    if known == wanted and time.monotonic() < fresh_until:
        return found
    with _lock:
        # Whoever waited for the lock finds what the first one read.
        fresh_until, known, found = _facts
        if known != wanted or time.monotonic() >= fresh_until:
            found = read_facts(kpis, queries.redis_now())
            _facts = (time.monotonic() + FRESH, wanted, found)
    return found


def read_facts(kpis, now):
    """The facts of KPIs at ``now`` (ms): the span covered, its years, and the last figures in human units."""
    topics = [kpi.topic for kpi in kpis]
    recent = list_recent(now)
    names = [tell_recent(name, *span) for name, span in zip(SPANS, recent, strict=True)]
    found = [queries.compare_span(topics, *span) for span in recent]
    spans = {topic: find_span(topic) for topic in topics}
    covered, lost = list_covered(spans, now), queries.list_losses_of(topics, 0, now)
    return {
        kpi.topic: {
            "span": spans[kpi.topic],
            "years": list_years(kpi.topic, spans[kpi.topic], now),
            "covered": covered[kpi.topic],
            "lost": list_lost(lost[kpi.topic]),
            "figures": [
                (name, *describe_figures(kpi, figures[kpi.topic]))
                for name, figures in zip(names, found, strict=True)
            ],
        }
        for kpi in kpis
    }


def list_lost(losses):
    """``[(start, end, words)]`` of the newest spans whose points are known to be lost; times in ms."""
    known = [one for one in losses if one.points != 0][-MOST_LOSSES:]
    return [(one.start, one.end, name_lost(one.points)) for one in reversed(known)]


def list_covered(spans, now):
    """``{topic: [(first, last), …]}`` in ms of what was recorded of topics, the newest last, by their spans.

    Interruptions of less than a day are told by the rows of the files; so are stretches before the newest
    ``MOST_COVERED``.
    """
    known = [(topic, span[0], max(now, span[1] + 1)) for topic, span in spans.items() if span]
    covered = {topic: [] for topic in spans}
    for (topic, *_), recorded in zip(known, queries.list_recorded_of(known), strict=True):
        covered[topic] = [(start, end - 1) for start, end in join_pieces(recorded)[-MOST_COVERED:]]
    return covered


def forget_on_change(*, setting, **kwargs):
    """Forgets when a test overrides the settings: it also has a database of its own."""
    global _facts
    if setting == "METRICS_APP":
        _facts = (0.0, (), {})


setting_changed.connect(forget_on_change)


def describe_page(host):
    """What the page says, as a template's context; ``host`` publishes unless a setting names somebody."""
    zone, kpis = conf.get("OPEN_DATA_ZONE"), list_published()
    return {
        "kpis": [
            kpi
            | {"files": arrange_files(), "years": [(by, f"{by}.csv", at) for by, at in kpi["years"].items()]}
            for kpi in kpis
        ],
        "views": list(VIEWS.values()),
        "columns": list_meanings(),
        "parquet": "parquet" in list_formats(),
        "zone": zone,
        "publisher": conf.get("OPEN_DATA_PUBLISHER") or host,
        "contact": conf.get("OPEN_DATA_CONTACT"),
        "licence": conf.get("OPEN_DATA_LICENCE"),
        "licence_url": conf.get("OPEN_DATA_LICENCE_URL"),
    }


def arrange_files():
    """``[(what, [(view, [(format, file, query), …]), …]), …]``: the rows of a table."""
    rows = {f"Per {by}": {view: [] for view in VIEWS.values()} for by in DAYS}
    for by, view, name, file, query in list_files():
        rows[f"Per {by}"][VIEWS[view]].append((FORMAT_NAMES[name], file, query))
    return [(what, list(cells.items())) for what, cells in rows.items()]


def list_years(topic, span, now):
    """``{by: local years}`` with points, the newest first, of files that do not reach back to all of them."""
    zone = check_zone(conf.get("OPEN_DATA_ZONE"))
    short = [by for by in DAYS if span and span[0] < begin(now, by, zone) - DAYS[by] * DAY_MS]
    years = find_years(topic, span, zone) if short else []
    return dict.fromkeys(short, years)


def list_files(years=()):
    """``[(by, view, format, file, query), …]`` of everything that can be downloaded of a topic.

    Of its ``years`` (``{by: years}``) as corrected; as first published they are there for who asks.
    """
    whole = [
        (by, view, name, f"{by}.{name}", "" if view == CORRECTED else f"?as={view}")
        for by, view, name in product(DAYS, VIEWS, list_formats())
    ]
    return whole + [
        (by, CORRECTED, name, f"{by}.{name}", f"?year={year}")
        for by in years
        for year, name in product(years[by], list_formats())
    ]


def plan_file(topic, by, view, year, now):
    """The Plans of a file: ``[(topic, Plan)]``, or [] where it has no row.

    From the first point on, one ``year`` or at most ``DAYS`` back, and only buckets that are over; where
    the last point is older than that, the last such span with points.
    """
    zone_name = conf.get("OPEN_DATA_ZONE")
    zone = check_zone(zone_name)
    end, span = find_complete(now, calendar=by, zone=zone_name), find_span(topic)
    if not span:
        return []
    low, high = find_year(year, zone) if year else find_reach(by, span, end)
    start, end = max(low, span[0]), min(high, end)
    if start >= end:
        return []
    return [(topic, plan_calendar(start, end, by, zone=zone_name, view=view))]


def find_reach(by, span, end):
    """``(start, end)`` in ms of a file without a year, where the last bucket is over at ``end``."""
    if span[1] < end - DAYS[by] * DAY_MS:
        end = span[1] + 1
    return end - DAYS[by] * DAY_MS, end


def find_year(year, zone):
    """``(start, end)`` in ms of a local year."""
    return tuple(begin_year(at, zone) for at in (year, year + 1))


def count_download(address):
    """TooMany beyond the files of a minute, of all or of one network address."""
    limit = conf.get("OPEN_DATA_PER_MINUTE")
    own = count_request(f"open-data:{address}", max(limit // 3, 1))
    # Who is refused alone does not use up what is left for the others.
    wait = own or count_request("open-data", limit)
    if wait:
        raise TooMany(f"Too many downloads: come again in {wait} s.", retry_after=wait)
