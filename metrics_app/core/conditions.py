"""In what condition a rule, or a KPI, is: one value, and one order of badness. Pure.

Tiles, filters, the wall, the first sentence, the admin, the template tag, the API and the exposition all
ask here; shapes, words, CSS classes and the order derive from the one table.
"""

from typing import NamedTuple

from metrics_app.core.watch import FIRING, OK, PENDING, RECOVERING

SILENT, NONE = "silent", "none"


class Kind(NamedTuple):
    """One kind of condition: its shape, never colour alone, and its words."""

    shape: str
    label: str


# The worst first: an open breach, then one that may close, then one that may open; nobody knows; all is well.
KINDS = {
    FIRING: Kind("■", "Beyond limit"),
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
    """A condition, and what stands beside it: no times, no figures."""

    name: str = NONE  # the worst that holds: a name of ORDER
    state: str = NONE  # what the rule keeps, whether or not points come
    is_silent: bool = False  # no points to judge by
    is_judged: bool = True
    has_data_breach: bool = False
    is_watched: bool = False  # a limit, or points that are overdue
    is_silenced: bool = False  # changes deliveries, never the condition

    @property
    def rank(self):
        """Its place in ORDER; 0 is the worst."""
        return ORDER.index(self.name)

    @property
    def names(self):
        """All that holds, the worst first: ``("firing", "silent")``."""
        return (self.name, SILENT) if self.is_silent and self.name != SILENT else (self.name,)

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


def judge_rule(state, data, *, data_breach=False, is_judged=True, is_enabled=True):
    """The Condition of one rule: of its state and its data flag as they are kept.

    Of a rule that was never judged "ok" says nothing: it counts as silent, never as within its limit.
    """
    if not is_enabled:
        return Condition()
    is_judged = bool(is_judged) or state != OK
    silent = bool(data_breach or data == "empty" or not is_judged)
    name = find_worst([state, SILENT] if silent else [state])
    return Condition(name, state, silent, is_judged, bool(data_breach), True)


def judge_kpi(limits, *, dead_man=None, is_empty=False):
    """The Condition of a KPI: the worst of its rules' on a limit, and silent where points lack.

    ``dead_man``: the Condition of the rule that expects points, None where there is none.
    ``is_empty``: the window of its tile has nothing to show.
    """
    worst = min(limits, key=sort_key, default=Condition())
    silent = worst.is_silent or is_empty or is_late(dead_man)
    return worst._replace(
        name=find_worst([worst.name, SILENT]) if silent else worst.name,
        is_silent=silent,
        # Points that come as expected are no limit to be within.
        is_watched=worst.is_watched or is_late(dead_man),
        is_silenced=worst.is_silenced if worst.is_watched or dead_man is None else dead_man.is_silenced,
    )


def is_late(dead_man):
    """Whether a point was expected that did not come; one that was never judged says nothing of limits."""
    return dead_man is not None and dead_man.is_silent and dead_man.is_judged


def sort_key(condition):
    """Sorts conditions, the worst first: of two alike the one with an open data breach."""
    return condition.rank, not condition.has_data_breach
