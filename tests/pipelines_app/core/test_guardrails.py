"""Which KPIs are judged beside the one in question."""

import pytest

from pipelines_app.core.guardrails import MOST_GUARDRAILS, list_guardrails, read_topics
from pipelines_app.exceptions import BadInput

MANY = " ".join(f"er.t{at}" for at in range(MOST_GUARDRAILS + 1))
ALWAYS = {"complaint.*": ["complaint.open", "complaint.oldest_age"], "er.wait": ["er.open"]}


def test_those_that_are_named_come_first_and_each_is_judged_once():
    found = list_guardrails("complaint.latency", ["staff.hours", "complaint.open"], ALWAYS)
    assert found == ["staff.hours", "complaint.open", "complaint.oldest_age"]


def test_what_fits_no_pattern_has_none_and_nothing_guards_itself():
    assert list_guardrails("housing.wait", [], ALWAYS) == []
    assert list_guardrails("complaint.open", ["complaint.open"], ALWAYS) == ["complaint.oldest_age"]


def test_topics_are_read_apart_by_spaces_or_commas():
    assert read_topics(" er.open, er.wait er.open ") == ["er.open", "er.wait"] and read_topics("") == []


@pytest.mark.parametrize(
    "text", ["er.*", "ER.open", " ".join(f"er.t{at}" for at in range(MOST_GUARDRAILS + 1))]
)
def test_what_is_no_topic_and_too_many_of_them_are_refused_at_their_field(text):
    with pytest.raises(BadInput) as refused:
        read_topics(text)
    assert [fault["field"] for fault in refused.value.errors] == ["guardrails"]
