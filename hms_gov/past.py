"""Four hundred days that never were: the complaints of a city before the demo began.

Complaints are filed at random with the rhythm of ``traffic``, a season and the weather. Each is
looked into, at the pace of the inspectors, and then waits in line for a clerk: whoever is ready first is
answered first, as many an hour as the clerks can do. The four KPIs are read off these same cases, so that
they agree: open = filed − answered, the oldest age is that of the oldest case in line, a latency is that
of an answered case. The end is as the live traffic begins, which takes over what is still open.
"""

from typing import NamedTuple

import numpy as np

from hms_gov.traffic import MEDIAN, MONTH, SPREAD, rate_at
from metrics_app.core.durations import DAY_S, HOUR_S, MINUTE_S

DAYS = 400
# The demo keeps minutes so long: what the editor of a threshold looks back at, and some. Before it are hours.
MINUTES_DAYS = 35
SEED = 12
CLERKS = 84  # answers an hour: hardly anybody waits for one as long as nothing happens
GAUGE_EVERY = MINUTE_S  # between two values of the gauges, where minutes are kept
GAUGE_EVERY_BEFORE = 10 * MINUTE_S
OPENS = 8 * HOUR_S  # of a day (UTC), when the office opens
FAIR = 128  # complaints in a row that hold the whole distribution of times
TOPICS = ("complaint.received", "complaint.latency", "complaint.open", "complaint.oldest_age")


class Spell(NamedTuple):
    """What was otherwise for some ``days``; as factors of the usual.

    It begins at eight in the morning (UTC) of the day ``before`` days before the last Monday.
    ``fades``: in so many days more all is as usual again.
    """

    what: str
    before: int
    days: float
    filed: float = 1.0  # complaints
    pace: float = 1.0  # of the inspectors
    clerks: float = 1.0  # answers they can give
    fades: float = 0.0


# Temp agents came three times: it did nothing, it helped, it harmed. Each is far enough from all else to be
# judged, and on a Monday.
CHANGES = {
    "nothing": Spell("Two temp agents sorted the mail", 196, 30),
    "helped": Spell("Two temp agents went out with the inspectors", 147, 35, pace=1.9, fades=25),
    "harmed": Spell("The inspectors trained two temp agents", 63, 21, pace=0.6),
}
# What happened by itself, as the notes on the charts tell it.
TROUBLES = (
    Spell("a third of the inspectors' cars in repair", 161, 11, pace=0.75),
    Spell("clerks on sick leave", 105, 5, clerks=0.6),
    Spell("office closed by a storm", 19, 3, filed=1.2, clerks=0.35),
)
# Too short to be seen, and noted all the same: it fell into the week by which a change is judged.
MISHAPS = (Spell("the form on the website was out of order", 60, 0.25, filed=0.3),)
CATCHING_UP = (Spell("clerks catch up", 100, 4, clerks=1.6), Spell("clerks catch up", 16, 4, clerks=1.8))


class Past(NamedTuple):
    """Points as columns, ``topic`` counts in TOPICS and ``ts`` is in ms; ``waiting`` what is open at the end.

    ``waiting``: ``[(answered, created), …]`` in seconds, as ``traffic.Complaints`` knows them.
    """

    topic: np.ndarray
    ts: np.ndarray
    values: np.ndarray
    waiting: list


def live(end, *, days=DAYS, seed=SEED):
    """The Past of ``days`` that ends at ``end`` (seconds since the epoch, a whole minute)."""
    created, answered = live_cases(end, days=days, seed=seed)
    begin = end - days * DAY_S
    return Past(*list_points(created, answered, begin, end), list_waiting(created, answered, end))


def live_cases(end, *, days=DAYS, seed=SEED):
    """``(created, answered)`` of all cases filed before ``end``, a month before the ``days`` included."""
    rng = np.random.default_rng(seed)
    # Two months more, in which the last are answered.
    grid = end + np.arange(-(days * DAY_S + MONTH), 2 * MONTH + 1, HOUR_S)
    filed, pace, clerks = draw_usual((grid - end) / DAY_S, rng)
    for spell in (*CHANGES.values(), *TROUBLES, *MISHAPS, *CATCHING_UP):
        share = weigh(spell, (grid - find_begin(spell, end)) / DAY_S)
        filed, pace, clerks = (
            usual * factor**share
            for usual, factor in ((filed, spell.filed), (pace, spell.pace), (clerks, spell.clerks))
        )
    created = draw_filed(grid[grid < end], filed, rng)
    # Inspectors who are twice as fast live through a day in half of it.
    worked = add_up(pace)
    ready = np.interp(np.interp(created, grid, worked) + draw_fair_latencies(len(created), rng), worked, grid)
    order = np.argsort(ready)
    answered = np.empty(len(created))
    answered[order] = serve(ready[order], grid, add_up(CLERKS / HOUR_S * clerks))
    return created, answered


def draw_usual(days, rng):
    """``(filed, pace, clerks)`` as factors at ``days`` before (negative) and after the end, then all 1."""
    calm = np.clip(-days / 3, 0, 1)  # the weather of the last days leads to that of the live traffic
    season = 1 + 0.12 * np.sin(2 * np.pi * np.minimum(days, 0) / 365.25)
    weather = np.exp(draw_weather(days, 0.06, 0.7, rng) * calm)
    return season * weather, np.exp(draw_weather(days, 0.003, 0.0, rng) * calm), np.ones(len(days))


def draw_weather(days, deviation, memory, rng):
    """What differs from day to day, with what is left of it on the next; lines between the middays."""
    middays = np.arange(np.floor(days[0]), np.ceil(days[-1]) + 1) + 0.5
    found = rng.normal(0, deviation, len(middays))
    for at in range(1, len(found)):
        found[at] += memory * found[at - 1]
    return np.interp(days, middays, found)


def find_begin(spell, end):
    """When a spell begins (s) in a past that ends at ``end``."""
    # The epoch was a Thursday.
    monday = (end - 4 * DAY_S) // (7 * DAY_S) * 7 * DAY_S + 4 * DAY_S
    return monday - spell.before * DAY_S + OPENS


def weigh(spell, since):
    """How far a spell holds, ``since`` days after it began: 1 while it lasts, less while it fades, else 0."""
    if not spell.fades:
        return ((since >= 0) & (since < spell.days)).astype(float)
    return np.where(since < 0, 0.0, np.clip(1 - (since - spell.days) / spell.fades, 0, 1))


def draw_filed(hours, filed, rng):
    """Sorted times of the complaints of ``hours`` (their begins), by their rate."""
    count = rng.poisson(rate_at(hours + HOUR_S / 2) * filed[: len(hours)])
    return np.sort(np.repeat(hours, count) + rng.uniform(0, HOUR_S, count.sum()))


def draw_fair_latencies(count, rng):
    """As ``traffic.draw_latencies``, but each ``FAIR`` in a row hold the whole distribution.

    A week's mean then moves by what happened in it, and hardly by chance.
    """
    normal = np.sort(rng.standard_normal(-(-count // FAIR) * FAIR)).reshape(FAIR, -1)
    rows = rng.permuted(normal, axis=1).T
    return MEDIAN * np.exp(SPREAD * rng.permuted(rows, axis=1).ravel()[:count])


def add_up(rates):
    """What hourly rates (a second) have come to at each hour's begin."""
    return np.concatenate([[0.0], np.cumsum(rates[:-1] * HOUR_S)])


def serve(ready, grid, could):
    """When cases, sorted by when they are ready, are answered; ``could``: all answers possible up to then."""
    # In units of answers: a case is done one after the last, or one after it was ready.
    number = np.arange(len(ready))
    begun = np.maximum.accumulate(np.interp(ready, grid, could) - number) + number
    return np.interp(begun + 1, could, grid)


def list_points(created, answered, begin, end):
    """``(topic, ts, values)`` of what the cases say in [begin, end)."""
    filed = created[created >= begin]
    done = np.flatnonzero((answered >= begin) & (answered < end))
    fine = max(begin, end - MINUTES_DAYS * DAY_S)
    at = np.concatenate([np.arange(begin, fine, GAUGE_EVERY_BEFORE), np.arange(fine, end, GAUGE_EVERY)])
    columns = (
        (filed, np.ones(len(filed))),
        (answered[done], np.round(answered[done] - created[done], 3)),
        (at, count_open(created, answered, at)),
        (at, find_oldest(created, answered, at)),
    )
    moments, values = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    topic = np.repeat(np.arange(len(TOPICS)), [len(part) for part, _ in columns])
    return topic, np.floor(moments * 1000).astype(np.int64), values


def count_open(created, answered, at):
    """How many cases were open at these moments."""
    return np.searchsorted(created, at) - np.searchsorted(np.sort(answered), at).astype(float)


def find_oldest(created, answered, at):
    """The age in seconds of the oldest open case at these moments; 0 where none is open."""
    # The first case that is answered later than ``at`` is where the latest answer so far passes it.
    first = np.searchsorted(np.maximum.accumulate(answered), at)
    born = np.append(created, np.inf)[first]
    return np.round(np.maximum(at - born, 0.0), 3)


def list_waiting(created, answered, end):
    """``[(answered, created), …]`` of the cases that are open at ``end``."""
    waiting = answered >= end
    return list(zip(answered[waiting].tolist(), created[waiting].tolist(), strict=True))
