"""The lives of topics: when they were recorded, by what is known of them; read for many at once.

Nothing is said here of what was lost or voided.
"""

from dataclasses import dataclass, field

from django.db import connection
from django.db.models import BigIntegerField, Case, OuterRef, Subquery, Value, When

from metrics_app.core.buckets import floor
from metrics_app.core.durations import DAY_MS, HOUR_MS, MINUTE_MS
from metrics_app.core.moments import to_ms
from metrics_app.core.recorded import QUIET, join_pieces
from metrics_app.core.spans import ceil, intersect, join, subtract
from metrics_app.models import Kpi, ShardHistory, Topic
from metrics_app.queries.history import MODELS, SPANS
from metrics_app.queries.logs import clock, shard_for
from metrics_app.queries.reading import Want, read_many
from metrics_app.queries.recordings import load_recordings

LONG = 400 * DAY_MS  # of a longer stretch that was not recorded live, days are read and not hours
PART = 200  # topics of one statement


@dataclass(eq=False)
class Life:
    """A topic in [start, end) ms; ``recorded``: the spans of it that were, as far as that was asked for."""

    topic: str
    start: int
    end: int
    made: int | None  # when its KPI was made, ms
    hot: list[int]  # the minutes (ms), ascending, with points that Redis has
    last: int | None  # when the newest point came that Redis knows of, ms
    number: int | None = None  # of its history
    begin: int = 0  # from when on it is recorded live, ms
    recorded: list = field(default_factory=list)

    @property
    def is_whole(self):
        """Whether it was there before [start, end), in which the site took in points: nothing more to ask."""
        if subtract([(self.start, self.end)], load_recordings()):
            return False
        came = [at for at in (*self.hot[:1], self.last) if at is not None]
        return min(came, default=self.end) < self.start and (self.made is None or self.made <= self.start)

    @property
    def live(self):
        """The spans in which the site took in points since it began, up to a day behind its end."""
        return intersect(load_recordings(), self.begin, self.end + QUIET)

    @property
    def regions(self):
        """The spans, from a day before it to a day behind it, of which only its points can tell."""
        return subtract([(self.start - QUIET, self.end + QUIET)], self.live)


def list_lives(stretches):
    """The Life of each ``(topic, start, end)``, with what Redis and the table of KPIs know of it."""
    topics, now = list(dict.fromkeys(topic for topic, *_ in stretches)), clock()
    readings = zip(topics, read_many([Want(topic, now - DAY_MS, now) for topic in topics]), strict=True)
    seen = {topic: (list_hot(one), one.head.last_ts if one.head else None) for topic, one in readings}
    rows = Kpi.objects.filter(topic__in=topics).values_list("topic", "created_at")
    made = {topic: to_ms(at) for topic, at in rows}
    lives = [Life(*one, made.get(one[0]), *seen[one[0]]) for one in stretches]
    for life in lives:
        life.recorded = [(life.start, life.end)]
    return lives


def list_hot(reading):
    """The minutes (ms), ascending, with points of a topic that Redis has."""
    return sorted({*(minute for minute, row in reading.ring.items() if row[0]), *reading.held})


def find_recorded(lives):
    """Finds what was ``recorded`` of lives that are not whole, by what history has of them."""
    if not lives:
        return
    numbers = dict(Topic.objects.filter(name__in={life.topic for life in lives}).values_list("name", "id"))
    for life in lives:
        life.number = numbers.get(life.topic)
    find_begins(lives)
    for life, pieces in zip(lives, list_pieces(lives), strict=True):
        life.recorded = join_recorded(life, pieces)


def join_recorded(life, pieces):
    """What was recorded of a Life: live, and between the pieces ``[(start, end), …]`` that hold points."""
    found = list(life.live)
    for region in life.regions:
        own = [piece for piece in pieces if region[0] <= piece[0] < region[1]]
        # From a point that came later to the first moment of the topic's life; not over a break of it.
        if region[1] == life.begin and life.live:
            own.append((life.begin, life.begin))
        found += [part for span in join_pieces(own) for part in intersect([region], *span)]
    return intersect(join(sorted(found)), life.start, life.end)


def find_begins(lives):
    """From when on (ms, at least a day before the start) each is recorded live: its end where that is later.

    It is as its KPI was made, or, where none of its points had come by then, with its first point.
    """
    for life in lives:
        life.begin = max(life.start - QUIET, life.made or 0)
    oldest = find_firsts({life.number: 0 for life in lives})
    unborn = [life for life in lives if not is_known_before(life, oldest.get(life.number, {}))]
    # Of one topic in two stretches each has a beginning of its own.
    for part in split_apart(unborn):
        firsts = find_firsts({life.number: life.begin for life in part})
        for life in part:
            later = [minute for minute in life.hot if minute + MINUTE_MS > life.begin]
            later += [at for at in firsts.get(life.number, {}).values() if at is not None]
            life.begin = max(min(later, default=life.end), life.begin)


def is_known_before(life, firsts):
    """Whether a point is known of before it begins, by the ``firsts`` of its history, ``{size: ms}``."""
    old = any(size in firsts and firsts[size] <= life.begin - size for size in (HOUR_MS, DAY_MS))
    return old or (bool(life.hot) and life.hot[0] < life.begin)


def split_apart(lives):
    """Lives in lists of which none has two of one topic."""
    parts = []
    for life in lives:
        part = next((part for part in parts if life.topic not in part), None)
        if part is None:
            parts.append(part := {})
        part[life.topic] = life
    return [list(part.values()) for part in parts]


def find_firsts(begins):
    """``{number: {size: ms}}``: where the first minute, hour and day of topics start, from ``begins`` on."""
    found, known = {}, [number for number in begins if number is not None]
    for at in range(0, len(known), PART):
        numbers = known[at : at + PART]
        cases = [When(id=number, then=Value(begins[number])) for number in numbers]
        rows = Topic.objects.filter(id__in=numbers)
        rows = rows.annotate(begin=Case(*cases, output_field=BigIntegerField()))
        columns = [Subquery(find_first(model)) for model in MODELS.values()]
        for number, *firsts in rows.order_by().values_list("id", *columns):
            pairs = zip(MODELS, firsts, strict=True)
            found[number] = {size: first for size, first in pairs if first is not None}
    return found


def find_first(model):
    """Where the first roll-up of a Topic starts from its ``begin`` on: one step into the index."""
    rows = model.objects.filter(topic=OuterRef("id"), start__gte=OuterRef("begin"))
    return rows.order_by("start").values("start")[:1]


def list_pieces(lives):
    """For each Life ``[(start, end), …]`` of minutes, hours or days with points in its regions."""
    marks = {row.shard: row for row in ShardHistory.objects.all()}
    plans = [list(plan_reading(life, marks.get(shard_for(life.topic)))) for life in lives]
    asked = {}
    for life, plan in zip(lives, plans, strict=True):
        for size, low, high in plan:
            asked.setdefault(size, {})[life.number, low, high] = None
    starts = {size: fetch_starts(size, list(spans)) for size, spans in asked.items()}
    return [
        list_warm(life)
        + [
            (at, at + size)
            for size, low, high in plan
            for at in starts[size].get(life.number, ())
            if low <= at < high
        ]
        for life, plan in zip(lives, plans, strict=True)
    ]


def list_warm(life):
    """The minutes with points in its regions that Redis has."""
    return [
        (minute, minute + MINUTE_MS)
        for low, high in life.regions
        for minute in life.hot
        if low <= minute < high
    ]


def plan_reading(life, marks):
    """Yields ``(size, low, high)`` in ms of the roll-ups to look for; ``marks``: the ShardHistory, or None.

    A day beside its hours says less than they do; of many years it is what can be read.
    """
    if life.number is None:
        return
    pruned, through = (marks.pruned_hours, marks.days_through) if marks else (0, 0)
    for start, end in life.regions:
        # An hour that an edge cuts holds points of the other side too: of it the minutes.
        low, high = ceil(start, HOUR_MS), floor(end, HOUR_MS)
        split = min(floor(through if high - low > LONG else pruned, DAY_MS), high)
        spans = [(DAY_MS, low, split), (HOUR_MS, max(low, split), high)]
        spans += [(MINUTE_MS, start, min(low, end)), (MINUTE_MS, max(high, start), end)]
        yield from (one for one in dict.fromkeys(spans) if one[1] < one[2])


def fetch_starts(size, spans):
    """``{number: starts}`` of the roll-ups of one resolution in ``[(number, low, high), …]`` (ms)."""
    found, table = {}, connection.ops.quote_name(MODELS[size]._meta.db_table)
    for at in range(0, len(spans), SPANS):
        part = spans[at : at + SPANS]
        where = " OR ".join(["(topic = %s AND start >= %s AND start < %s)"] * len(part))
        with connection.cursor() as cursor:
            edges = [int(value) for span in part for value in span]
            cursor.execute(f"SELECT topic, start FROM {table} WHERE {where}", edges)
            for number, start in cursor.fetchall():
                found.setdefault(number, set()).add(start)
    return found
