"""What was recorded of a topic: the one place that knows whether "no points" means that none came.

Recorded is what the site took in live, from the topic's first point on, while it worked. Where it did not, or
the topic was not there yet, it is what points tell that came later, from a file or a late sender: between two
of them, unless a whole day lies between. Spans whose points were lost or voided are not recorded at all.
"""

import threading
import time

import numpy as np
from django.core.signals import setting_changed
from django.db.models import Min

from metrics_app import window
from metrics_app.clock import now_ms
from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.buckets import floor
from metrics_app.core.durations import DAY_MS, HOUR_MS, MINUTE_MS
from metrics_app.core.moments import to_ms
from metrics_app.core.recorded import QUIET, is_enough, join_pieces, measure_share, measure_shares
from metrics_app.core.spans import ceil, intersect, join, subtract
from metrics_app.exceptions import BusUnavailable
from metrics_app.forks import free_in_children
from metrics_app.models import DayRollup, HourRollup, Kpi, MinuteRollup, Recording, ShardHistory, Topic
from metrics_app.queries.corrections import list_voids
from metrics_app.queries.history import fetch
from metrics_app.queries.logs import clock, shard_for
from metrics_app.queries.losses import list_losses
from metrics_app.queries.reading import Want, read_one

FRESH = 1.5  # seconds
GROWING = 2 * MINUTE_MS  # ms; a span that ended no longer ago is being recorded now
LONG = 400 * DAY_MS  # of a longer stretch that was not recorded live, days are read and not hours
ENDLESS = 2**62

_lock = free_in_children(threading.Lock())
_recordings = (0.0, [])  # (fresh until, [(start, end), …])


def list_recorded(topic, start, end):
    """``[(start, end), …]`` in ms of what was recorded of a topic in [start, end), sorted. BusUnavailable."""
    reading = read_hot(topic)
    found = [(start, end)] if is_whole(topic, reading, start, end) else list_found(topic, reading, start, end)
    missing = [(one.start, max(one.end, one.start + 1)) for one in list_losses(topic, start, end)]
    return subtract(found, [*missing, *list_voids(topic)])


def is_whole(topic, reading, start, end):
    """Whether a topic was there before [start, end) ms, in which the site took in points: few questions."""
    if subtract([(start, end)], load_recordings()):
        return False
    came = [at for at in (*list_hot(reading), reading.head and reading.head.last_ts) if at is not None]
    if min(came, default=end) >= start:
        return False
    made = Kpi.objects.filter(topic=topic).values_list("created_at", flat=True).first()
    return made is None or to_ms(made) <= start


def list_found(topic, reading, start, end):
    """As ``list_recorded``, with what was lost or voided."""
    number = Topic.objects.filter(name=topic).values_list("id", flat=True).first()
    hot = list_hot(reading)
    begin = find_begin(topic, number, hot, start - QUIET, end)
    live = intersect(load_recordings(), begin, end + QUIET)
    found = list(live)
    for region in subtract([(start - QUIET, end + QUIET)], live):
        pieces = list_pieces(topic, number, hot, *region)
        # From a point that came later to the first moment of the topic's life; not over a break of it.
        if region[1] == begin and live:
            pieces.append((begin, begin))
        found += [part for span in join_pieces(pieces) for part in intersect([region], *span)]
    return intersect(join(sorted(found)), start, end)


def is_recorded(topic, start, end):
    """Whether so much of [start, end) ms was recorded that "no points" means none came."""
    return is_enough(measure_share(list_recorded(topic, start, end), start, end))


def is_site_recording(start, end):
    """Whether the site took in points nearly all of [start, end) ms, of whatever topic."""
    return is_enough(measure_share(load_recordings(), start, end))


def find_broken(starts, ends):
    """Whether the site was away for more than a little of each window (arrays of ms), once it recorded."""
    spans = load_recordings()
    breaks = subtract([(spans[0][0], ENDLESS)], spans)
    return ~is_enough(1 - measure_shares(breaks, starts, ends))


def list_known(topic, ends, window):
    """For each window [end − ``window``, end) of ascending ``ends`` (ms) whether it was recorded."""
    if not ends:
        return []
    spans = list_recorded(topic, ends[0] - window, ends[-1])
    return is_enough(measure_shares(spans, np.array(ends) - window, ends)).tolist()


def take_value(seen, topic, start, end):
    """The value of the Observation of [start, end) ms; None of an empty window in which nobody counted."""
    if seen.n or seen.value is None:
        return seen.value
    return seen.value if is_recorded(topic, start, end) else None


def list_shares(topic, edges):
    """The share (0 to 1) of each bucket between ascending ``edges`` (ms) in which points were recorded."""
    if len(edges) < 2:
        return []
    spans = list_recorded(topic, edges[0], edges[-1])
    return [round(share, 4) for share in measure_shares(spans, edges[:-1], edges[1:]).tolist()]


def drop_unknown(topic, ends, window, values, aggregate):
    """The values with None for each empty window [end − ``window``, end) ms in which nobody counted."""
    empty = get_aggregate(aggregate).empty
    if empty is None or empty not in values:
        return values
    known = list_known(topic, ends, window)
    return [None if value == empty and not one else value for value, one in zip(values, known, strict=True)]


def read_hot(topic):
    """What Redis has of a topic."""
    now = clock()
    return read_one(Want(topic, now - DAY_MS, now))


def list_hot(reading):
    """The minutes (ms), ascending, with points of a topic that Redis has."""
    return sorted({*(minute for minute, row in reading.ring.items() if row[0]), *reading.held})


def find_begin(topic, number, hot, start, end):
    """From when on (ms, at least ``start``) a topic is recorded live: ``end`` where that is later.

    It is as its KPI was made, or, where none of its points had come by then, with its first point.
    """
    made = Kpi.objects.filter(topic=topic).values_list("created_at", flat=True).first()
    begin = max(start, to_ms(made)) if made else start
    if (hot and hot[0] < begin) or is_known_before(number, begin):
        return begin
    later = [minute for minute in hot if minute + MINUTE_MS > begin]
    later += [at for model in (MinuteRollup, HourRollup, DayRollup)
              if (at := find_first(model, number, begin)) is not None]  # fmt: skip
    return max(min(later, default=end), begin)


def is_known_before(number, at):
    """Whether history has a point of a topic in an hour or day that began before ``at`` (ms)."""
    sizes = ((HourRollup, HOUR_MS), (DayRollup, DAY_MS))
    return any(model.objects.filter(topic=number, start__lte=at - size).exists() for model, size in sizes)


def find_first(model, number, start):
    """Where (ms) the first roll-up of a topic from ``start`` on begins; None without any."""
    return model.objects.filter(topic=number, start__gte=start).aggregate(first=Min("start"))["first"]


def list_pieces(topic, number, hot, start, end):
    """``[(start, end), …]`` of minutes, hours or days with points in [start, end) ms, in no order."""
    found = [(minute, minute + MINUTE_MS) for minute in hot if start <= minute < end]
    if number is None:
        return found
    # An hour that an edge cuts holds points of the other side too: of it the minutes.
    low, high = ceil(start, HOUR_MS), floor(end, HOUR_MS)
    edges = [(start, min(low, end)), (max(high, start), end)]
    # A day beside its hours says less than they do; of many years it is what can be read.
    pruned, through = find_days(topic)
    split = min(floor(through if high - low > LONG else pruned, DAY_MS), high)
    for size, spans in ((DAY_MS, [(low, split)]), (HOUR_MS, [(max(low, split), high)]), (MINUTE_MS, edges)):
        spans = [span for span in dict.fromkeys(spans) if span[0] < span[1]]
        starts = {at for (at,) in fetch("start", size, number, spans)} if spans else ()
        found += [(at, at + size) for at in starts]
    return found


def find_days(topic):
    """``(pruned, through)`` in ms: before which only days of a topic are left, and all days are written."""
    rows = ShardHistory.objects.filter(shard=shard_for(topic))
    return rows.values_list("pruned_hours", "days_through").first() or (0, 0)


def load_recordings():
    """What the site has recorded without a break, ``[(start, end), …]`` in ms, at most ``FRESH`` seconds old.

    The span that grows has no end yet. Where nobody has ever noted any, as before the first minute of a
    site, all counts as recorded.
    """
    global _recordings
    fresh_until, found = _recordings
    if time.monotonic() < fresh_until:
        return found
    with _lock:
        # Whoever waited for the lock finds what the first one read.
        fresh_until, found = _recordings
        if time.monotonic() >= fresh_until:
            found = list(Recording.objects.order_by("start").values_list("start", "end"))
            found = let_grow(found) if found else [(0, ENDLESS)]
            _recordings = (time.monotonic() + FRESH, found)
    return found


def let_grow(found):
    """The spans that SQL knows, the one that is being recorded now without an end.

    Whoever judges carries it there: while nobody does, Redis knows that points are taken in all the same.
    """
    since, noted = read_noted() or found[-1]
    if noted <= now_ms() - GROWING:
        return found
    return [*intersect(found, 0, since), (since, ENDLESS)]


def read_noted():
    """``(since, noted)`` in ms as Redis has it; None where it is away, or has nothing."""
    try:
        return window.read_recording()
    except BusUnavailable:
        return None


def forget_on_change(*, setting, **kwargs):
    """Forgets when a test overrides the settings: it also has a database of its own."""
    global _recordings
    if setting == "METRICS_APP":
        _recordings = (0.0, [])


setting_changed.connect(forget_on_change)
