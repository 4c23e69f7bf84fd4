"""The plan and the judgement of an effect as plain values, so that they can be frozen as JSON.

Times are ms since the epoch; settle and span are whole hours.
"""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why an effect is inconclusive."""

    SHORT_HISTORY = "short_history"  # under 180 days before it fired
    EXTREME = "extreme"  # its numbers are beyond what can be reckoned with
    EMPTY_DAY = "empty_day"  # a day of the span has no points
    FEW_MOMENTS = "few_moments"  # too few to say how far they are wrong
    NOTHING_BEFORE = "nothing_before"  # no points in the weeks before the start
    WIDE = "wide"  # the interval holds more than one verdict


@dataclass(frozen=True)
class Spread:
    """How far outcomes lie from what was expected: ``size`` on the scale, with its degrees of freedom.

    ``count`` says of how many spans (``source`` all moments, moments like this), breaches or actions.
    """

    source: str
    size: float
    degrees: float
    count: float


@dataclass(frozen=True)
class Plan:
    """What will be judged, and what it could prove; frozen before anybody decides.

    ``expected`` is what would come of a start at once. The half-width is that of the interval, in per
    cent of it. An outcome beyond ``effective_at`` (in the KPI's unit) would be effective, one beyond
    ``harmful_at`` harmful. All None where ``reason`` says that nothing can be judged.
    """

    fired_at: int
    settle: int
    span: int
    zone: str
    kind: str
    better: str
    reason: str = ""
    scale: str = ""
    expected: float | None = None
    expected_low: float | None = None
    expected_high: float | None = None
    half_width_percent: float | None = None
    effective_at: float | None = None
    effective_percent: float | None = None
    harmful_at: float | None = None
    harmful_percent: float | None = None


@dataclass(frozen=True)
class Comparison:
    """The plain means of as long a time before the start, and of the span: shown, never judged."""

    before: float | None
    after: float | None
    percent: float | None


@dataclass(frozen=True)
class Effect:
    """What became of an action: the span [judged_from, judged_to) against what was expected of it.

    ``change`` is observed − expected, in the KPI's unit and in per cent of the expected value (None
    where that is not positive), each with its 95 % interval. ``together`` are the starts of other
    actions meanwhile, which keep it out of the record. ``basis`` says what the interval rests on.
    """

    verdict: str
    reason: str
    started_at: int
    judged_from: int
    judged_to: int
    plain: Comparison
    together: tuple[int, ...]
    scale: str = ""
    observed: float | None = None
    expected: float | None = None
    expected_low: float | None = None
    expected_high: float | None = None
    change: float | None = None
    change_low: float | None = None
    change_high: float | None = None
    percent: float | None = None
    percent_low: float | None = None
    percent_high: float | None = None
    t: float | None = None
    moments: int = 0
    spreads: tuple[Spread, ...] = ()
