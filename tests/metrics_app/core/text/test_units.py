"""The pairs of tests/js/units.json, which the browser's units.js is held to as well."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_app.core.text import units

PAIRS = json.loads((Path(__file__).parents[3] / "js/units.json").read_text())


@pytest.mark.parametrize(("value", "text"), PAIRS["number"])
def test_it_writes_numbers_as_people_do(value, text):
    assert units.format_number(value) == text


@pytest.mark.parametrize(("seconds", "text"), PAIRS["duration"])
def test_it_writes_durations_in_their_two_largest_units(seconds, text):
    assert units.format_duration(seconds) == text


@pytest.mark.parametrize(("value", "unit", "aggregate", "text"), PAIRS["value"])
def test_it_knows_which_aggregates_count_points(value, unit, aggregate, text):
    assert units.format_value(value, unit, aggregate) == text


@pytest.mark.parametrize(("seconds", "limit", "text"), PAIRS["beside"])
def test_a_duration_speaks_in_the_unit_of_the_limit_beside_it(seconds, limit, text):
    assert units.format_duration(seconds, limit) == text
    assert units.format_value(seconds, "seconds", "mean", beside=limit) == text


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_it_has_words_for_every_float(value):
    assert units.format_number(value)
    assert units.format_duration(value)


@given(st.floats(min_value=0, max_value=1e9))
def test_it_never_names_an_empty_unit(seconds):
    text = units.format_duration(seconds)
    assert "60 min" not in text
    # Not the end of "4.13e−260 s" or of "2.11e−60 s".
    assert not re.search(r"(?<![\d−])60 s", text)
    assert not text.startswith("0 ") or seconds < 0.5


def test_the_span_that_ends_now_is_named_as_people_do():
    assert [units.tell_last(duration) for duration, _ in PAIRS["last"]] == [text for _, text in PAIRS["last"]]
