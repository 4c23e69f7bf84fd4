"""A value and an end as they are given, and the sentence that they are told in."""

from datetime import UTC, date, datetime

import pytest

from pipelines_app.core.unless import Unless, check_unless, read_unless, say_unless
from pipelines_app.exceptions import BadInput

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("end", "read"),
    [
        ("2026-03-03", date(2026, 3, 3)),
        ("2026-03-03T13:00:00+01:00", NOON),
        (1_772_539_200_000, NOON),
        (NOON, NOON),
        (date(2026, 3, 3), date(2026, 3, 3)),
    ],
)
def test_an_end_is_a_day_a_moment_or_milliseconds(end, read):
    assert check_unless({"value": " 60 h ", "until": end}) == {"value": "60 h", "until": read}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ("60 h", "unless"),
        ([], "unless"),
        ({}, "unless.value"),
        ({"value": 1}, "unless.until"),
        ({"value": 1, "until": "2026-03-03", "why": ""}, "unless.why"),
        ({"value": None, "until": "2026-03-03"}, "unless.value"),
        ({"value": True, "until": "2026-03-03"}, "unless.value"),
        ({"value": float("inf"), "until": "2026-03-03"}, "unless.value"),
        ({"value": " ", "until": "2026-03-03"}, "unless.value"),
        ({"value": [1], "until": "2026-03-03"}, "unless.value"),
        *[
            ({"value": 1, "until": end}, "unless.until")
            for end in ("", "soon", "2026-02-30", "2026-03-03T10:00:00", 1_772_539_200, 10**30, True, 1.5)
        ],
    ],
)
def test_what_is_no_value_and_no_end_is_named(given, field):
    with pytest.raises(BadInput) as refused:
        check_unless(given)
    assert refused.value.errors[0]["field"] == field


def test_it_is_told_in_one_sentence_with_the_year_where_it_is_another_and_the_zone_of_an_hour():
    assert say_unless("gt", "60 h", date(2026, 3, 3)) == "unless above 60 h, until 3 March 2026"
    assert say_unless("lte", "9 %", date(2027, 1, 3)) == "unless at or below 9 %, until 3 January 2027"
    assert say_unless("gt", "60 h", NOON) == "unless above 60 h, until 3 March 2026, 12:00 UTC"


def test_what_is_frozen_is_read_back():
    unless = Unless(60.0, "60 h", "mean", "h", {"operator": "gt", "limit": 60.0}, NOON, "unless …", "Ada")
    assert read_unless(unless.describe(), "Ada") == unless
