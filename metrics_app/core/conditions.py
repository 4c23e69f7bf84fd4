"""In what condition a rule, or a KPI, is: one value, and one order of badness. Pure.

Tiles, filters, the wall, the first sentence, the admin, the template tag, the API and the exposition all
ask here; shapes, words, CSS classes and the order derive from the one table.
"""

from typing import NamedTuple

from metrics_app.core.classes import EMPTY
from metrics_app.core.watch import FIRING, OK, PENDING, RECOVERING

UNJUDGED, SILENT, NONE = "unjudged", "silent", "none"


class Kind(NamedTuple):
    """One kind of condition: its shape, never colour alone, and its words."""

    shape: str
    label: str


# The worst first: an open breach; nobody looks; one that may close, then one that may open; no points to
# look at; all is well. Like absence, nobody's looking never resolves a breach that is open.
KINDS = {
    FIRING: Kind("■", "Beyond limit"),
    UNJUDGED: Kind("◌", "Not judged"),
    RECOVERING: Kind("◐", "Recovering"),
    PENDING: Kind("▲", "Over limit for now"),
    SILENT: Kind("○", "No data"),
    OK: Kind("●", "Within limit"),
    NONE: Kind("–", "No limit set"),
}
ORDER = tuple(KINDS)
LABELS = {name: f"{kind.shape} {kind.label}" for name, kind in KINDS.items()}
SHAPES = {name: kind.shape for name, kind in KINDS.items()}


class Condition(NamedTuple):
    """A condition, and what stands beside it: no figures, and one time."""

    name: str = NONE  # the worst that holds: a name of ORDER
    state: str = NONE  # what the rule keeps, whether or not points come
    is_silent: bool = False  # nothing to judge by: no points, or such as prove nothing
    is_judged: bool = True
    has_data_breach: bool = False
    is_watched: bool = False  # a limit, or points that are overdue
    is_silenced: bool = False  # changes deliveries, never the condition
    unjudged_since: int | None = None  # ms up to which it was judged, where nobody has since
    proves_nothing: bool = False  # points came, but nothing to compare them with, or of part of a count
    awaits_judgement: bool = False  # silent, but points came: the next slot judges them

    @property
    def rank(self):
        """Its place in ORDER; 0 is the worst."""
        return ORDER.index(self.name)

    @property
    def names(self):
        """All that holds, the worst first: ``("firing", "silent")``."""
        beside = {UNJUDGED: self.unjudged_since is not None, SILENT: self.is_silent}
        return (self.name, *(name for name, holds in beside.items() if holds and name != self.name))

    @property
    def states(self):
        """What its state may be believed to be: nothing where nobody judges, but for an open breach."""
        # "ok" of what proves nothing would be a promise, too.
        is_open = self.proves_nothing and self.state == OK
        known = self.is_judged and not is_open and (self.unjudged_since is None or self.state == FIRING)
        unjudged = not self.is_judged or is_open or self.unjudged_since is not None
        return (self.state,) * known + (UNJUDGED,) * unjudged

    @property
    def css(self):
        """``names`` as classes of an element, which filters read too."""
        return " ".join(self.names)

    @property
    def shape(self):
        """The sign before its words."""
        return KINDS[self.name].shape

    @property
    def label(self):
        """Its words where no timer is told."""
        return KINDS[self.name].label


def find_worst(names):
    """The worst of names of ORDER; "none" of no name."""
    return min(names, key=ORDER.index, default=NONE)


def judge_rule(
    state,
    data,
    *,
    data_breach=False,
    is_judged=True,
    is_enabled=True,
    unjudged_since=None,
    proves_nothing=False,
):
    """The Condition of one rule: of its state and its data flag as they are kept.

    Of a rule that was never judged "ok" says nothing: it counts as silent, never as within its limit.
    Nor does any state but an open breach where nobody has judged it since a moment (ms). Of points that
    prove nothing (``classes.proves_nothing``) none is within its limit, as little as of points that lack.
    """
    if not is_enabled:
        return Condition()
    is_judged = bool(is_judged) or state != OK
    silent = bool(data_breach or data == EMPTY or proves_nothing or not is_judged)
    since = unjudged_since if is_judged else None
    name = find_worst([state] + [SILENT] * silent + [UNJUDGED] * (since is not None))
    flags = silent, is_judged, bool(data_breach), True
    proves_nothing = bool(proves_nothing and is_judged and not data_breach)
    return Condition(name, state, *flags, unjudged_since=since, proves_nothing=proves_nothing)


def judge_kpi(limits, *, dead_man=None, is_empty=False):
    """The Condition of a KPI: the worst of its rules' on a limit, and silent where points lack.

    ``dead_man``: the Condition of the rule that expects points, None where there is none.
    ``is_empty``: the window of its tile has nothing to show.
    """
    worst = min(limits, key=sort_key, default=Condition())
    silent = worst.is_silent or is_empty or is_late(dead_man)
    rules = [*limits, dead_man] if dead_man else limits
    since = min((one.unjudged_since for one in rules if one.unjudged_since is not None), default=None)
    return worst._replace(
        name=find_worst([worst.name] + [SILENT] * silent + [UNJUDGED] * (since is not None)),
        is_silent=silent,
        unjudged_since=since,
        proves_nothing=worst.proves_nothing and not (is_empty or is_late(dead_man)),
        # Points that come as expected are no limit to be within.
        is_watched=worst.is_watched or is_late(dead_man) or since is not None,
        is_silenced=worst.is_silenced if worst.is_watched or dead_man is None else dead_man.is_silenced,
    )


def is_late(dead_man):
    """Whether a point was expected that did not come; one that was never judged says nothing of limits."""
    return dead_man is not None and dead_man.is_silent and dead_man.is_judged


def sort_key(condition):
    """Sorts conditions, the worst first: of two alike the one with an open data breach."""
    return condition.rank, not condition.has_data_breach
