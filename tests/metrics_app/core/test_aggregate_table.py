"""What the browser is told of the aggregates."""

import json
from pathlib import Path

import pytest

import metrics_app
from metrics_app.core.aggregate_table import IN_BROWSER, describe_table, list_outside, write_module
from metrics_app.core.aggregates import (
    BUILT_IN,
    Aggregate,
    get_aggregate,
    list_aggregates,
    register,
    unregister,
)
from metrics_app.templatetags.metrics_words import aggregates_table


@pytest.fixture
def spread():
    """An aggregate from outside, registered for one test."""
    one = Aggregate("spread", "</script>", lambda summary, window: summary.max - summary.min)
    register(one)
    yield one
    unregister("spread")


def test_the_module_in_the_static_files_is_that_of_the_registry():
    written = Path(metrics_app.__path__[0], "static/metrics_app/aggregates.js").read_text()
    assert written == write_module(), "make format writes it"


def test_a_page_is_told_of_what_a_project_adds_and_of_nothing_else(spread):
    assert list_outside() == [spread]
    text = aggregates_table()
    assert text.startswith('<script id="aggregates" type="application/json">')
    told = json.loads(text.partition(">")[2].removesuffix("</script>"))
    assert told == {"spread": describe_table(list_aggregates())["spread"]}
    assert told["spread"]["label"] == "</script>" and text.count("</script>") == 1


def test_without_any_a_page_is_told_nothing():
    assert list_outside() == [] and aggregates_table() == ""


def test_what_the_browser_makes_of_points_can_be_added_up():
    assert all(get_aggregate(name).is_rolled for name in IN_BROWSER)
    assert {one.name for one in BUILT_IN} >= set(IN_BROWSER)
