"""A rule suggested from what the windows of the past held."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_app.core.classes import is_beyond
from metrics_app.core.text.suggestions import round_value, suggest_parts, write_part

HOUR = 3600
HUNDRED = np.arange(1.0, 101.0)


def parts_of(values, *, n=None, aggregate="mean", operator="gt", direction="lower", unit="calls"):
    n = np.full(len(values), 10) if n is None else n
    _, parts = suggest_parts(aggregate, operator, direction, unit, np.asarray(values, float), n)
    return {part.field: part for part in parts}


def test_it_sets_the_limit_where_one_window_in_a_hundred_lay_beyond():
    parts = parts_of(HUNDRED)
    # The 99th percentile is 99.01: the next round number is 100; the 90th is 90.1.
    assert parts["limit"].value == 100 and parts["limit"].reason == "all of the windows lay below it"
    assert parts["recovery_limit"].value == 80, "100 again would be the limit itself"
    assert parts["recovery_limit"].reason.startswith("80 % lay below it")
    assert "recovery_limit" not in parts_of([5] * 100), "a recovery at the limit says nothing"
    assert parts_of(HUNDRED * HOUR, unit="seconds")["limit"].value == 120 * HOUR
    assert parts_of(HUNDRED * HOUR, unit="seconds")["recovery_limit"].value == 96 * HOUR


def test_it_watches_the_other_side_where_higher_is_better():
    parts = parts_of(HUNDRED, direction="higher")
    assert parts["operator"].value == "lt" and "higher is better" in parts["operator"].reason
    assert parts["limit"].value == 1.5 and parts["recovery_limit"].value == 10
    assert "operator" not in parts_of(HUNDRED, operator="lte", direction="higher")
    assert parts_of(HUNDRED, operator="lt", direction="none")["limit"].value == 1.5


def test_a_min_count_leaves_the_windows_of_quiet_hours_in():
    n = np.concatenate([np.full(90, 12), np.full(10, 4)])
    part = parts_of(HUNDRED, n=n)["min_count"]
    assert part.value == 4 and part.reason.startswith("a window usually holds 12 points; 100 %")
    assert parts_of(HUNDRED, n=np.full(100, 12))["min_count"].value == 6
    assert "min_count" not in parts_of(HUNDRED, aggregate="count"), "an empty window is judged there"


def test_too_short_a_history_suggests_nothing_and_says_so():
    sentence, parts = suggest_parts("mean", "gt", "lower", "", np.array([1.0] * 29), np.ones(29))
    assert parts == [] and sentence.startswith("29 windows held a value: too few")
    assert suggest_parts("mean", "gt", "lower", "", np.full(50, np.nan), np.zeros(50))[1] == []


def test_it_is_written_for_the_field_and_for_people():
    part = parts_of(HUNDRED * HOUR, unit="seconds")["limit"]
    assert write_part(part, "seconds", "mean")["text"] == "5 d"
    part = parts_of(HUNDRED, unit="%")["limit"]
    written = write_part(part, "%", "mean")
    assert (written["text"], written["said"]) == ("100", "100 %")


@pytest.mark.parametrize(
    ("value", "unit", "up", "expected"),
    [
        (172_800, "seconds", True, 172_800),
        (172_801, "seconds", True, 60 * HOUR),
        (172_799, "seconds", False, 42 * HOUR),
        (100, "seconds", True, 120),
        (8 * 86_400 + 1, "seconds", True, 9 * 86_400),
        (0.4, "seconds", True, 1),
        (93, "", True, 100),
        (93, "", False, 80),
        (-93, "", True, -80),
        (0.0021, "", True, 0.0025),
        (0, "", True, 0),
        (5e-324, "", True, 0),
    ],
)
def test_a_limit_is_a_number_people_would_set(value, unit, up, expected):
    assert round_value(value, unit, "mean", up=up) == expected


@given(
    st.lists(st.floats(-1e9, 1e9), min_size=30, max_size=80),
    st.sampled_from(["gt", "lt"]),
    st.sampled_from(["seconds", "", "%"]),
)
def test_what_is_suggested_can_be_saved(values, operator, unit):
    values = [abs(value) for value in values] if unit == "seconds" else values
    parts = parts_of(values, operator=operator, direction="none", unit=unit)
    limit, recovery = parts["limit"].value, parts.get("recovery_limit")
    assert np.isfinite(limit) and (unit != "seconds" or limit >= 0)
    assert recovery is None or not is_beyond(recovery.value, operator, limit)


def test_a_recovery_that_ordinary_windows_do_not_reach_is_not_suggested():
    values = np.array([21.9, 22.0, 22.1] * 20)
    _, parts = suggest_parts("mean", "gt", "lower", "", values, np.full(60, 10))
    assert [part.field for part in parts] == ["limit", "min_count"]


@pytest.mark.parametrize(
    ("aggregate", "direction", "bad"),
    [
        ("share_within", "lower", "lt"),
        ("share_within", "higher", "gt"),
        ("share_above", "lower", "gt"),
        ("share_above", "higher", "lt"),
    ],
)
def test_a_share_is_watched_on_the_side_that_is_bad(aggregate, direction, bad):
    values = np.linspace(20, 90, 200)
    parts = parts_of(values, aggregate=aggregate, direction=direction, operator=bad)
    assert "operator" not in parts
    other = "gt" if bad == "lt" else "lt"
    parts = parts_of(values, aggregate=aggregate, direction=direction, operator=other)
    assert parts["operator"].value == bad and parts["operator"].reason.startswith(f"{direction} is better")
    assert (parts["limit"].value < 40) if bad == "lt" else (80 < parts["limit"].value < 100)


@given(
    st.lists(st.floats(0, 100), min_size=30, max_size=80),
    st.sampled_from(["share_above", "share_within"]),
    st.sampled_from(["lower", "higher"]),
)
def test_no_limit_of_a_share_is_suggested_that_none_can_cross(values, aggregate, direction):
    operator = "gt" if (aggregate == "share_above") == (direction == "lower") else "lt"
    parts = parts_of(values, aggregate=aggregate, direction=direction, operator=operator)
    if "limit" in parts:
        limit = parts["limit"].value
        assert 0 <= limit < 100 if operator == "gt" else 0 < limit <= 100
        assert "recovery_limit" not in parts or 0 <= parts["recovery_limit"].value <= 100


def test_where_ordinary_windows_reach_100_per_cent_no_limit_is_suggested():
    sentence, parts = suggest_parts("share_above", "gt", "lower", "", np.full(50, 100.0), np.full(50, 4))
    assert [part.field for part in parts] == ["min_count"] and "No limit is suggested" in sentence
