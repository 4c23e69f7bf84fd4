import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_app.core.aggregate_functions import stddev
from metrics_app.core.aggregates import (
    BUILT_IN,
    EXTREMES,
    SUMS,
    Aggregate,
    compare,
    compute,
    compute_many,
    get_aggregate,
    list_choices,
    list_names,
    register,
    unregister,
)
from metrics_app.core.buckets import EMPTY, Summary, merge, summarise
from metrics_app.core.sketch import Sketch
from metrics_app.core.windows import make_pieces, view_windows
from metrics_app.exceptions import BadInput, NotKept
from metrics_app.models import Kpi, Threshold

VALUES = np.array([1.0, 2.0, 3.0, 10.0])
PLAIN = [one.name for one in BUILT_IN if one.on_tiles]
SHARES = [one.name for one in BUILT_IN if one.kind == "share"]
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
ZERO_WHEN_EMPTY = {"count", "sum", "rate_per_hour"}


LARGE = st.floats(1e307, 1.7e308) | st.floats(-1.7e308, -1e307) | st.floats(-1, 1)
# Three times 0.1 is more than 0.3; the sums of the others are not finite.
BEYOND = ([0.1] * 3, [0.7] * 7, [1.7e308, 1e308], [-1.7e308, -1e308, -1.6e308], [1.7e308] * 3)


@pytest.mark.parametrize("values", BEYOND)
@pytest.mark.parametrize("aggregate", ["mean", *QUANTILES])
def test_what_lies_among_the_points_is_never_beyond_them(aggregate, values):
    check_within(aggregate, np.array(values))


@given(st.lists(LARGE, min_size=1, max_size=6))
def test_no_mean_is_above_the_greatest_or_below_the_least(values):
    check_within("mean", np.array(values))


def check_within(aggregate, values):
    """One window, as a column of windows, as merged parts and as pieces of a backtest: all within."""
    whole, parts = summarise(values), merge([summarise(values[at : at + 1]) for at in range(len(values))])
    columns = Summary(*(np.array([number]) for number in whole[:5]))
    pieces = make_pieces(np.arange(len(values)), values)
    found = [compute(aggregate, whole, 60), compute(aggregate, parts, 60)]
    found += view_windows(pieces, np.array([60_000]), aggregate, 60).values.tolist()
    if aggregate == "mean":
        found += [whole.mean, parts.mean, *compute_many(aggregate, columns, np.array([60.0])).tolist()]
    for value in found:
        # Infinities of both signs together are no number.
        assert value is None or math.isnan(value) or whole.min <= value <= whole.max


@pytest.fixture
def spread():
    """An aggregate from outside, registered for one test."""
    one = Aggregate("spread", "spread", lambda summary, window: summary.max - summary.min, reads=EXTREMES)
    register(one)
    yield one
    unregister("spread")


def test_tiles_and_rules_offer_what_is_registered(spread):
    for model, quality in ((Kpi, "on_tiles"), (Threshold, "")):
        choices = model._meta.get_field("aggregate").flatchoices
        assert [name for name, _ in choices] == list(list_names(quality))
        assert ("spread", "spread") in choices


def test_one_from_outside_that_fails_over_some_points_has_no_value_there_and_is_logged_once(caplog):
    one = Aggregate("inverse", "inverse", lambda summary, window: 1.0 / (summary.sum - 5.0), reads=SUMS)
    many = Aggregate("odd", "odd", one.compute, reads=SUMS, over_columns=lambda some, windows: some.sum / "5")
    register(one, many)
    try:
        fives = Summary(1, 5.0, 0.0, 5.0, 5.0)
        assert [compute("inverse", summary, 60) for summary in (fives, fives._replace(sum=6.0))] == [
            None,
            1.0,
        ]
        columns = Summary(*(np.array([part, part]) for part in fives[:5]))
        assert np.isnan(compute_many("odd", columns, np.array([60.0, 60.0]))).all()
        assert [record.args[0] for record in caplog.records] == ["inverse", "odd"]
    finally:
        unregister("inverse", "odd")


def test_one_of_ours_that_fails_is_not_hidden():
    with pytest.raises(AttributeError):
        compute("mean", SimpleNamespace(count=1), 60)


@pytest.mark.parametrize("field", [{"base": "mean"}, {"ago": 60_000}, {"unit": "x" * 31 + "{unit}"}])
def test_a_record_whose_parts_do_not_fit_is_refused(field):
    with pytest.raises(BadInput):
        register(Aggregate("misfit", "misfit", lambda summary, window: 0.0, **field))


def test_the_same_record_may_be_registered_twice_and_another_of_its_name_may_not(spread):
    register(spread)
    with pytest.raises(BadInput, match="the name 'spread' is taken"):
        register(Aggregate("spread", "range", lambda summary, window: 0.0))
    with pytest.raises(BadInput, match="the name 'mean' is taken"):
        register(Aggregate("mean", "mean", lambda summary, window: 0.0))


def one_of(name="odd", label="odd", compute=lambda summary, window: 1.0, **more):
    return Aggregate(name, label, compute, **more)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("spread", "'spread' is no Aggregate"),
        (one_of(name="Trimmed Mean"), "'Trimmed Mean' is no name: expected up to 20 lower-case"),
        (one_of(name="a" * 21), "is no name"),
        (one_of(name="computed_at"), "the name 'computed_at' is taken"),
        (one_of(name="revised"), "the name 'revised' is taken"),
        (one_of(label=""), "its label is missing"),
        (one_of(kind="median"), "kind is 'median': expected one of plain, share, change, trend"),
        (one_of(reads="values"), "reads is 'values': expected one of sums, extremes, shape, whole"),
        (one_of(empty=math.nan), "empty is nan: expected a finite number"),
        (one_of(unit="{units}"), "unit is '{units}': expected a text with {unit} or {counted}"),
        (one_of(kind="share"), "a share asks for the value it divides at"),
        (one_of(kind="change", base="p98", ago=60_000), "base is 'p98': expected an aggregate"),
        (one_of(kind="change", base="mean", ago=1.5), "ago is 1.5: expected ms"),
        (one_of(compute=None), "fails: TypeError"),
        (one_of(compute=lambda summary: 1.0), "fails: TypeError"),
        (one_of(compute=lambda summary, window: "1"), "compute returns '1': expected a number"),
        (one_of(compute=lambda summary, window: np.float32(1)), "expected a number or None"),
        (one_of(compute=lambda summary, window: summary.values.mean()), "fails: AttributeError"),
        (one_of(compute=lambda summary, window: summary.quantile(0.5), reads=SUMS), "fails: NotKept"),
    ],
)
def test_a_record_that_cannot_work_is_refused_with_the_reason(record, said):
    known = list_names()
    with pytest.raises(BadInput) as refusal:
        register(record)
    assert said in str(refusal.value) and list_names() == known


def test_what_nobody_registers_any_more_has_a_name_and_no_value():
    assert get_aggregate("gone").label == "gone" and "gone" not in list_names()
    assert compute("gone", summarise(VALUES), 60) is None
    assert ("gone", "gone") not in list_choices()


@pytest.mark.parametrize(
    ("name", "unit", "expected"),
    [
        ("mean", "seconds", "seconds"),
        ("p95", "%", "%"),
        ("count", "calls", "calls"),
        ("count", "seconds", ""),
        ("rate_per_hour", "calls", "calls per hour"),
        ("rate_per_hour", "seconds", "per hour"),
        ("count", "ms", ""),
        ("rate_per_hour", "°C", "per hour"),
        ("share_above", "seconds", "%"),
        ("rate_change_week", "calls", "%"),
        ("time_until_above", "calls", "seconds"),
    ],
)
def test_a_unit_follows_from_that_of_the_points(name, unit, expected):
    assert get_aggregate(name).unit_of(unit) == expected


def test_what_needs_a_distribution_says_so_where_only_sums_are_left():
    with pytest.raises(NotKept, match="only sums are kept"):
        compute("p95", Summary(3, 7.0, 0.0, 1.0, 4.0), 60)


def test_values_and_their_weights_are_those_of_the_points_or_of_their_sketch():
    whole = summarise(np.array([2.0, 1.0, 2.0, 50.0]))
    values, weights = whole.weigh()
    assert (values.tolist(), weights.tolist()) == ([1, 2, 50], [1, 2, 1])
    values, weights = Summary(*whole[:5], None, Sketch.of(whole.values)).weigh()
    assert values == pytest.approx([1, 2, 50], rel=0.005) and weights.tolist() == [1, 2, 1]
    assert (values[0], values[-1]) >= (1, 0) and values[-1] <= 50


@pytest.mark.parametrize(
    ("name", "expected"),
    [("mean", 4), ("count", 4), ("sum", 16), ("min", 1), ("max", 10), ("p50", 2.5), ("rate_per_hour", 8)],
)
def test_it_says_what_its_name_says(name, expected):
    assert compute(name, summarise(VALUES), 1800) == expected


@pytest.mark.parametrize("name", PLAIN)
def test_an_empty_window_is_none_or_zero(name):
    assert compute(name, EMPTY, 60) == (0 if name in ZERO_WHEN_EMPTY else None)


@pytest.mark.parametrize("name", PLAIN)
def test_the_largest_numbers_still_make_json(name):
    value = compute(name, summarise(np.array([1.7e308, 1.7e308, 1.7e308])), 60)
    assert math.isfinite(value) and json.dumps(value, allow_nan=False)


@pytest.mark.parametrize(("name", "q"), QUANTILES.items())
def test_percentiles_are_those_of_numpy(name, q):
    assert compute(name, summarise(VALUES), 60) == pytest.approx(np.quantile(VALUES, q))


def test_the_deviation_is_that_of_the_values_themselves():
    assert stddev(summarise(VALUES)) == pytest.approx(np.std(VALUES))
    assert stddev(EMPTY) is None
    assert stddev(summarise(np.array([1.7e308, -1.7e308]))) is None


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.floats(-1e6, 1e6) | st.just(0.0))
def test_a_share_is_that_of_numpy_and_both_sides_are_all(values, at):
    summary = summarise(np.array(values))
    above = compute("share_above", summary, 60, at)
    assert above == pytest.approx(100 * np.mean(np.array(values) > at))
    assert above + compute("share_within", summary, 60, at) == pytest.approx(100)


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=50), st.floats(1, 1e6))
def test_a_share_from_a_sketch_errs_by_what_lies_within_a_hundredth(values, at):
    values = np.array(values)
    whole = summarise(values)
    found = compute("share_above", Summary(*whole[:5], None, Sketch.of(values)), 60, at)
    low, high = (100 * np.mean(values > at * (1 + side)) for side in (0.0101, -0.0101))
    assert low - 1e-9 <= found <= high + 1e-9


def test_a_share_at_a_value_that_many_points_have_counts_them_as_within():
    values = np.array([172_800.0] * 9 + [200_000.0])
    for summary in (summarise(values), Summary(*summarise(values)[:5], None, Sketch.of(values))):
        assert compute("share_above", summary, 60, 172_800.0) == pytest.approx(10)
        assert compute("share_within", summary, 60, 172_800.0) == pytest.approx(90)


@pytest.mark.parametrize("name", SHARES)
def test_of_nothing_and_at_no_value_there_is_no_share(name):
    assert compute(name, EMPTY, 60, 10) is None
    assert compute(name, summarise(VALUES), 60, None) is None


@pytest.mark.parametrize(
    ("name", "now", "before", "value", "n"),
    [
        ("mean_change_day", (15, 4), (10, 6), 50, 4),
        ("mean_change_week", (5, 4), (10, 2), -50, 2),
        ("mean_change_day", (-5, 4), (-10, 2), 50, 2),
        ("rate_change_day", (0, 0), (30, 15), -100, 15),
        ("rate_change_week", (90, 45), (30, 15), 200, 15),
        # Of nothing there is no share, and that is not the points' fault: they are counted.
        ("rate_change_day", (90, 45), (0, 0), None, 45),
        ("mean_change_day", (90, 45), (0, 7), None, 45),
        ("mean_change_day", (90, 45), (np.nan, 0), None, 45),
        ("mean_change_day", (np.nan, 0), (90, 45), None, 0),
        ("mean_change_day", (1.7e308, 1), (1e-300, 1), np.finfo(float).max, 1),
    ],
)
def test_a_change_is_per_cent_of_what_was_before(name, now, before, value, n):
    pairs = ((np.array([one[0]], float), np.array([one[1]])) for one in (now, before))
    [found], [points] = compare(name, *pairs)
    assert points == n
    assert np.isnan(found) if value is None else found == pytest.approx(value)


def add_up(values, others):
    """The numbers of a Summary of some values, without their shape; sums may overflow."""
    with np.errstate(over="ignore", invalid="ignore"):
        seen = np.array(values, float)
        total = float(seen.sum()) + others if values else 0.0
    return Summary(len(values), total, 0.0, min(values, default=np.inf), max(values, default=-np.inf))


@given(
    st.sampled_from(sorted(set(PLAIN) - set(QUANTILES))),
    st.lists(
        st.tuples(
            st.lists(st.floats(allow_nan=False), max_size=4),
            st.sampled_from([0.0, math.inf, -math.inf, math.nan]),
            st.integers(1, 7200),
        ),
        max_size=8,
    ),
)
def test_many_windows_have_to_the_last_bit_the_values_they_have_one_by_one(name, windows):
    summaries = [add_up(values, others) for values, others, _ in windows]
    columns = zip(*[summary[:5] for summary in summaries], strict=True) if summaries else [()] * 5
    arrays = Summary(*(np.array(c, kind) for c, kind in zip(columns, ["int64"] + [float] * 4, strict=True)))
    lengths = [float(seconds) for _, _, seconds in windows]
    expected = [compute(name, *pair) for pair in zip(summaries, lengths, strict=True)]
    found = compute_many(name, arrays, np.array(lengths)).tolist()
    assert [None if value != value else value for value in found] == expected


def test_an_aggregate_that_knows_no_columns_is_computed_window_by_window(spread):
    arrays = Summary(
        np.array([2, 1]), np.array([3.0, 4.0]), np.zeros(2), np.array([1.0, 4]), np.array([2.0, 4])
    )
    assert compute_many("spread", arrays, np.array([60.0, 60.0])).tolist() == [1.0, 0.0]
