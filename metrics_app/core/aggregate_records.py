"""The record of an aggregate: all that anybody has to know of it; ``aggregates`` keeps them."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from metrics_app.core.buckets import Summary, summarise
from metrics_app.core.sketch import Sketch

NAME = re.compile(r"[a-z][a-z0-9_]{0,19}")  # as long as its column of the database
# The names that figures of a window, and rows of files, carry beside the aggregates.
TAKEN = frozenset(
    {"topic", "window", "stddev", "last_point_at", "computed_at", "start", "end", "earlier", "zone"}
    | {"ts", "local_start", "local_end", "revised", "recorded"}
)
# Kinds: of one window; a share of its points in per cent; a window against the same one
# before, in per cent; the time until a line through a window's minutes meets a value.
PLAIN, SHARE, CHANGE, TREND = KINDS = ("plain", "share", "change", "trend")
# What is read of a Summary: its count and sum; those, min and max; those and the distribution
# (values, or a sketch of them); all of it, m2 too. Minutes are rolled up to the first two only.
SUMS, EXTREMES, SHAPE, WHOLE = READS = ("sums", "extremes", "shape", "whole")
UNIT_OF_KPI = 30  # characters at most
# Units, made of the KPI's: its own, and what is counted (a KPI in a measure counts plain numbers).
OWN, COUNTED = "{unit}", "{counted}"
# Units that measure, in lower case: so many points are not so many of these, as they are so many calls.
MEASURED = """
    % ‰ percent ppm s sec second seconds ms millisecond milliseconds µs ns min minute minutes h hour hours
    d day days week weeks month months year years bit bits b byte bytes kb mb gb tb kib mib gib tib
    ml l litre litres liter liters m² m³ mm cm m metre metres meter meters km mile miles
    mg g kg t tonne tonnes ton tons °c °f k degrees w kw mw wh kwh mwh v a hz khz mhz ghz db pa hpa bar
    € eur euro euros $ usd dollar dollars £ gbp chf cents
"""
MEASURES = tuple(MEASURED.split())


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What can be computed over a window, and all that anybody has to know of it.

    ``name`` is its name everywhere; ``label`` stands in sentences ("median over 30 min").
    ``compute(summary, window)`` gets a Summary with points and the window in seconds and returns a
    float, or None; one that ``asks`` for a value besides the limit gets that as its third argument.
    """

    name: str
    label: str
    compute: Callable | None = None
    choice: str = ""  # in forms; empty: the label
    meaning: str = ""  # for strangers who read open data; empty: the choice
    kind: str = PLAIN
    reads: str = WHOLE
    over_columns: Callable | None = (
        None  # compute(Summary of arrays, seconds as an array); empty ones are overwritten
    )
    asks: str = ""  # what the value it asks for says: "at which value it divides"; empty: it asks for none
    unit: str = OWN
    empty: float | None = None  # the value of an empty window, which is then judged; None: it has none
    grows: bool = False  # a window twice as long has about twice the value
    rises: bool = False  # a further point hardly lowers it: of part of a window it is a lower bound
    inverse: bool = False  # it rises as the values fall
    within: bool = (
        False  # it lies among the points, and is held there: rounding and overflow lead beyond them
    )
    base: str = ""  # of a change: the aggregate whose change is meant …
    ago: int = 0  # … and against how long before, ms
    rising: bool = True  # of a trend: it meets its value on the way up

    @property
    def on_tiles(self):
        """Whether a Summary and its window say it all: tiles show these, and ``stats`` lists them."""
        return self.kind == PLAIN and not self.asks

    @property
    def is_rolled(self):
        """Whether it can be made of minutes that were added up."""
        return self.on_tiles and self.reads in (SUMS, EXTREMES)

    @property
    def is_shaped(self):
        """Whether only whole distributions answer it: each window is then read in full."""
        return self.kind in (PLAIN, SHARE) and self.reads in (SHAPE, WHOLE)

    @property
    def reads_extremes(self):
        """Whether it asks for the least or greatest value besides the sums, or is held between them."""
        return self.reads == EXTREMES or self.within

    @property
    def judges_empty(self):
        """Whether an empty window has a value: "fewer than 1" must be able to fire."""
        return self.empty is not None

    @property
    def is_rate(self):
        """Whether it counts per time: a longer window has no greater value, and an empty one has one."""
        return self.judges_empty and not self.grows

    @property
    def on_scale(self):
        """Whether it lies among the points, so that their median can stand beside it."""
        return self.unit == OWN and not self.judges_empty

    @property
    def is_change(self):
        """Whether it sets a window against an earlier one."""
        return self.kind == CHANGE

    @property
    def is_trend(self):
        """Whether it fits a line to the minutes of a window."""
        return self.kind == TREND

    @property
    def compares(self):
        """Whether it may have no value though its window holds points: a change for want of the window
        before (or against 0), a trend for want of minutes."""
        return self.is_change or self.is_trend

    def unit_of(self, unit):
        """The unit of its values where the points are in ``unit``: "%" of a share, "calls per hour"."""
        if self.unit == OWN:
            return unit
        return self.unit.format(unit=unit, counted=unit if is_countable(unit) else "").strip()


def is_countable(unit):
    """Whether a unit names things that can be counted: "calls" does; "ms" and "km/h" measure."""
    return unit.lower() not in MEASURES and "/" not in unit and "per" not in unit.lower().split(" ")


def find_fault(aggregate, known):
    """What is wrong with a record beside the ``known`` (by name), in words; "" for a good one."""
    if not isinstance(aggregate, Aggregate):
        return f"{aggregate!r:.80} is no Aggregate"
    name = aggregate.name
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return f"{name!r:.80} is no name: expected up to 20 lower-case letters, digits and _"
    if name in TAKEN or known.get(name, aggregate) != aggregate:
        return f"the name {name!r} is taken"
    return find_odd_field(aggregate) or find_odd_unit(aggregate) or find_odd_kind(aggregate, known)


def find_odd_field(aggregate):
    """What is wrong with its words and numbers."""
    if not isinstance(aggregate.label, str) or not aggregate.label:
        return "its label is missing: expected words such as 'median'"
    for field, words in (("kind", KINDS), ("reads", READS)):
        if getattr(aggregate, field) not in words:
            return f"{field} is {getattr(aggregate, field)!r}: expected one of {', '.join(words)}"
    empty = aggregate.empty
    if empty is not None and not (type(empty) in (int, float) and math.isfinite(empty)):
        return f"empty is {empty!r}: expected a finite number, or None"
    return ""


def find_odd_unit(aggregate):
    """What is wrong with its unit."""
    try:
        longest = len(aggregate.unit_of("x" * UNIT_OF_KPI))
    except (AttributeError, LookupError, ValueError):
        return f"unit is {aggregate.unit!r}: expected a text with {OWN} or {COUNTED} in it, or neither"
    added = longest - UNIT_OF_KPI
    return f"unit is {aggregate.unit!r}: expected at most 30 characters of words" if added > 30 else ""


def find_odd_kind(aggregate, known):
    """What it lacks of what its kind needs."""
    if aggregate.kind == CHANGE:
        base = known.get(aggregate.base)
        if base is None or not base.on_tiles:
            return f"base is {aggregate.base!r}: expected an aggregate of a window that is known already"
        is_odd = type(aggregate.ago) is not int or aggregate.ago < 60_000
        return f"ago is {aggregate.ago!r}: expected ms, a minute or more" if is_odd else ""
    if aggregate.base or aggregate.ago:
        return f"base and ago are of a change, but kind is {aggregate.kind!r}"
    if aggregate.kind == SHARE and not aggregate.asks:
        return "a share asks for the value it divides at: say so in asks"
    return "" if aggregate.kind == TREND else find_odd_result(aggregate)


def find_odd_result(aggregate):
    """What comes of trying it on three points, given no more than it says it reads."""
    for summary in list_samples(aggregate.reads):
        given = (summary, 60.0, 2.0)[: 3 if aggregate.asks else 2]
        try:
            found = aggregate.compute(*given)
        except Exception as error:  # whatever a stranger's function raises is said, not raised
            return f"compute{given!r:.60} … fails: {type(error).__name__}: {error}"
        # Of NumPy's numbers only float64 is a float, which JSON can carry.
        if found is not None and not isinstance(found, (int, float)):
            return f"compute returns {found!r:.80}: expected a number or None"
    return ""


def list_samples(reads):
    """Summaries of the points 1, 2 and 4 that hold what an aggregate reads, in each form they may have."""
    values = np.array([1.0, 2.0, 4.0])
    whole = summarise(values)
    if reads == SUMS:
        return [Summary(3, 7.0, math.nan, math.nan, math.nan)]
    if reads == EXTREMES:
        return [Summary(3, 7.0, math.nan, 1.0, 4.0)]
    return [whole, Summary(*whole[:5], None, Sketch.of(values))]
