"""Simulated years of a KPI whose rule fires, with an effect that is known because it was put in.

Hourly response times with a rhythm of the day and the weekend, some points an hour and none in
many hours of the night. What the level does between is the kind of a year:

- ``fast``: noise of the hour, forgotten in the next.
- ``6 h``, ``2 d``: noise that fades with a memory of six hours, of two days.
- ``drift``: memory of six hours on a level that wanders, and that once made a step nobody recorded.
- ``jumps``: memory of six hours on a level that jumps every 30 days or so, and stays there.
- ``chosen jumps``: the same, and people act only where the chart looks like a lasting rise: the day
  before lies well above the week before. So they did before, on each that did, with some success: what
  they chose by can be seen, but hardly a breach like the acted ones was left alone to compare with.
- ``known jumps``: the same, but they know what no chart shows: they act only on breaches that follow
  a jump. Beside the others (``ASIDE``): the KPI alone cannot tell it, and no target is set for it.

As in the product, nobody acts again before the last action is judged, and a breach was acted on where
an action began before its span was over.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from scipy.signal import lfilter

KINDS = ("fast", "6 h", "2 d", "drift", "jumps", "chosen jumps")
ASIDE = ("known jumps",)
ZONE = "Europe/Berlin"
FIRST_H = 482_136  # 2025-01-01, in hours since the epoch
HISTORY_H, SEARCH_H, DELAY_H, OUTCOME_H = 400 * 24, 40 * 24, 48, 8 * 24
HOURS = HISTORY_H + SEARCH_H + DELAY_H + OUTCOME_H
LEVEL = 40 * 3600  # seconds
POINTS_AN_HOUR = 5
SHAPE = 4  # of the gamma distribution of single points: they vary by half their mean
NOISE = {"fast": (0.30, 0), "6 h": (0.20, 6), "2 d": (0.15, 48)}  # standard deviation, memory in hours
OTHER_NOISE = (0.15, 6)
WANDER = 0.08 / np.sqrt(30 * 24)  # of a level that drifts: 8 % in 30 days
STEP = 0.25
JUMP, JUMP_EVERY_H = 0.12, 30 * 24
QUIET_H = 24  # between two breaches
RISE = 1.15  # of the day before to the week before, where people choose
ACTED = ("chosen jumps", "known jumps")  # where people acted before
KNOWN_H = 48  # after a jump, where they know of it
EARLIER = (-0.10, 0.05)  # what earlier actions did, as logarithms: mean and standard deviation


@dataclass(frozen=True)
class Year:
    """The hours of a year without the effect of the action that is judged; times are hours from its start."""

    sums: np.ndarray
    counts: np.ndarray
    fired: int
    started: int
    breaches: list
    actions: list


def simulate(kind, rng):
    """A Year of a kind in which the rule fired, and somebody acts, after 400 days."""
    while True:
        level, jumps = make_level(kind, rng)
        counts = rng.poisson(POINTS_AN_HOUR * PATTERN)
        points = rng.gamma(SHAPE * np.maximum(counts, 1)) / SHAPE * (counts > 0)
        sums = LEVEL * np.exp(level + RHYTHM) * points
        actions = act_before(kind, sums, counts, jumps, rng)
        breaches = find_breaches(sums, counts)
        free = max([HISTORY_H, *(begin + OUTCOME_H for begin in actions)])
        fired = next((at for at in breaches if at >= free and is_chosen(kind, at, sums, counts, jumps)), 0)
        if fired:
            ignored = [at for at in breaches if at < fired and not is_acted_on(at, actions)]
            started = fired + int(rng.integers(1, DELAY_H))
            return Year(sums, counts.astype(float), fired, started, ignored, actions)


def is_chosen(kind, at, sums, counts, jumps):
    """Whether people act on a breach at an hour: on any, unless they choose."""
    if kind == "chosen jumps":
        day, week = (
            sums[at - hours : at].sum() / max(counts[at - hours : at].sum(), 1) for hours in (24, 168)
        )
        return at >= 168 and day > RISE * week
    if kind == "known jumps":
        return any(size > 0 and 0 <= at - hour < KNOWN_H for hour, size in jumps)
    return True


def is_acted_on(breach, actions):
    """Whether an action began before the span of a breach was over."""
    return any(breach <= begin < breach + OUTCOME_H for begin in actions)


def act_before(kind, sums, counts, jumps, rng):
    """When people acted on earlier breaches that they chose; changes ``sums``.

    What they did lowers the KPI until the next jump. Where people do not choose, nobody acted before.
    """
    starts, after = [], 0
    while kind in ACTED:
        # Anew each time: what was done changes what comes.
        found = [at for at in find_breaches(sums, counts) if after <= at < HISTORY_H - OUTCOME_H]
        at = next((at for at in found if is_chosen(kind, at, sums, counts, jumps)), None)
        if at is None:
            break
        begin = at + int(rng.integers(1, DELAY_H))
        end = next((hour for hour, _ in jumps if hour > begin), HOURS)
        sums[begin:end] *= np.exp(rng.normal(*EARLIER))
        starts.append(begin)
        after = begin + OUTCOME_H
    return starts


def make_level(kind, rng):
    """``(level, jumps)``: what the KPI does besides its rhythm, as logarithms, and its jumps (hour, size)."""
    size, memory = NOISE.get(kind, OTHER_NOISE)
    level, jumps = make_noise(size, memory, rng), []
    if kind == "drift":
        level += np.cumsum(rng.normal(0, WANDER, HOURS))
        level[rng.integers(60 * 24, 340 * 24) :] += rng.choice((-STEP, STEP))
    if "jumps" in kind:
        at = np.flatnonzero(rng.random(HOURS) < 1 / JUMP_EVERY_H)
        heights = rng.normal(0, JUMP, len(at) + 1)
        level += np.repeat(heights, np.diff([0, *at, HOURS]))
        jumps = list(zip(at.tolist(), np.diff(heights).tolist(), strict=True))
    return level, jumps


def make_noise(size, memory, rng):
    """Noise with a standard deviation and a memory in hours."""
    if not memory:
        return rng.normal(0, size, HOURS)
    kept = np.exp(-1 / memory)
    shocks = rng.normal(0, size * np.sqrt(1 - kept**2), HOURS)
    shocks[0] = rng.normal(0, size)
    return lfilter([1], [1, -kept], shocks)


def find_breaches(sums, counts):
    """The hours at which a rule fires: mean of three hours above its 99 % quantile, at most once a day."""
    total, weight = (np.convolve(column, np.ones(3))[:HOURS] for column in (sums, counts))
    mean = np.divide(total, weight, out=np.zeros(HOURS), where=weight > 0)
    beyond = mean > np.quantile(mean[:HISTORY_H], 0.99)
    # Only where a span after it is still in the year; a rule sees an hour once it is over.
    found = np.flatnonzero(beyond[1 : HISTORY_H + SEARCH_H] & ~beyond[: HISTORY_H + SEARCH_H - 1]) + 2
    kept = []
    for at in found.tolist():
        if not kept or at - kept[-1] >= QUIET_H:
            kept.append(at)
    return [at for at in kept if at < HISTORY_H + SEARCH_H]


def make_rhythm():
    """``(rhythm, pattern)`` of every hour: logarithms of the value, factors of the number of points."""
    local = [datetime.fromtimestamp((FIRST_H + at) * 3600, ZoneInfo(ZONE)) for at in range(HOURS)]
    hour = np.array([moment.hour for moment in local])
    weekend = np.array([moment.weekday() >= 5 for moment in local])
    wave = np.cos((hour - 14) / 24 * 2 * np.pi)
    return 0.2 * wave - 0.15 * weekend, np.maximum(1 + wave, 0.1) * np.where(weekend, 0.4, 1)


RHYTHM, PATTERN = make_rhythm()
