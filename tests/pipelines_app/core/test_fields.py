"""What a proposal and a vote may contain."""

import pytest

from pipelines_app.core import fields
from pipelines_app.exceptions import BadInput


@pytest.mark.parametrize(
    "text", ["", "   ", 5, None, [], {}, True, "a" * 21, "a\x00b", "\ud800", "\udfff!", "pay\u202e"]
)
def test_it_refuses_a_text_that_cannot_be_stored(text):
    with pytest.raises(BadInput) as caught:
        fields.check_text(text, field="title", limit=20)
    assert caught.value.errors[0]["field"] == "title"


@pytest.mark.parametrize(
    "text",
    [
        "\u200b",
        "\u2060\ufeff",
        "\x07\x1b",
        "\u00a0\u2003\u3000",
        "\u00ad\u200d",
        "\u3164",
        "\u0301",
        "\U000e0020",
    ],
)
def test_a_text_of_which_nothing_can_be_seen_is_empty(text):
    with pytest.raises(BadInput, match="title is required"):
        fields.check_text(text, field="title", limit=20)
    assert fields.check_text(text, field="comment", limit=20, required=False) == ""
    assert fields.check_text(f"a{text}b", field="title", limit=20)


def test_it_takes_spaces_off_a_text_and_keeps_every_language():
    assert fields.check_text("  Heizkörper 暖房 🔥 \n", field="title", limit=20) == "Heizkörper 暖房 🔥"


@pytest.mark.parametrize("value", ["5", True, float("nan"), float("inf"), 10**400, [], {}])
def test_it_refuses_what_is_not_a_finite_number(value):
    with pytest.raises(BadInput):
        fields.check_number(value, field="kpi")


def test_it_takes_numbers_and_null():
    assert [fields.check_number(value, field="kpi") for value in (3, -2.5, None)] == [3.0, -2.5, None]


@pytest.mark.parametrize(
    "topic", ["er wait", "ER.wait", ".a", "a.", "a..b", "a" * 101, "a\n", 5, None, "a.*"]
)
def test_it_refuses_what_is_not_a_topic(topic):
    with pytest.raises(BadInput):
        fields.check_topic(topic)


def test_it_takes_a_topic_or_none():
    assert fields.check_topic("complaint.latency_2") == "complaint.latency_2"
    assert fields.check_topic("") == ""


@pytest.mark.parametrize("version", [0, -1, True, "1", 1.0, None, 2**31, 10**30])
def test_it_refuses_what_is_not_a_version(version):
    with pytest.raises(BadInput):
        fields.check_version(version)


@pytest.mark.parametrize(
    "number", [0, -1, True, 1.0, "x", "²", 10**30, "0" * 19 + "1" * 12, "0" * 19 + "1" * 5000]
)
def test_it_refuses_what_is_not_the_number_of_a_row(number):
    with pytest.raises(BadInput, match="not the number of a proposal"):
        fields.check_id(number, field="earlier")


def test_it_takes_a_number_of_a_row_as_a_text_too_or_none():
    assert [fields.check_id(number, field="earlier") for number in (7, "7", "", None)] == [7, 7, None, None]


@pytest.mark.parametrize("body", [[], "text", 5, None, True])
def test_it_refuses_a_body_that_is_not_an_object(body):
    with pytest.raises(BadInput, match="JSON object"):
        fields.check_known(body, required=("title",))


def test_it_names_every_unknown_and_every_missing_field():
    with pytest.raises(BadInput) as caught:
        fields.check_known({"titel": 1}, required=("title",), optional=("topic",))
    assert [error["field"] for error in caught.value.errors] == ["titel", "title"]
