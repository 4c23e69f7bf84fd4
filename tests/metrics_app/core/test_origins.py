"""Web origins as browsers write them."""

import pytest

from metrics_app.core.origins import check_origin
from metrics_app.core.points import overlaps
from metrics_app.exceptions import BadInput


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://www.example.org", "https://www.example.org"),
        (" HTTPS://WWW.Example.org:443/ ", "https://www.example.org"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://localhost:80", "http://localhost"),
        ("https://localhost:80", "https://localhost:80"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_it_writes_an_origin_as_browsers_do(text, origin):
    assert check_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    ["", "*", "null", "example.org", "https://*.example.org", "https://example.org/page", "ftp://a.b",
     "https://user@example.org", "https://a b", "https://example.org\nx", None, 5, ["https://a"],
     "https://" + "a" * 300],
)  # fmt: skip
def test_it_refuses_what_is_no_single_origin(text):
    with pytest.raises(BadInput, match="is not an origin"):
        check_origin(text)


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        ("a.b", "a.b", True), ("a.b", "a.c", False), ("a.b", "a.*", True), ("a.*", "a.b.*", True),
        ("a.*", "ab.*", False), ("*", "a", True), ("*", "b.*", True), ("a.*", "a", False),
    ],
)  # fmt: skip
def test_two_patterns_have_topics_in_common_or_not(one, other, common):
    assert overlaps(one, other) is overlaps(other, one) is common
