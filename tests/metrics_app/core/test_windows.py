"""Windows of many slots at once, against the plain answer slot by slot."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics_app.core.aggregates import BUILT_IN, compare, compute, get_aggregate
from metrics_app.core.buckets import summarise
from metrics_app.core.windows import combine, list_slots, list_turns, make_pieces, view_windows
from tests.examples import examples

START = 1_774_747_800_000  # shortly before the night of 2026 in which Europe moves its clocks
points = st.lists(st.tuples(st.integers(0, 7_200_000), st.floats(-1e9, 1e9)), min_size=1, max_size=40).map(
    lambda pairs: ([START + ts for ts, _ in pairs], [value for _, value in pairs])
)


def expand(views):
    """``[(value, n)]`` of every slot."""
    return list(zip(np.repeat(views.values, views.repeat), np.repeat(views.n, views.repeat), strict=True))


@settings(max_examples=examples(150))
@given(
    points,
    st.sampled_from([one.name for one in BUILT_IN if one.on_tiles]),
    st.sampled_from([60, 90, 600, 1800]),
)
def test_every_window_is_that_of_the_plain_answer(pairs, aggregate, window):
    ts, values = np.array(pairs[0]), np.array(pairs[1])
    slots = list_slots(make_pieces(ts, values), 60, window)
    found = expand(view_windows(make_pieces(ts, values), slots, aggregate, window))
    for slot, (value, n) in zip(slots.tolist(), found, strict=True):
        inside = values[(ts >= slot - window * 1000) & (ts < slot)]
        plain = compute(aggregate, summarise(inside), window)
        assert n == len(inside)
        assert math.isnan(value) if plain is None else value == pytest.approx(plain, rel=1e-12, abs=1e-6)


@given(points, st.randoms())
def test_the_order_of_arrival_does_not_matter(pairs, random):
    mixed = list(zip(*pairs, strict=True))
    random.shuffle(mixed)
    ts, values = zip(*sorted(mixed), strict=True)
    slots = list_slots(make_pieces(ts, values), 60, 600)
    same = [
        view_windows(make_pieces(*zip(*order, strict=True)), slots, "max", 600)
        for order in (mixed, sorted(mixed))
    ]
    assert np.array_equal(*map(expand, same), equal_nan=True)


def test_slots_go_from_the_first_point_until_every_window_is_empty_again():
    slots = list_slots(make_pieces([START + 1, START + 60_000], [1, 1]), 60, 120)
    assert (slots - START).tolist() == [60_000, 120_000, 180_000, 240_000]
    assert view_windows(make_pieces([START + 60_000], [1]), slots, "count", 120).n[-1] == 0
    assert not len(list_slots(make_pieces([], []), 60, 120))


def test_a_window_holds_its_start_and_not_its_end():
    views = view_windows(make_pieces([START, START + 60_000], [1, 5]), np.array([START + 60_000]), "mean", 60)
    assert expand(views) == [(1.0, 1)]


def test_a_small_window_behind_large_values_keeps_its_digits():
    values = np.array([1e17, 1e17, 0.1, 0.2])
    found = combine(np.add, values, np.array([0, 2]), np.array([2, 4]), 0.0)
    assert found.tolist() == [2e17, 0.1 + 0.2]


@settings(max_examples=examples(80))
@given(
    points,
    st.sampled_from([one.name for one in BUILT_IN if one.kind == "share"]),
    st.sampled_from([60, 1800]),
    st.floats(-1e9, 1e9),
)
def test_every_share_is_that_of_the_plain_answer(pairs, aggregate, window, at):
    ts, values = np.array(pairs[0]), np.array(pairs[1])
    slots = list_slots(make_pieces(ts, values), 60, window)
    found = expand(view_windows(make_pieces(ts, values), slots, aggregate, window, at))
    for slot, (value, n) in zip(slots.tolist(), found, strict=True):
        inside = values[(ts >= slot - window * 1000) & (ts < slot)]
        plain = compute(aggregate, summarise(inside), window, at)
        assert n == len(inside) and (math.isnan(value) if plain is None else value == pytest.approx(plain))


@settings(max_examples=examples(80))
@given(
    points,
    points,
    st.sampled_from([one.name for one in BUILT_IN if one.is_change]),
    st.sampled_from([60, 1800]),
)
def test_every_change_is_that_against_the_same_window_before(earlier, later, aggregate, window):
    base, ago = get_aggregate(aggregate).base, get_aggregate(aggregate).ago
    ts = np.array([*earlier[0], *(at + ago for at in later[0])])
    values = np.array([*earlier[1], *later[1]])
    slots = START + ago + np.arange(60_000, 7_260_000, 600_000)
    found = expand(view_windows(make_pieces(ts, values), slots, aggregate, window))
    for slot, (value, n) in zip(slots.tolist(), found, strict=True):
        pair = []
        for end in (slot, slot - ago):
            inside = values[(ts >= end - window * 1000) & (ts < end)]
            plain = compute(base, summarise(inside), window)
            pair.append((np.array([math.nan if plain is None else plain]), np.array([len(inside)])))
        [plain], [count] = compare(aggregate, *pair)
        assert n == count and (math.isnan(value) if math.isnan(plain) else value == pytest.approx(plain))


sparse = st.lists(
    st.tuples(st.integers(0, 3).map(lambda day: day * 86_400_000), st.integers(0, 600_000), st.floats(-9, 9)),
    min_size=1,
    max_size=8,
).map(lambda points: ([START + day + ms for day, ms, _ in points], [value for *_, value in points]))


@settings(max_examples=examples(60))
@given(
    sparse,
    st.sampled_from([one.name for one in BUILT_IN]),
    st.sampled_from([60, 90, 600]),
    st.sampled_from([60, 300, 3_700]),
)
def test_what_lies_between_points_is_skipped_and_every_slot_sees_what_it_saw(pairs, aggregate, step, window):
    pieces, value = make_pieces(*pairs), 1.0 if get_aggregate(aggregate).asks else None
    slots = list_slots(pieces, step, window)
    every = np.array(expand(view_windows(pieces, slots, aggregate, window, value)))
    turns, lengths = list_turns(pieces, step, window, aggregate)
    seen = np.array(expand(view_windows(pieces, turns, aggregate, window, value)))
    assert np.array_equal(np.repeat(seen, lengths, axis=0), every, equal_nan=True)
    # As many as there are points, whatever lies between them; a trend changes with each slot it is seen at.
    trend = 4 * (window // step + 12) if get_aggregate(aggregate).is_trend else 0
    assert len(turns) <= 4 * len(pieces.ts) + trend
