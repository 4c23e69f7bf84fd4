"""History in full: the rows of any span, read a bounded number of roll-ups at a time.

Each piece is read as of one moment; no two pieces count the same point.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from django.db.models import Max, Min

from metrics_app.core.aggregates import get_aggregate, list_names
from metrics_app.core.buckets import floor
from metrics_app.core.calendars import begin, check_zone, to_local
from metrics_app.core.durations import DAY_MS, HOUR_MS, MINUTE_MS
from metrics_app.core.points import match_topic
from metrics_app.core.spans import intersect
from metrics_app.core.wallclock import find_midnight
from metrics_app.exceptions import BadInput
from metrics_app.models import DayRollup, HourRollup, MinuteRollup, Topic
from metrics_app.queries.buckets import read_buckets
from metrics_app.queries.calendars import find_edges
from metrics_app.queries.corrections import list_voids
from metrics_app.queries.history import CORRECTED
from metrics_app.queries.kept import check_edges, take_step, take_zone
from metrics_app.queries.logs import clock, list_topics
from metrics_app.queries.reading import Want, read_one
from metrics_app.queries.recorded import list_shares
from metrics_app.queries.statistics import list_figures

ROLLUPS = 1_500  # read at a time, each with a sketch of up to some kB
MOST_ROWS = 10_000_000
STAR = ": a * stands for whole words at the end, as in 'er.*'; '*' alone is every topic"
FIRST = ("count", "sum", "mean", "min", "max", "stddev")  # of the figures, as they always came


@dataclass(frozen=True)
class Plan:
    """Which buckets to export: their edges (ms, ascending), all of one ``step`` (ms) or of a calendar."""

    edges: Sequence[int]
    zone: str
    step: int | None = None
    calendar: str = ""
    view: str = CORRECTED

    @property
    def rows(self):
        """How many rows that is."""
        return max(len(self.edges) - 1, 0)

    @property
    def rollups(self):
        """About how many roll-ups stand behind a row, where nothing is pruned."""
        if self.step:
            grain = next(size for size in (DAY_MS, HOUR_MS, MINUTE_MS) if self.step % size == 0)
            return self.step // grain
        # Local hours of half-hour zones, and the edges of their days, are made of minutes.
        odd = 60 if self.edges[0] % HOUR_MS else 0
        return {"hour": max(odd, 1), "day": 24 + odd, "week": 55 + odd, "month": 80 + odd}[self.calendar]

    def pieces(self):
        """The edges in lists that are read at once; the last of one is the first of the next."""
        size = max(ROLLUPS // self.rollups, 1)
        for at in range(0, self.rows, size):
            yield [int(edge) for edge in self.edges[at : at + size + 1]]


def plan_steps(start, end, step, *, zone="UTC", view=CORRECTED, most=MOST_ROWS):
    """The Plan of buckets of ``step`` ms that hold [start, end); BadInput.

    ``step`` is whole minutes up to a day. ``zone`` is that of the local times beside the ms.
    """
    if not MINUTE_MS <= step <= DAY_MS or step % MINUTE_MS:
        expected = "a multiple of 60 from 60 to 86400, or a calendar"
        raise BadInput(f"{step / 1000:g} s is no step of an export: expected {expected}", field="step")
    check_zone(zone)
    low, high = floor(start, step), -floor(-end, step)
    if (high - low) // step > most:
        raise BadInput(f"that is {(high - low) // step} rows: expected at most {most}", field="step")
    return Plan(range(low, high + 1, step), zone, step=step, view=view)


def plan_calendar(start, end, calendar, *, zone="UTC", view=CORRECTED, most=MOST_ROWS, field="calendar"):
    """The Plan of the local hours, days, weeks or months that hold [start, end); BadInput."""
    edges = find_edges(start, end, calendar, zone, field=field, most=most)
    return Plan(edges, zone, calendar=calendar, view=view)


def find_complete(now, *, step=None, calendar="", zone="UTC"):
    """The end (ms) of the last bucket that is over at ``now``."""
    return floor(now, step) if step else begin(now, calendar, check_zone(zone))


def check_plan(topic, plan):
    """NotKept where the Plan is finer than what is kept of the topic."""
    field, expected = ("step", take_step) if plan.step else ("zone", take_zone)
    check_edges(topic, plan.edges, field=field, expected=expected)


def list_columns():
    """The names of a file's columns: a figure for each aggregate of a span.

    None for rates: the count and the two times say them.
    """
    names = [name for name in list_names("on_tiles") if not get_aggregate(name).is_rate]
    figures = dict.fromkeys([*FIRST, *names])
    return ("topic", "ts", "end", "local_start", "local_end", *figures, "revised", "recorded")


def read_rows(topic, plan):
    """Yields the columns of ``list_columns`` for one piece of the Plan after the other."""
    zone = check_zone(plan.zone)
    for number, edges in enumerate(plan.pieces()):
        found = read_buckets(topic, edges, step=plan.step, view=plan.view, follows=number > 0)
        yield make_rows(topic, edges, *found, zone)


def make_rows(topic, edges, summaries, revised, zone):
    """The columns of the buckets between edges."""
    if revised is None:
        # All hot: nothing came late yet, but people may have voided some of it.
        voids = list_voids(topic)
        revised = [bool(intersect(voids, *span)) for span in pairwise(edges)]
    texts = [to_local(edge, zone).isoformat(timespec="seconds") for edge in edges]
    spans = ((end - start) / 1000 for start, end in pairwise(edges))
    figures = [list_figures(*pair) for pair in zip(summaries, spans, strict=True)]
    columns = {
        "topic": [topic] * len(summaries),
        "ts": edges[:-1],
        "end": edges[1:],
        "local_start": texts[:-1],
        "local_end": texts[1:],
        "revised": revised,
        "recorded": list_shares(topic, edges),
        "count": [int(row["count"]) for row in figures],
    }
    return columns | {
        name: [to_float(row[name]) for row in figures] for name in list_columns() if name not in columns
    }


def to_float(number):
    """A plain float, whatever it was computed with, or None."""
    return None if number is None else float(number)


def find_span(topic):
    """``(first, last)`` in ms: where the history of a topic begins and its last point; None without points.

    Points that only history knows are known by the minute, or by the hour or day that is left of it.
    """
    now = clock()
    reading = read_one(Want(topic, now - DAY_MS, now))
    recent = [minute for minute, row in reading.ring.items() if row[0]] + list(reading.held)
    first, last = find_rollups(topic)
    starts = [at for at in (first, min(recent, default=None)) if at is not None]
    if not starts:
        return None
    head = reading.head.last_ts if reading.head else 0
    return min(starts), max(head, last or 0, *recent, *starts)


def find_rollups(topic):
    """The starts (ms) of the first and last roll-up, each the finest that there is; None without any."""
    number = Topic.objects.filter(name=topic).values_list("id", flat=True).first()
    first, last, wide = None, None, 0
    for size, model in ((DAY_MS, DayRollup), (HOUR_MS, HourRollup), (MINUTE_MS, MinuteRollup)):
        starts = model.objects.filter(topic=number).aggregate(first=Min("start"), last=Max("start"))
        if starts["first"] is None:
            continue
        if first is None or starts["first"] < first + wide:
            first, wide = starts["first"], size
        last = max(last or 0, starts["last"])
    return first, last


def find_years(topic, span, zone):
    """The local years with points of a topic whose span (``find_span``) is known, the newest first."""
    number = Topic.objects.filter(name=topic).values_list("id", flat=True).first()
    first, last = (to_local(at, zone).year for at in span)
    found, year = {first, last}, first + 1
    while year < last and (at := find_next(number, begin_year(year, zone))) is not None:
        year = to_local(at, zone).year
        found.add(year)
        year += 1
    return sorted((year for year in found if year <= last), reverse=True)


def begin_year(year, zone):
    """Where a local year begins, in ms."""
    return find_midnight(date(year, 1, 1), zone)


def find_next(number, start):
    """The start (ms) of the first hour with points from ``start`` on, or day without its hours; or None."""
    hours, days = (model.objects.filter(topic=number) for model in (HourRollup, DayRollup))
    kept = hours.aggregate(at=Min("start"))["at"]
    # A day beside its hours may begin in the year before theirs.
    pruned = days if kept is None else days.filter(start__lt=floor(kept, DAY_MS))
    found = (rows.filter(start__gte=start).aggregate(at=Min("start"))["at"] for rows in (hours, pruned))
    return min((at for at in found if at is not None), default=None)


def find_topics(patterns):
    """The topics with points among patterns such as ``er.*``, sorted; BadInput for a pattern with none."""
    known = set(Topic.objects.values_list("name", flat=True)) | set(list_topics())
    found = set()
    for pattern in patterns:
        these = {topic for topic in known if match_topic(pattern, topic)}
        if not these:
            hint = "" if "*" not in pattern or pattern == "*" or pattern.endswith(".*") else STAR
            raise BadInput(f"{pattern!r:.100} names no topic with points{hint}", field="topic")
        found |= these
    return sorted(found)
