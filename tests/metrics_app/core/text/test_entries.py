"""Values as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_app.core.text.entries import parse_duration, parse_value, write_duration, write_value
from metrics_app.exceptions import BadInput


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("48h", 172800),
        ("48 h", 172800),
        ("10 min", 600),
        ("10m", 600),
        ("2 d 4 h", 187200),
        ("2d4h", 187200),
        ("1.5 hours", 5400),
        ("1,5 h", 5400),
        ("0,125 h", 450),
        ("1,2345 h", 4444.2),
        ("90", 90),
        ("250ms", 0.25),
        ("-1h", -3600),
    ],
)
def test_it_reads_what_people_type_for_a_duration(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "h",
        "48 parsecs",
        "4 5",
        "1 h 5",
        "--1",
        "nan",
        "٤٨",
        "9" * 400 + " h",
        "172,800",
        "1,500 h",
        "1_5 h",
        "1_5",
        "1.5.5",
    ],
)
def test_it_says_what_a_duration_looks_like(text):
    with pytest.raises(BadInput, match="is not a duration: write '48 h'"):
        parse_duration(text)


def test_it_writes_a_limit_as_it_is_spoken():
    seconds = (172800, 600, 604800, 45, 0, 5400)
    assert [write_duration(s) for s in seconds] == ["48 h", "10 min", "7 d", "45 s", "0 s", "90 min"]


@given(st.floats(-1e9, 1e9).map(lambda seconds: round(seconds, 3)))
def test_it_reads_back_exactly_what_it_wrote_in_a_field(value):
    assert parse_value(write_value(value, "seconds"), "seconds") == value
    assert parse_value(write_value(value, "open"), "open") == value


def test_it_reads_numbers_with_their_unit():
    assert parse_value("12.5 %", "%") == 12.5
    assert parse_value("90", "seconds") == 90
    assert write_value(None, "seconds") == ""
    with pytest.raises(BadInput, match="expected a number of open"):
        parse_value("many", "open")
    assert [parse_value(text, "open") for text in ("−5", "+5", "1e3", ".5")] == [-5, 5, 1000, 0.5]
    for text in ("1_5", "٤٨", "1,5", "0x10", "1..5", ""):
        with pytest.raises(BadInput, match="expected a number of open"):
            parse_value(text, "open")
    with pytest.raises(BadInput, match="finite"):
        parse_value("1e400", "open")


def test_it_takes_a_count_of_durations_for_a_number():
    assert write_value(90, "seconds", "rate_per_hour") == "90"
    with pytest.raises(BadInput, match="'1 h' is not a value: expected a number$"):
        parse_value("1 h", "seconds", "count")
