"""Values in messages, without a word of Python."""

import math

import pytest

from metrics_app.core.text.literals import is_nested_deeper, show


def nest(depth):
    """A list in a list in a list …"""
    value = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        ("it", "'it'"),
        ("\ud800", "'\\ud800'"),
        (1.5, "1.5"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (math.nan, "NaN"),
        (7, "7"),
        (10**5000, "an integer of 5001 digits"),
        ({"a": [None, False]}, '{"a": [null, false]}'),
        ({1, 2}, "a set"),
        ([10**5000], "a list"),
        ("x" * 99, "'" + "x" * 59 + "…"),
        (nest(100_000), "a list"),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value).__name__,
)
def test_it_writes_a_value_as_json_does(value, text):
    assert show(value) == text


def test_it_counts_the_levels_of_lists_and_objects():
    assert not is_nested_deeper(5, 0)
    assert is_nested_deeper([], 0)
    assert not is_nested_deeper(nest(20), 20)
    assert is_nested_deeper(nest(21), 20)
    assert is_nested_deeper({"a": [1, {"b": nest(19)}]}, 20)
    assert is_nested_deeper(nest(100_000), 20)
