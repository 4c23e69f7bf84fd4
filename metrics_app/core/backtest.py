"""What a threshold would have done: the same ``step`` as live, over history.

Only slots at which something can happen are stepped; what lies between them moves
numbers and nothing else, and is counted. A property test holds that this gives what
stepping every slot gives.
"""

from typing import NamedTuple

from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.classes import (
    BREACH,
    CLEAR,
    EMPTY,
    ERROR,
    INCOMPARABLE,
    UNUSABLE,
    worse,
)
from metrics_app.core.seen import see
from metrics_app.core.watch import (
    DATA_CLOSED,
    DATA_OPENED,
    FIRED,
    FLAPPING_OFF,
    HISTORY,
    PENDING,
    RECOVERED,
    RECOVERING,
    REOPENED,
    State,
    step,
)
from metrics_app.core.windows import list_turns, view_windows

ENDLESS = 2**62


class Incident(NamedTuple):
    """A breach; times in ms, ``end`` None while it is open."""

    start: int
    end: int | None
    peak: float | None


class Result(NamedTuple):
    """What a backtest found.

    ``ticks`` slots were judged, ``ticks_in_breach`` of them were of class BREACH, ``incomparable`` had
    points and nothing to compare them with; ``fired`` breaches are new ones, the others reopened within
    the cool-down.
    """

    ticks: int
    ticks_in_breach: int
    breaches: list
    data_breaches: list
    fired: int
    state: State
    incomparable: int = 0

    def count_red(self):
        """Milliseconds during which a breach was open."""
        return sum((b.end or self.state.last_slot) - b.start for b in self.breaches)


def backtest(rule, pieces):
    """The Result of a rule over ``Pieces`` at its own interval, from the first point to the last.

    What came before the first point is not known: a count is judged once its window lies behind it, or by
    what proves its class.
    """
    is_open = len(pieces.ts) and get_aggregate(rule.aggregate).rises
    born = pieces.ts[0].item() if is_open else None
    slots, lengths = list_turns(pieces, rule.interval, rule.window, rule.aggregate, rule.zone, born)
    if not len(slots):
        return Result(0, 0, [], [], 0, State())
    views = view_windows(pieces, slots, rule.aggregate, rule.window, rule.aggregate_value, rule.zone)
    return judge(rule, see(rule, slots, views, lengths, born=born))


def judge(rule, seen, state=None):
    """Walks through all slots; the Result."""
    state, notes = State() if state is None else state, Notes(rule)
    for name, first, last in zip(seen.classes, seen.edges, seen.edges[1:], strict=False):
        at = first
        while at < last:
            state, transition = step(state, rule, seen.observe(at), seen.slot(at))
            notes.take(state, transition)
            at += 1
            quiet = min(last - at, count_quiet(state, rule, name))
            if quiet:
                state = skip(state, rule, name, seen, at, at + quiet)
                notes.raise_peak(state)
                at += quiet
    found = notes.breaches, notes.data_breaches, notes.fired, state
    return Result(seen.edges[-1], seen.count_slots(BREACH), *found, seen.count_slots(INCOMPARABLE))


def is_ending(state, rule, seen):
    """Whether slots of class ``seen`` let the timer of recovery grow."""
    overdue = seen == EMPTY and state.empty_ms >= rule.no_data_for * 1000
    return state.state == RECOVERING and (seen == CLEAR or (overdue and rule.no_data == "ok"))


def count_quiet(state, rule, seen):
    """How many more slots of the class just judged can change nothing but numbers."""
    waits = []
    if state.state == PENDING and seen == BREACH:
        waits.append(rule.pending_for * 1000 - state.timer_ms)
    if is_ending(state, rule, seen):
        waits.append(rule.keep_firing_for * 1000 - state.timer_ms)
    if state.state == PENDING and seen in UNUSABLE:
        waits.append(rule.no_data_for * 1000 - state.absent_ms)
    if seen == EMPTY and state.empty_ms < rule.no_data_for * 1000:
        waits.append(rule.no_data_for * 1000 - state.empty_ms)
    # The slot that ends a wait is stepped.
    return min((-(-wait // (rule.interval * 1000)) - 1 for wait in waits), default=ENDLESS)


def skip(state, rule, seen, values, at, end):
    """The state after the quiet slots ``at`` to ``end``, all of class ``seen``."""
    grown = (end - at) * values.interval
    last = values.find(end - 1)
    value, n = values.read(last)[:2]
    running = is_ending(state, rule, seen) or (state.state == PENDING and seen == BREACH)
    peak = state.peak
    if seen == BREACH:
        span = values.values[values.find(at) : last + 1]
        worst = span.max() if rule.operator in ("gt", "gte") else span.min()
        peak = worse(rule.operator, peak, worst.item())
    changes = state.changes << min(end - at, HISTORY) & ((1 << HISTORY) - 1)
    return state._replace(
        last_slot=values.slot(end - 1),
        timer_ms=state.timer_ms + grown * running,
        value=None if seen == ERROR else value,
        n=n,
        absent_ms=state.absent_ms + grown if seen in UNUSABLE else None,
        empty_ms=state.empty_ms + grown if seen == EMPTY else state.empty_ms,
        peak=peak,
        changes=changes,
        flapping=state.flapping and changes.bit_count() / HISTORY >= FLAPPING_OFF,
    )


class Notes:
    """The breaches that the transitions of a walk make, each ``[start, end, peak]``."""

    def __init__(self, rule):
        self.rule, self.fired = rule, 0
        self.limit, self.data = [], []

    @property
    def breaches(self):
        """The Incidents beyond the limit."""
        return [Incident(*found) for found in self.limit]

    @property
    def data_breaches(self):
        """The Incidents of missing points."""
        return [Incident(*found) for found in self.data]

    def take(self, state, transition):
        """Opens and closes what the events of one slot say."""
        for event in transition.events:
            if event == FIRED or (event == REOPENED and not self.limit):
                self.fired += 1
                self.limit.append([transition.slot, None, state.peak])
            elif event == REOPENED:
                self.limit[-1][1] = None
            elif event == RECOVERED and self.limit:
                self.limit[-1][1] = transition.slot
            elif event == DATA_OPENED:
                self.data.append([transition.slot, None, None])
            elif event == DATA_CLOSED and self.data:
                self.data[-1][1] = transition.slot
        self.raise_peak(state)

    def raise_peak(self, state):
        """Keeps the worst value on the open breach."""
        if state.peak is not None and self.limit and self.limit[-1][1] is None:
            self.limit[-1][2] = worse(self.rule.operator, self.limit[-1][2], state.peak)
