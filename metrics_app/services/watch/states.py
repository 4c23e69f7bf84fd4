"""What a threshold says to whoever looks: its stored state, and whether anybody still judges it."""

from typing import NamedTuple

from metrics_app import queries
from metrics_app.core.classes import proves_nothing
from metrics_app.core.conditions import Condition, judge_rule
from metrics_app.core.slots import NEVER
from metrics_app.core.watch import OK
from metrics_app.exceptions import BusUnavailable
from metrics_app.models import ThresholdState
from metrics_app.queries.clock import read_clock
from metrics_app.services.silences import find_silence, list_acting


class View(NamedTuple):
    """The read-only part of a threshold; times in ms, ``value`` as last judged."""

    state: str
    since: int | None
    value: float | None
    n: int
    data: str  # fresh, thin, empty, incomparable, error, behind
    data_since: int | None
    last_slot: int
    missed: int
    flapping: bool
    condition: Condition
    unjudged_since: int | None = None  # ms; also of one that is switched off, which has no condition
    was_judged: bool = True  # since it was switched on the last time
    silenced: str = ""  # until when, by whom and why; "" where nothing silences it

    @property
    def judged_at(self):
        """The slot judged last (ms), or None."""
        return self.last_slot if self.was_judged else None


def read_states(thresholds, *, now=None):
    """``{id: View}`` of threshold rows with their ``kpi``; ``now`` in ms.

    While the collector or the evaluator stands still, ``data`` is ``behind`` since
    the moment up to which is known what came: it never reads as silence. The condition is then "unjudged".
    """
    thresholds = list(thresholds)
    clock = read_clock(now)
    rows = ThresholdState.objects.in_bulk([threshold.pk for threshold in thresholds])
    acting = list_acting(at=clock.now)
    return {
        threshold.pk: make_view(threshold, rows.get(threshold.pk) or ThresholdState(), clock)._replace(
            silenced=tell_silence(threshold, acting)
        )
        for threshold in thresholds
    }


def tell_silence(threshold, acting):
    """What silences a threshold, in words; "" where nothing does."""
    found = find_silence(threshold, acting)
    return found.describe(zone=None) if found else ""


def make_view(threshold, row, clock):
    """The ``View`` of one threshold."""
    data, since = row.data, row.data_since
    condition = judge_row(threshold, row, clock)
    known = clock.find_known(threshold.kpi.topic, row)
    if threshold.enabled and clock.now - known > queries.clock.GRACE:
        data, since = "behind", (max(known, row.last_slot) if row.slot_class else known) or None
    seen = row.state, row.since, row.value, row.n, data, since, row.last_slot, row.missed, row.flapping
    is_judged = bool(row.slot_class)
    kept = clock.find_kept(threshold.kpi.topic, row, is_enabled=threshold.enabled, is_judged=is_judged)
    # One that is switched off has no condition to ask; whatever left "ok" has been judged.
    return View(*seen, condition, kept, was_judged=is_judged or row.state != OK)


def judge_row(threshold, row, clock):
    """The ``Condition`` of a rule with its ``ThresholdState``; one with nothing in it was never judged."""
    return judge_rule(
        row.state,
        row.data,
        data_breach=row.data_breach,
        is_judged=bool(row.slot_class),
        is_enabled=threshold.enabled,
        unjudged_since=clock.find_unjudged(threshold.kpi.topic, row),
        proves_nothing=proves_nothing(row.data, threshold.aggregate),
    )


def find_end_of_judgement(rules):
    """The moment (ms) from which the first of them counts as overdue, if nobody judges it again; or None.

    ``rules``: thresholds with their ``state_row``. That the evaluator stands still before then is told on
    streams (``unjudged_since``), and to open pages with each answer (``describe_live``).
    """
    rows = [rule.state_row for rule in rules if rule.enabled and hasattr(rule, "state_row")]
    # One without a next slot is not overdue: see ``Clock``.
    due = [row.due_at for row in rows if row.slot_class and 0 < row.due_at < NEVER]
    return min(due) + queries.clock.GRACE if due else None


def find_laggard(threshold, view):
    """Who is behind where ``data`` of a View is ``behind``: the collector or the evaluator."""
    try:
        mark = queries.collected_through().get(queries.shard_for(threshold.kpi.topic), 0)
    except BusUnavailable:
        return "collector"
    # Where the collector is behind its mark is the moment since when; it moves on a little when it is slow.
    return "evaluator" if mark - (view.data_since or 0) > queries.clock.GRACE / 2 else "collector"
