"""What a threshold says to whoever looks: its stored state, and whether anybody still judges it."""

import time
from typing import NamedTuple

from metrics_app import queries
from metrics_app.core.conditions import Condition, judge_rule
from metrics_app.exceptions import BusUnavailable
from metrics_app.models import ThresholdState
from metrics_app.services.silences import find_silence, list_acting

BEHIND_AFTER = 10_000  # ms a mark or an evaluation may lag before people are told


class View(NamedTuple):
    """The read-only part of a threshold; times in ms, ``value`` as last judged."""

    state: str
    since: int | None
    value: float | None
    n: int
    data: str  # fresh, thin, empty, error, behind
    data_since: int | None
    last_slot: int
    missed: int
    flapping: bool
    condition: Condition
    silenced: str = ""  # until when, by whom and why; "" where nothing silences it


def read_states(thresholds, *, now=None):
    """``{id: View}`` of threshold rows with their ``kpi``; ``now`` in ms.

    While the collector or the evaluator stands still, ``data`` is ``behind`` since
    the moment up to which is known what came: it never reads as silence.
    """
    thresholds = list(thresholds)
    now = int(time.time() * 1000) if now is None else now
    rows = ThresholdState.objects.in_bulk([threshold.pk for threshold in thresholds])
    try:
        marks = queries.collected_through()
    except BusUnavailable:
        marks = {}
    acting = list_acting(at=now)
    return {
        threshold.pk: make_view(threshold, rows.get(threshold.pk) or ThresholdState(), marks, now)._replace(
            silenced=tell_silence(threshold, acting)
        )
        for threshold in thresholds
    }


def tell_silence(threshold, acting):
    """What silences a threshold, in words; "" where nothing does."""
    found = find_silence(threshold, acting)
    return found.describe(zone=None) if found else ""


def make_view(threshold, row, marks, now):
    """The ``View`` of one threshold."""
    data, since = row.data, row.data_since
    known = find_known(threshold, row, marks, now)
    if threshold.enabled and now - known > BEHIND_AFTER:
        data, since = "behind", known or None
    seen = row.state, row.since, row.value, row.n, data, since, row.last_slot, row.missed, row.flapping
    return View(*seen, judge_row(row, threshold.enabled))


def judge_row(row, is_enabled):
    """The ``Condition`` of a rule of its ``ThresholdState``; one with nothing in it was never judged."""
    return judge_rule(
        row.state,
        row.data,
        data_breach=row.data_breach,
        is_judged=bool(row.slot_class),
        is_enabled=is_enabled,
    )


def find_known(threshold, row, marks, now):
    """Up to when (ms) the threshold has been watched as it should."""
    mark = marks.get(queries.shard_for(threshold.kpi.topic), 0) if marks else row.last_slot
    if row.due_at and mark - row.due_at > BEHIND_AFTER:
        # Points are collected, but nobody judges them.
        return row.last_slot
    return mark


def find_laggard(threshold, view):
    """Who is behind where ``data`` of a View is ``behind``: the collector or the evaluator."""
    try:
        mark = queries.collected_through().get(queries.shard_for(threshold.kpi.topic), 0)
    except BusUnavailable:
        return "collector"
    return "evaluator" if mark - (view.data_since or 0) > BEHIND_AFTER else "collector"
