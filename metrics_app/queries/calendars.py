"""Calendars: series per local hour, day, week and month, and beside them an earlier time.

Zones are names such as "America/New_York". "Earlier" is the same time of the local clock a
day, week, month or year before, so that daylight saving moves nothing.
"""

from itertools import accumulate

from metrics_app.core.aggregate_functions import clip
from metrics_app.core.buckets import floor, merge
from metrics_app.core.calendars import CALENDARS, SPANS, check_zone, list_edges, shift_back
from metrics_app.core.durations import MINUTE_MS
from metrics_app.exceptions import BadInput
from metrics_app.queries.buckets import make_columns, read_buckets
from metrics_app.queries.charts import MOST_BUCKETS
from metrics_app.queries.history import CORRECTED, list_parts, read_past
from metrics_app.queries.kept import check_edges, take_whole
from metrics_app.queries.logs import clock
from metrics_app.queries.reading import Want, read_many
from metrics_app.queries.recorded import list_shares, list_shares_of
from metrics_app.queries.statistics import list_figures


def calendar_series(topic, start, end, calendar, zone, *, view=CORRECTED):
    """Columns like ``series``, of the local hours, days, weeks or months that hold [start, end) ms.

    ``end`` is the column of their ends: a day may have 23 or 25 hours.
    """
    return bucket_series(topic, find_edges(start, end, calendar, zone), view=view)


def bucket_series(topic, edges, *, step=None, view=CORRECTED):
    """The columns of the buckets between edges (ms, ascending), with the column ``end``."""
    summaries, revised = read_buckets(topic, edges, step=step, view=view)
    columns = make_columns(edges[:-1], summaries)
    columns = {"ts": columns.pop("ts"), "end": edges[1:], "count": columns.pop("count")} | {
        "sum": [clip(summary.sum) for summary in summaries],
        **columns,
    }
    recorded = list_shares(topic, edges)
    if any(share < 1 for share in recorded):
        columns["recorded"] = recorded
    return columns if revised is None else columns | {"revised": revised}


def find_edges(start, end, calendar, zone, *, field="calendar", most=MOST_BUCKETS):
    """The edges (ms) of the buckets of a calendar that hold [start, end); BadInput names what is wrong."""
    if calendar not in CALENDARS:
        raise BadInput(f"{calendar!r:.50} is no calendar: expected {', '.join(CALENDARS)}", field=field)
    least = {"hour": 3_600_000, "day": 82_800_000}.get(calendar, 601_200_000)
    if (end - start) // least > most:
        expected = "an earlier end, or longer buckets"
        raise BadInput(f"that is over {most} {calendar}s: expected {expected}", field=field)
    return list_edges(start, end, calendar, check_zone(zone))


def earlier_edges(edges, back, zone):
    """The edges a day, week, month or year earlier on the local clock; some may coincide."""
    zone = check_zone(zone)
    check_back(back)
    # The last days of a long month have no counterpart in a short one: empty buckets.
    return list(accumulate((shift_back(edge, back, zone) for edge in edges), max))


def check_back(back):
    """Nothing, or BadInput for what is not day, week, month or year."""
    if back not in SPANS:
        raise BadInput(f"{back!r:.50} cannot be compared with: expected {', '.join(SPANS)}", field="compare")


def compare_span(topics, start, end, *, zone="UTC", compare=(), view=CORRECTED):
    """``{topic: figures}`` of [start, end) ms, each with those of the same local times earlier.

    Figures are ``start``, ``end``, ``recorded`` (the share of the span in which points were recorded:
    that an empty one has none says nothing where it was not), ``count``, ``stddev`` and all that tiles may
    show, by name, and ``earlier``: ``{"week": figures, …}`` for each word of ``compare`` (day, week, month,
    year).
    What ended before the hot hour ends on a whole minute.
    NotKept where a span cuts an hour or a day of which nothing finer is kept.
    """
    place, spans = check_zone(zone), {None: (start, end)}
    for back in compare:
        check_back(back)
        low, high = (shift_back(at, back, place) for at in (start, end))
        spans[back] = low, max(floor(high, MINUTE_MS), low)
    for topic in topics:
        check_spans(topic, spans)
    wants = [Want(topic, *span, True) for topic in topics for span in spans.values()]
    figures = iter(read_figures(wants, view))
    found = {}
    for topic in topics:
        by_back = {back: next(figures) for back in spans}
        found[topic] = by_back.pop(None) | {"earlier": by_back}
    return found


def check_spans(topic, spans):
    """NotKept for the first of ``{word or None: (start, end)}`` that history cannot cut there."""
    for back, span in spans.items():
        for name, edge in zip(("start", "end"), span, strict=True):
            check_edges(topic, [edge], field="compare" if back else name, expected=take_whole)


def so_far(topics, zone, *, calendar="day", compare=("day", "week"), now=None, view=CORRECTED):
    """``compare_span`` since the local day (hour, week, month) began, up to the next whole second.

    ``so_far(["complaint.received"], "America/New_York")["complaint.received"]`` is today since local
    midnight; its ``["earlier"]["day"]`` is yesterday up to the same time, ``["week"]`` the same weekday.
    """
    end = ((clock() if now is None else now) // 1000 + 1) * 1000
    start = find_edges(end - 1, end, calendar, zone)[0]
    return compare_span(topics, start, end, zone=zone, compare=compare, view=view)


def read_figures(wants, view=CORRECTED):
    """The figures of each Want; those of one shard as of one moment."""
    readings = read_many(wants)
    pasts = read_past(readings)
    starts = [
        past.whole_start(want) if past and want.is_old() else want.start
        for want, past in zip(wants, pasts, strict=True)
    ]
    spans = [(want.topic, start, want.end) for want, start in zip(wants, starts, strict=True)]
    shares = list_shares_of(spans)
    found = []
    for want, reading, past, start, recorded in zip(wants, readings, pasts, starts, shares, strict=True):
        summary = merge(list_parts(reading, past, view)) if want.start < want.end else merge([])
        figures = list_figures(summary, max((want.end - want.start) / 1000, 1))
        found.append({"start": start, "end": want.end, "recorded": recorded} | figures)
    return found


def compare_series(topic, edges, *, zone="UTC", compare=(), step=None, view=CORRECTED):
    """``bucket_series`` with ``earlier``: by each word of ``compare`` the same buckets then."""
    columns = bucket_series(topic, edges, step=step, view=view)
    before = {back: earlier_edges(edges, back, zone) for back in compare}
    earlier = {back: bucket_series(topic, then, view=view) for back, then in before.items()}
    return columns | ({"earlier": earlier} if compare else {})
