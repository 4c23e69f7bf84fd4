"""Which half of a comparison is missing, in words: of a change one of two windows, of a trend its minutes."""

from typing import NamedTuple

from metrics_app.core.aggregates import get_aggregate, needs_whole
from metrics_app.core.text.counts import count_words
from metrics_app.core.text.entries import write_duration
from metrics_app.core.text.phrases import name_clock
from metrics_app.core.text.units import format_value
from metrics_app.core.trends import FEWEST


class Held(NamedTuple):
    """What the halves of a comparison hold as far as is known today.

    ``n`` points are in the window, ``minutes`` whole minutes of it hold some (None: not counted). Of a
    change the window before: ``start`` and ``end`` in ms, ``span`` the same in words, its points
    ``before_n`` and its value ``before``. ``born``: when the KPI began, in words, where a window reaches
    back before that.
    """

    n: int
    minutes: int | None = None
    start: int | None = None
    end: int | None = None
    span: str = ""
    before_n: int = 0
    born: str = ""
    before: float | None = None


def tell_incomparable(rule, unit, n, held=None):
    """Why a window with ``n`` points has no value."""
    window, points = f"The window of {write_duration(rule.window)}", count_words(max(n, 0), "point")
    if get_aggregate(rule.aggregate).is_trend:
        return f"{window} held {points}{tell_minutes(held)}: no line can be drawn, so nothing is judged."
    before = tell_before(rule, unit, held)
    return f"{window} held {points}, {before}: it cannot be compared, so nothing is judged."


def tell_minutes(held):
    """In how many whole minutes the points of a trend came, and how many a line needs."""
    if held is None or held.minutes is None:
        return f", in fewer than the {FEWEST} whole minutes that a line needs"
    said = f", in {count_words(held.minutes, 'whole minute')}"
    return f"{said} by now" if held.minutes >= FEWEST else f"{said} of the {FEWEST} that a line needs"


def tell_before(rule, unit, held):
    """What the window before lacks."""
    one = get_aggregate(rule.aggregate)
    if held is None:
        return f"and {name_before(rule)} none, or it came to 0"
    base = get_aggregate(one.base)
    named = f"{name_before(rule)} ({held.span})"
    if held.before_n and held.before == 0:
        zero = format_value(0.0, base.unit_of(unit), base.name)
        return f"and the {base.label} over {named} was {zero}, of which nothing is a share"
    if held.before_n:
        return f"and {named} holds {count_words(held.before_n, 'point')} by now"
    return f"and {named} none"


def tell_thin(rule, n, held=None):
    """Which window held fewer points than a rule asks for."""
    window, asked = f"The window of {write_duration(rule.window)}", count_words(rule.min_count, "point")
    if needs_whole(rule.aggregate):
        return tell_partial(rule, n, held)
    if not get_aggregate(rule.aggregate).is_change:
        points = count_words(max(n, 0), "point")
        return f"{window} held {points}, fewer than the {asked} it asks for: not judged."
    if held is None:
        few = f"held {count_words(max(n, 0), 'point')}, fewer than the {asked} it asks for"
        return f"{window}, or {name_before(rule)}, {few}: not judged."
    both = f"{window} held {count_words(held.n, 'point')}, {name_before(rule)} ({held.span}) "
    return f"{both}{count_words(held.before_n, 'point')}: of each it asks for {asked}, so nothing is judged."


def tell_partial(rule, n, held=None):
    """Why a window that is not known whole is not judged."""
    of = "The window" if not get_aggregate(rule.aggregate).is_change else "The window, or the one before,"
    since = f"before {held.born}, when the KPI began" if held and held.born else "before the KPI began"
    points = f"{count_words(max(n, 0), 'point').capitalize()} prove nothing, so nothing is judged."
    part = f"{of} of {write_duration(rule.window)} is known in part only"
    return f"{part}: it reaches back {since}, or over points that are lost. {points}"


def name_before(rule):
    """ "the one 7 d before that it is compared with"."""
    ago = write_duration(get_aggregate(rule.aggregate).ago // 1000)
    return f"the one {ago} before{name_clock(rule)} that it is compared with"
