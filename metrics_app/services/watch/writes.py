"""What judging brought, written: states over the slot they were read at, with breaches and records.

A state that another evaluator, or a save, has moved on meanwhile is not written, nor what came of it.
"""

import numpy as np
from django.db import transaction

from metrics_app.core.watch import State
from metrics_app.models import EvaluationRecord, ThresholdState
from metrics_app.services.watch.at_rest import write_clear
from metrics_app.services.watch.incidents import is_moved, write_incidents
from metrics_app.services.watch.records import make_clear_records, make_records
from metrics_app.services.watch.rows import update_rows

MOVED = 200  # breaches opened, closed or changed in one transaction


def write_outcomes(outcomes):
    """Writes outcomes in short transactions; those that nobody else had written."""
    moved = [outcome for outcome in outcomes if is_moved(outcome)]
    if len(moved) <= MOVED:
        return write_part(outcomes, moved)
    # Many breaches at once: in several transactions, so that none holds others up.
    parts = [moved[at : at + MOVED] for at in range(0, len(moved), MOVED)]
    written = [outcome for part in parts for outcome in write_part(part, part)]
    ids = {outcome.due.id for outcome in moved}
    return written + write_part([outcome for outcome in outcomes if outcome.due.id not in ids], [])


def write_part(outcomes, moved):
    """States, breaches and records in one transaction; the outcomes nobody else had written."""
    if not outcomes:
        return []
    columns, rows = list_changes(outcomes)
    # Another evaluator would have moved last_slot on, a save the version.
    guard = {
        "last_slot": [outcome.due.state.last_slot for outcome in outcomes],
        "rule_version": [outcome.due.known.rule_version for outcome in outcomes],
    }
    with transaction.atomic():
        written = update_rows(ThresholdState, columns, rows, guard=guard)
        if len(written) < len(outcomes):
            outcomes, moved = ([o for o in some if o.due.id in written] for some in (outcomes, moved))
        write_incidents(moved)
        EvaluationRecord.objects.bulk_create(make_records(outcomes))
    return outcomes


def move_on(moves, values, n):
    """Writes those that stay as they are, in one transaction; how many nobody else had written."""
    if not len(n):
        return 0
    with transaction.atomic():
        written = write_clear(moves, values, n)
        if len(written) < len(n):
            ours = np.isin(moves.ids, list(written))
            moves, values, n = moves.take(ours), values[ours], n[ours]
        EvaluationRecord.objects.bulk_create(make_clear_records(moves, values, n))
    return len(written)


def list_changes(outcomes):
    """``(columns, rows)`` to write: of the state only what differs for any of them."""
    before = list(zip(*(o.due.state for o in outcomes), strict=True))
    after = list(zip(*(o.states[-1] for o in outcomes), strict=True))
    changed = [at for at, name in enumerate(State._fields) if before[at] != after[at]]
    ids, due_at = [o.due.id for o in outcomes], [o.due.due_at for o in outcomes]
    rows = list(zip(ids, due_at, *(after[at] for at in changed), strict=True))
    return ["due_at", *(State._fields[at] for at in changed)], rows
