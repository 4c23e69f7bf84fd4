"""The invariants of the watch, against a slow and obvious reference.

What crosses Redis and SQL as well (arrival order, restarts, silences, backtest) is held by
``services/test_watch_invariants.py``, ``test_recorded_hour.py`` and ``tests/chaos/test_watch.py``.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.backtest import judge
from metrics_app.core.classes import classify, classify_many, is_beyond
from metrics_app.core.seen import see
from metrics_app.core.slots import list_due
from metrics_app.core.watch import Observation, Rule, State, step
from metrics_app.core.windows import list_slots, make_pieces, view_windows
from tests.examples import examples
from tests.metrics_app.core.reference_watch import Reference

KINDS = ("breach", "band", "clear", "thin", "empty", "incomparable", "error")
UNUSABLE = {"thin", "empty", "incomparable", "error"}
# Values that give each class under mean, limit 100, recovery 80 (or 120 downwards), min_count 3.
ABOVE = {"breach": (101, 3), "band": (90, 5), "clear": (79, 3), "thin": (500, 2), "empty": (None, 0)}
ABOVE["incomparable"] = None, 5
BELOW = {"breach": (99, 3), "band": (110, 5), "clear": (121, 3), "thin": (1, 2), "empty": (None, 0)}
BELOW["incomparable"] = None, 5
START = 1_774_747_800  # some minutes before the night in 2026 in which Europe moves its clocks

rules = st.builds(
    Rule,
    aggregate=st.just("mean_change_week"),
    window=st.just(600),
    operator=st.sampled_from(["gt", "gte", "lt", "lte"]),
    limit=st.just(100),
    pending_for=st.sampled_from([0, 1, 60, 90, 180]),
    keep_firing_for=st.sampled_from([0, 60, 61, 180]),
    min_count=st.just(3),
    no_data=st.sampled_from(["keep", "fire", "ok"]),
    no_data_for=st.sampled_from([0, 60, 120, 300]),
    interval=st.sampled_from([30, 60]),
    cooldown=st.sampled_from([0, 60, 240]),
).map(lambda rule: rule._replace(recovery_limit=80 if rule.operator in ("gt", "gte") else 120))
# What is seen, and how many slots are missed before it.
walks = st.lists(
    st.tuples(st.sampled_from(KINDS), st.sampled_from([0, 0, 0, 0, 1, 5]), st.floats(0, 50, allow_nan=False)),
    max_size=60,
)


def observe(rule, kind, more):
    """An observation of a class, ``more`` beyond the limit."""
    if kind == "error":
        return Observation(None, -1)
    value, n = (ABOVE if rule.operator in ("gt", "gte") else BELOW)[kind]
    if kind == "breach":
        value += more if rule.operator in ("gt", "gte") else -more
    return Observation(value, n)


def play(rule, walk):
    """``(slot in s, observation)`` of a walk."""
    slot = START // rule.interval * rule.interval
    for kind, missed, more in walk:
        slot += rule.interval * (1 + missed)
        yield slot, kind, observe(rule, kind, more)


def apply(breaches, transition):
    """The incidents that the events of a transition make."""
    for event in transition.events:
        open_ = [b for b in breaches if b["end"] is None]
        if event in ("fired", "data_opened"):
            kind = "limit" if event == "fired" else "data"
            breaches.append({"kind": kind, "start": transition.slot // 1000, "end": None})
        elif event == "reopened":
            [b for b in breaches if b["kind"] == "limit"][-1]["end"] = None
        elif event in ("recovered", "data_closed"):
            open_[-1]["end"] = transition.slot // 1000
    assert sum(b["end"] is None for b in breaches) <= 1


def run(rule, walk):
    """States, transitions and breaches of a walk by ``step``."""
    state, steps, breaches = State(), [], []
    for slot, _, observation in play(rule, walk):
        state, transition = step(state, rule, observation, slot * 1000)
        steps.append((state, transition))
        apply(breaches, transition)
    return steps, breaches


@settings(max_examples=examples(400))
@given(rules, walks)
def test_it_does_what_the_obvious_reference_does(rule, walk):
    reference = Reference(rule)
    steps, breaches = run(rule, walk)
    for (slot, kind, observation), (state, _) in zip(play(rule, walk), steps, strict=True):
        assert state.slot_class == kind
        assert state.state == reference.judge(slot, kind, observation.value)
        assert state.flapping == reference.flapping
        assert state.data == (kind if kind in UNUSABLE else "fresh")
    for ours, theirs in zip(breaches, reference.breaches, strict=True):
        assert (ours["kind"], ours["start"], ours["end"]) == (theirs["kind"], theirs["start"], theirs["end"])
    open_ = [b for b in reference.breaches if b["end"] is None and b["kind"] == "limit"]
    if open_ and not rule.cooldown:
        assert steps[-1][0].peak == open_[0]["peak"]


@settings(max_examples=examples(200))
@given(rules, walks)
def test_it_fires_only_after_a_breach_at_every_usable_slot_for_pending_for(rule, walk):
    steps, _ = run(rule, walk)
    for at, (_, transition) in enumerate(steps):
        if not {"fired", "reopened"} & set(transition.events):
            continue
        run_up, lasted = [], 0
        for back in range(at, -1, -1):
            state, earlier = steps[back]
            run_up.append(state.slot_class)
            if earlier.slot == transition.began:
                break
            # A slot that proves nothing does not count, nor does the time that nobody looked.
            gap = min(state.last_slot - steps[back - 1][0].last_slot, rule.interval * 1000)
            lasted += gap if state.slot_class == "breach" else 0
        assert set(run_up) <= {"breach", *UNUSABLE} and run_up[0] == "breach"
        assert lasted >= rule.pending_for * 1000


@settings(max_examples=examples(200))
@given(rules.filter(lambda rule: rule.no_data != "ok"), walks)
def test_it_never_recovers_without_enough_points_on_the_good_side(rule, walk):
    steps, _ = run(rule, walk)
    for at, (state, transition) in enumerate(steps):
        if "recovered" not in transition.events:
            continue
        good = 0
        for back in range(at, -1, -1):
            seen = steps[back][0]
            if seen.slot_class in ("breach", "band"):
                break
            if seen.slot_class == "clear":
                assert seen.n >= rule.min_count
                good += (
                    min(seen.last_slot - steps[back - 1][0].last_slot, rule.interval * 1000) if back else 0
                )
        # The first good slot starts the timer and adds nothing to it.
        assert state.slot_class == "clear"
        assert good >= rule.keep_firing_for * 1000


@settings(max_examples=examples(200))
@given(rules, walks, st.data())
def test_it_changes_nothing_when_a_slot_is_judged_again(rule, walk, data):
    state = State()
    for slot, _, observation in play(rule, walk):
        state, _ = step(state, rule, observation, slot * 1000)
        older = data.draw(st.integers(0, slot * 1000))
        again, transition = step(state, rule, Observation(1e9, 99), older)
        assert again is state and transition.events == () and transition.before == transition.after


@settings(max_examples=examples(100))
@given(rules, walks, st.integers(1, 7))
def test_it_ends_the_same_wherever_the_evaluator_is_restarted(rule, walk, most):
    seen = {slot * 1000: observation for slot, _, observation in play(rule, [(k, 0, m) for k, _, m in walk])}
    start = State(last_slot=min(seen, default=1) - 1)
    whole = start
    for slot, observation in seen.items():
        whole, _ = step(whole, rule, observation, slot)
    stored, until = tuple(start), max(seen, default=0)
    while slots := list_due(rule.interval, stored[0], None, until=until, hot_from=0, most=most)[0]:
        state = State._make(stored)
        for slot in slots:
            state, _ = step(state, rule, seen[slot], slot)
        stored = tuple(state)
    assert stored == tuple(whole)


@settings(max_examples=examples(100))
@given(rules, st.data())
def test_it_does_not_matter_in_which_order_the_points_of_a_window_arrive(rule, data):
    point = st.tuples(st.integers(START * 1000, START * 1000 + 3_600_000), st.integers(0, 200))
    points = data.draw(st.lists(point, min_size=1, max_size=40))
    found = []
    for order in (points, data.draw(st.permutations(points))):
        pieces = make_pieces(*zip(*order, strict=True))
        slots = list_slots(pieces, rule.interval, rule.window)
        found.append(judge(rule, see(rule, slots, view_windows(pieces, slots, "mean", rule.window))))
    assert found[0] == found[1]


# Two hours around the moments at which clocks move, some on the half hour, some on the southern half.
NIGHTS = [
    ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
]


@given(st.sampled_from(NIGHTS), st.sampled_from([1, 7, 30, 60, 300, 3600]), st.integers(1, 500))
def test_a_night_in_which_clocks_move_neither_skips_nor_doubles_a_slot(night, interval, most):
    zone, moved = ZoneInfo(night[0]), night[1]
    begin, end = (
        int((moved + timedelta(hours=hours)).astimezone(zone).timestamp()) * 1000 for hours in (-2, 2)
    )
    slots, last = [], begin
    while part := list_due(interval, last, None, until=end, hot_from=0, most=most)[0]:
        slots += part
        last = part[-1]
    assert slots == [at for at in range(begin + 1000, end + 1, 1000) if at % (interval * 1000) == 0]


@given(
    st.sampled_from(["gt", "gte", "lt", "lte"]),
    st.floats(-1e6, 1e6),
    st.floats(0, 1e3),
    st.floats(-1e7, 1e7) | st.none(),
    st.integers(-1, 5),
)
def test_it_gives_every_observation_exactly_one_class(operator, limit, gap, value, n):
    recovery = limit - gap if operator in ("gt", "gte") else limit + gap
    rule = Rule("mean", 60, operator, limit, recovery, min_count=2)
    seen = classify(rule, Observation(value, n))
    if n < 0:
        assert seen == "error"
    elif n == 0:
        assert seen == "empty"
    elif n < 2:
        assert seen == "thin"
    elif value is None:
        assert seen == "error"
    else:
        beyond = {"gt": value > limit, "gte": value >= limit, "lt": value < limit, "lte": value <= limit}
        good = {"gt": value <= recovery, "gte": value < recovery}
        good |= {"lt": value >= recovery, "lte": value > recovery}
        assert seen == ("breach" if beyond[operator] else "clear" if good[operator] else "band")


KNOWN = ("mean", "count", "sum", "rate_change_day", "mean_change_week", "time_until_above")
SEEN = st.tuples(st.floats(allow_nan=False) | st.none(), st.integers(-1, 5), st.booleans())


@given(rules, st.lists(SEEN, max_size=30), st.sampled_from(KNOWN), st.booleans())
def test_many_observations_get_the_classes_they_get_one_by_one(rule, seen, aggregate, judges):
    rule = rule._replace(aggregate=aggregate, judge_partial=judges)
    if not get_aggregate(aggregate).compares:
        # A window of points then always has a value, were it infinite.
        seen = [(0.0 if value is None and n > 0 else value, n, partial) for value, n, partial in seen]
    columns = [np.array([row[at] for row in seen], kind) for at, kind in enumerate((float, int, bool))]
    assert classify_many(rule, *columns).tolist() == [classify(rule, Observation(*row)) for row in seen]


@given(
    st.sampled_from(["gt", "gte", "lt", "lte"]),
    st.sampled_from(["count", "sum", "rate_per_hour"]),
    st.integers(0, 20),
    st.integers(0, 20),
)
def test_part_of_a_count_is_judged_only_where_no_further_point_could_change_it(operator, aggregate, n, more):
    rule = Rule(aggregate, 86_400, operator, 10)
    seen = classify(rule, Observation(float(n), n, partial=True))
    assert seen == "thin" or seen == classify(rule, Observation(float(n + more), n + more))
    # And what nobody could doubt is not held back.
    assert (seen == "breach") == (operator in ("gt", "gte") and is_beyond(n, operator, 10))
    assert (seen == "clear") == (operator in ("lt", "lte") and not is_beyond(n, operator, 10))
    told = classify(rule._replace(judge_partial=True), Observation(float(n), n, partial=True))
    assert told == classify(rule, Observation(float(n), n))
