"""What part of a KPI's past a page shows, and how fine. Pure."""

from typing import NamedTuple

from metrics_app.core.calendars import shift_back
from metrics_app.core.durations import DAY_MS, HOUR_MS, MINUTE_MS

SPANS = {"1h": HOUR_MS, "24h": DAY_MS, "7d": 7 * DAY_MS, "90d": 90 * DAY_MS}
NAMES = {"1h": "1 hour", "24h": "24 hours", "7d": "7 days", "90d": "90 days"}
SHIFTS = {"yesterday": "day", "week": "week"}  # how far back, as calendars name it
# Longest span → the grain it is read in and the distance of two values on the chart, in ms.
GRAINS = (
    (2 * HOUR_MS, MINUTE_MS, MINUTE_MS),
    (12 * HOUR_MS, MINUTE_MS, 5 * MINUTE_MS),
    (36 * HOUR_MS, 5 * MINUTE_MS, 5 * MINUTE_MS),
    (10 * DAY_MS, 10 * MINUTE_MS, 30 * MINUTE_MS),
    (120 * DAY_MS, HOUR_MS, 6 * HOUR_MS),
    (1200 * DAY_MS, DAY_MS, DAY_MS),
)
LONGEST = GRAINS[-1][0]
SHORTEST = 5 * MINUTE_MS
MOST_STEPS = 120  # of one window; above that the grain would cost too much


class Plan(NamedTuple):
    """How a span is read: all in ms. ``drawn`` is the window that each value stands for."""

    step: int
    stride: int
    drawn: int
    divides_at: float | None = None  # where a share does, in the KPI's unit
    zone: str = ""  # by whose clock a change compares; empty: UTC

    @property
    def is_exact(self):
        """Whether steps fill the drawn window, few enough to merge."""
        return self.drawn % self.step == 0 and self.drawn // self.step <= MOST_STEPS


def plan_span(start, end, window, grain=MINUTE_MS):
    """The Plan of [start, end) ms for a rule's ``window`` in ms; no finer than the ``grain`` that is kept.

    The window is drawn as the rule judges it, as long as values are not further apart than that.
    """
    length = end - start
    step, stride = next(((step, stride) for most, step, stride in GRAINS if length <= most), GRAINS[-1][1:])
    step, stride = max(step, grain), max(stride, grain)
    drawn = max(window, stride)
    # Of hours and days only whole ones are known.
    return Plan(step, stride, drawn if grain == MINUTE_MS else -(-drawn // grain) * grain)


def list_earlier(ends, shift, step, zone):
    """The same local times (ms) a day or a week earlier, as ``SHIFTS`` names it, each in whole steps of ms.

    Each by the clock of its own time, which may be moved within a span: then some come twice, or fall.
    """
    return [round(shift_back(at, SHIFTS[shift], zone) / step) * step for at in ends]


def clamp_span(start, end, now):
    """A zoomed span that can be drawn: not in the future, neither too short nor too long."""
    end = min(end, now)
    start = min(start, end - SHORTEST)
    return max(start, end - LONGEST), end
