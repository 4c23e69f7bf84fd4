"""When a threshold fires: pure, without a clock, without I/O.

Slots are ms since the epoch, durations of a rule are seconds. Beat, backtest and
rule tests all walk through ``step``, one slot after the other.
"""

from typing import NamedTuple

from metrics_app.core.classes import (
    BAND,
    BREACH,
    CLEAR,
    EMPTY,
    ERROR,
    UNUSABLE,
    classify,
    is_beyond,
    worse,
)
from metrics_app.core.slots import measure_gap

# States of a threshold.
OK, PENDING, FIRING, RECOVERING = "ok", "pending", "firing", "recovering"

# Events of a transition, in the order in which they can come in one slot.
DATA_CLOSED = "data_closed"  # points are back
BEGAN = "began"  # ok -> pending
FIRED = "fired"  # a breach opens
REOPENED = "reopened"  # the last breach is open again: within the cool-down
CLEARED = "cleared"  # pending -> ok: back before it fired
LAPSED = "lapsed"  # pending -> ok: no usable data for too long
RECOVERING_BEGAN = "recovering"  # firing -> recovering
RELAPSED = "relapsed"  # recovering -> firing, the same breach
RECOVERED = "recovered"  # the breach closes
NO_DATA = "no_data"  # no points for no_data_for; an open breach stays open
DATA_OPENED = "data_opened"  # no points for no_data_for: a data breach opens

FIRING_EVENTS = frozenset({FIRED, REOPENED})

HISTORY = 20  # changes between the last 21 slots
FLAPPING_ON, FLAPPING_OFF = 0.5, 0.25


class Rule(NamedTuple):
    """What is judged; durations in seconds. Defaults are those of the contract."""

    aggregate: str
    window: int
    operator: str
    limit: float
    recovery_limit: float | None = None
    pending_for: int = 0
    keep_firing_for: int = 0
    min_count: int = 1
    no_data: str = "keep"
    no_data_for: int = 3600
    interval: int = 60
    delay: int = 0
    cooldown: int = 0
    aggregate_value: float | None = None  # where the shares divide
    zone: str = ""  # by whose clock a change finds the window before; empty: UTC
    judge_partial: bool = False  # judge a count also over a window that is not known whole


class Observation(NamedTuple):
    """What the window held: the aggregate's value (None: none) and n points (-1: the query failed).

    ``partial``: part of the window is not known, from before the KPI began or with points that were lost.
    """

    value: float | None
    n: int
    partial: bool = False


FAILED = Observation(None, -1)


class State(NamedTuple):
    """What is known of a threshold after its last slot; see ``models.ThresholdState``."""

    last_slot: int = 0
    state: str = OK
    since: int | None = None
    timer_ms: int = 0
    slot_class: str = ""
    value: float | None = None
    n: int = 0
    data: str = "fresh"
    data_since: int | None = None
    absent_ms: int | None = None
    empty_ms: int | None = None
    data_breach: bool = False
    peak: float | None = None
    recovered_at: int | None = None
    missed: int = 0
    changes: int = 0
    flapping: bool = False


class Transition(NamedTuple):
    """What one slot did: states before and after, its class, and events for the timeline."""

    slot: int
    before: str
    after: str
    slot_class: str
    events: tuple = ()
    began: int | None = None  # ms; when the value first went beyond the limit, if it fired


def step(state, rule, observation, slot):
    """Judges one slot: ``(state, transition)``. A slot that is not newer changes nothing."""
    if slot <= state.last_slot:
        return state, Transition(slot, state.state, state.state, state.slot_class)
    seen = classify(rule, observation)
    if seen == CLEAR and is_quiet(state):
        return step_quietly(state, rule, observation, slot)
    growth, missed = measure_gap(rule.interval, state.last_slot, slot)
    health = _, _, absent, empty = follow_data(state, seen, growth, slot)
    overdue = seen == EMPTY and empty >= rule.no_data_for * 1000
    counts_as = CLEAR if (overdue and rule.no_data == "ok") or is_baseless(state, rule, seen) else seen
    name, since, timer, events = advance(state, rule, counts_as, growth, absent, slot)
    data_breach, data_events = follow_data_breach(state, rule, name, seen, overdue)
    # A data breach closes before anything opens: never two open at once.
    events = data_events + events if DATA_CLOSED in data_events else events + data_events
    value, n = (None if seen == ERROR else observation.value), observation.n
    peak = follow_peak(state, rule, name, seen, value)
    recovered_at = slot if RECOVERED in events else state.recovered_at
    began = (
        (state.since if state.state == PENDING else slot) if not FIRING_EVENTS.isdisjoint(events) else None
    )
    flags = data_breach, peak, recovered_at, state.missed + missed, *follow_flapping(state, name)
    after = State._make((slot, name, since, timer, seen, value, n, *health, *flags))
    return after, Transition(slot, state.state, name, seen, events, began)


def is_quiet(state):
    """Whether a clear slot would change nothing but the slot, the value and n."""
    return (
        state.state == OK
        and state.data == "fresh"
        and state.data_since is not None
        and not (state.changes or state.flapping or state.data_breach)
    )


def step_quietly(state, rule, observation, slot):
    """``step`` for the slot that nearly every threshold has nearly always: in half the time."""
    _, missed = measure_gap(rule.interval, state.last_slot, slot)
    since, data_since, recovered_at = state.since, state.data_since, state.recovered_at
    head = slot, OK, since, 0, CLEAR, observation.value, observation.n, "fresh", data_since
    tail = None, None, False, None, recovered_at, state.missed + missed, 0, False
    return State._make(head + tail), Transition(slot, OK, OK, CLEAR)


def follow_data(state, seen, growth, slot):
    """The data flag, its beginning, and the lengths of the runs of unusable and of empty slots."""
    data = seen if seen in UNUSABLE else "fresh"
    since = slot if data != state.data or state.data_since is None else state.data_since
    absent = empty = None
    if seen in UNUSABLE:
        absent = 0 if state.absent_ms is None else state.absent_ms + growth
    if seen == EMPTY:
        empty = 0 if state.empty_ms is None else state.empty_ms + growth
    elif seen == ERROR:
        # A failed query neither proves nor disproves that points are missing.
        empty = state.empty_ms
    return data, since, absent, empty


def advance(state, rule, seen, growth, absent_ms, slot):
    """The table of states: ``(name, since, timer in ms, events)``."""
    name, timer = state.state, state.timer_ms
    if name == OK and seen == BREACH:
        return fire(state, rule, 0, slot, (BEGAN,))
    if name == PENDING and seen == BREACH:
        return fire(state, rule, timer + growth, slot)
    if name == PENDING and seen in (BAND, CLEAR):
        return OK, slot, 0, (CLEARED,)
    if name == PENDING and absent_ms >= rule.no_data_for * 1000:
        return OK, slot, 0, (LAPSED,)
    if name == FIRING and seen == CLEAR:
        return recover(state, rule, 0, slot, (RECOVERING_BEGAN,))
    if name == RECOVERING and seen == CLEAR:
        return recover(state, rule, timer + growth, slot)
    if name == RECOVERING and seen in (BREACH, BAND):
        return FIRING, slot, 0, (RELAPSED,)
    return name, state.since, timer, ()


def fire(state, rule, timer, slot, events=()):
    """Pending, or firing once it has been pending long enough."""
    if timer < rule.pending_for * 1000:
        return PENDING, slot if events else state.since, timer, events
    cooling = state.recovered_at is not None and slot - state.recovered_at <= rule.cooldown * 1000
    return FIRING, slot, 0, (REOPENED if cooling else FIRED,)


def recover(state, rule, timer, slot, events=()):
    """Recovering, or recovered once it has been good long enough."""
    if timer < rule.keep_firing_for * 1000:
        return RECOVERING, slot if events else state.since, timer, events
    return OK, slot, 0, (RECOVERED,)


def is_baseless(state, rule, seen):
    """Whether nothing of an open breach is beyond the limit that the rule has become since.

    Where nothing usable comes no value could say so, and the breach would stay open for ever.
    """
    if seen not in UNUSABLE or state.state not in (FIRING, RECOVERING) or state.peak is None:
        return False
    return not is_beyond(state.peak, rule.operator, rule.limit)


def follow_data_breach(state, rule, name, seen, overdue):
    """Whether a data breach is open after the slot, and the events that say so."""
    # It ends with the points, and with the rule's asking for them: so soon, or at all.
    is_asked = rule.no_data == "fire" and (overdue or seen == ERROR)
    if state.data_breach and not is_asked:
        return False, (DATA_CLOSED,)
    if not overdue or rule.no_data == "ok":
        return state.data_breach, ()
    if name == OK and rule.no_data == "fire" and not state.data_breach:
        return True, (DATA_OPENED,)
    # A breach of the limit stays the only open one; its timeline says once that points are missing.
    crossed = (-1 if state.empty_ms is None else state.empty_ms) < rule.no_data_for * 1000
    return state.data_breach, (NO_DATA,) if crossed and name in (FIRING, RECOVERING) else ()


def follow_flapping(state, name):
    """The bits of the last changes, and whether they are too many to be believed."""
    changes = (state.changes << 1 | (name != state.state)) & ((1 << HISTORY) - 1)
    share = changes.bit_count() / HISTORY
    if share >= FLAPPING_ON:
        return changes, True
    return changes, state.flapping and share >= FLAPPING_OFF


def follow_peak(state, rule, name, seen, value):
    """The worst value since the incident began; None outside of one."""
    if name == OK:
        return None
    return worse(rule.operator, state.peak, value) if seen == BREACH else state.peak
