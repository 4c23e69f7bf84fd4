"""What the filters of an overview leave."""

import pytest

from metrics_app.core.filters import Filters, get_prefix, is_shown, read_filters


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, Filters()),
        ({"q": "lat", "state": "firing", "group": "1"}, Filters("lat", "firing", True)),
        ({"state": "on fire"}, Filters()),
        ({"q": "x" * 500 + "\0"}, Filters("x" * 100)),
    ],
)
def test_they_are_read_from_the_address(params, found):
    assert read_filters(params) == found


@pytest.mark.parametrize(
    ("filters", "shown"),
    [
        (Filters(), True),
        (Filters("RESPONSE comp"), True),
        (Filters("response er"), False),
        (Filters("", "firing"), True),
        (Filters("", "silent"), True),
        (Filters("", "ok"), False),
    ],
)
def test_every_word_and_the_state_must_fit(filters, shown):
    assert is_shown(filters, "Response time", "complaint.latency", "firing silent") is shown


def test_a_group_is_the_first_word():
    assert [get_prefix(topic) for topic in ("complaint.latency.north", "er")] == ["complaint", "er"]
