"""The evaluator: every due slot of every threshold, judged once, in order.

Any number of evaluators may run at once: a state is only written over the slot
it was read at, so each transition happens once.
"""

import logging
import time
from typing import NamedTuple

import numpy as np
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError

from metrics_app import live, queries
from metrics_app.connection import patiently
from metrics_app.core.watch import FAILED, Observation, State, Transition, step
from metrics_app.exceptions import BusUnavailable
from metrics_app.servers import is_database_out
from metrics_app.services.ages import EVALUATOR, note_work
from metrics_app.services.watch.agenda import Due, list_chunks, load_due, read_marks, wake
from metrics_app.services.watch.at_rest import ask_resting, find_clear
from metrics_app.services.watch.incidents import release_caught_up
from metrics_app.services.watch.writes import move_on, write_outcomes

logger = logging.getLogger(__name__)

TELL_EVERY = 300  # seconds between two lines about a threshold that cannot be judged

told = {}  # id of such a threshold -> monotonic seconds of its next line, per process


class Outcome(NamedTuple):
    """What judging brought: a state and a transition for each slot of ``due``."""

    due: Due
    states: list[State]
    transitions: list[Transition]

    @property
    def state(self):
        """The state after the last slot."""
        return self.states[-1]


class Judged(NamedTuple):
    """What came of thresholds that were due: as ``judge_chunk``, and whether all of them were gone over."""

    outcomes: list[Outcome] = []
    clear: int = 0
    is_whole: bool = True


@patiently()
def evaluate(*, now=None):
    """Judges all due slots up to ``now`` (ms; default: as far as is collected); thresholds advanced.

    BusUnavailable when Redis is away, and a database that is raises its own error: nothing is judged then,
    and nothing is lost. A threshold that alone cannot be judged is left, and says so once it is overdue.
    """
    marks = read_marks(now)
    advanced, behind, is_whole = 0, bool(marks), True
    while behind:
        behind = False
        for ids in list_chunks(marks):
            judged = judge_ids(marks, ids)
            advanced += len(judged.outcomes) + judged.clear
            is_whole = is_whole and judged.is_whole
            behind = behind or any(outcome.due.more for outcome in judged.outcomes)
        tell_round(now, is_whole)
    if marks:
        release_caught_up(marks)
    tell_round(now, is_whole)
    return advanced


def tell_round(now, is_whole):
    """Notes that all that is due was gone over, if it was; nothing of a moment that the caller chose."""
    if now is None and is_whole:
        note_work(EVALUATOR)


def judge_ids(marks, ids):
    """``judge_chunk`` of what is due among ids; where that fails, of each half of them, down to the one."""
    try:
        return Judged(*judge_chunk(load_due(marks, ids[0], ids[-1])))
    except BusUnavailable:
        raise
    except (DatabaseError, InterfaceError) as error:
        if is_database_out(error):
            # Nothing is judged: a round that was told as gone over would say that all is.
            raise
        if not isinstance(error, (DataError, IntegrityError)):
            # A deadlock is about no threshold. The next chunk, or the next second, may do.
            logger.exception("%d thresholds could not be judged now", len(ids))
            return Judged(is_whole=False)
        return judge_halves(marks, ids, error)
    except Exception as error:
        return judge_halves(marks, ids, error)


def judge_halves(marks, ids, error):
    """What is left of thresholds that could not be judged together, without the one that is at fault."""
    if len(ids) == 1:
        tell_broken(ids[0], error)
        return Judged()
    half = len(ids) // 2
    one, other = (judge_ids(marks, part) for part in (ids[:half], ids[half:]))
    return Judged(one.outcomes + other.outcomes, one.clear + other.clear, one.is_whole and other.is_whole)


def tell_broken(pk, error):
    """Logs that a threshold cannot be judged: each second brings it again, a line and traceback does not."""
    if time.monotonic() >= told.get(pk, 0.0):
        told[pk] = time.monotonic() + TELL_EVERY
        logger.error("Threshold %s cannot be judged, all others are", pk, exc_info=error)


def evaluate_now(threshold_id, *, now=None):
    """Judges what is due of one threshold, such as the extra slot of a save; whether it advanced."""
    marks = read_marks(now)
    return bool(marks) and any(judge_chunk(load_due(marks, threshold_id, threshold_id)))


def judge_chunk(chunk):
    """Reads all windows at once, judges, writes: the outcomes written, and how many were only moved on."""
    resting, dues = chunk.resting, chunk.dues
    asked = ask_resting(resting)
    if dues:
        slots = [queries.ask(due.known.topic, due.known.rule, slot) for due in dues for slot in due.slots]
        asked = asked.join(queries.Asked.of(slots))
    values, n = observe_all(asked)
    partial = queries.find_partial(asked)
    at_rest = len(resting.known)
    clear = find_clear(resting.rules, *(column[:at_rest] for column in (values, n, partial)))
    outcomes = [
        walk_slots(due, iter(list_judged(values[[at]], n[[at]], partial[[at]])))
        for due, at in wake(chunk, np.flatnonzero(~clear))
    ]
    rest = iter(list_judged(*(column[at_rest:] for column in (values, n, partial))))
    written = write_outcomes(outcomes + [walk_slots(due, rest) for due in dues])
    clear = np.flatnonzero(clear)
    moved_on = move_on(resting.moves.take(clear), values[clear], n[clear])
    announce_changes(written)
    return written, moved_on


def list_judged(values, n, partial):
    """What ``step`` is told of each window, from arrays."""
    pairs = zip(queries.list_observations(values, n), partial.tolist(), strict=True)
    return [Observation(*seen, is_partial) for seen, is_partial in pairs]


def observe_all(asked):
    """``(values, n)`` of all windows. One that fails alone is an error of its own, not of all."""
    try:
        return queries.observe_many(asked)
    except BusUnavailable:
        raise
    except Exception as error:
        if is_database_out(error):
            raise
        logger.exception("Reading %d windows at once failed; reading them one by one", len(asked.topics))
        return queries.stack_observations([observe_one(request) for request in asked.requests()])


def observe_one(request):
    """One observation; ``FAILED`` when its query fails."""
    try:
        return queries.list_observations(*queries.observe_many(queries.Asked.of([request])))[0]
    except BusUnavailable:
        raise
    except Exception as error:
        if is_database_out(error):
            raise
        logger.exception("Reading the window %r failed", request)
        return queries.Observation(*FAILED[:2])


def walk_slots(due, observations):
    """The outcome of a threshold's due slots; takes one observation for each."""
    state, rule, states, transitions = due.state, due.known.rule, [], []
    for slot in due.slots:
        state, transition = step(state, rule, next(observations), slot)
        states.append(state)
        transitions.append(transition)
    return Outcome(due, states, transitions)


def announce_changes(outcomes):
    """Tells the streams which lights have changed. After the commit: before, it may not be true."""
    changed = [o for o in outcomes if is_changed(o.due.state, o.states[-1])]
    live.announce_states(
        [
            (describe_state(o), o.due.known.topic, o.state.last_slot, o.state.data, o.state.data_breach)
            for o in changed
        ]
    )


def is_changed(before, after):
    """Whether people see a difference: in the state, in the health of the data, or that it is judged now."""
    return list_seen(before) != list_seen(after)


def list_seen(state):
    """What people see of a ``State``."""
    return state.state, state.data, state.data_breach, bool(state.slot_class)


def describe_state(outcome):
    """The ``state`` message of the streams."""
    state = outcome.state
    return {
        "type": "state",
        "topic": outcome.due.known.topic,
        "threshold": outcome.due.id,
        "state": state.state,
        "value": state.value,
        "since": state.since,
        "judged_at": state.last_slot,
    }
