"""The sentences of the tiles."""

import pytest

from metrics_app.core.conditions import Condition
from metrics_app.core.text import words
from metrics_app.core.text.units import format_duration


@pytest.mark.parametrize(
    ("elapsed", "total", "text"),
    [
        (20, 45, "20 s of 45"),
        (361, 600, "6 min of 10"),
        (0, 120, "0 min of 2"),
        (99_999, 600, "10 min of 10"),
        (10, 5400, "0 min of 90"),
        (7300, 14_400, "2 h of 4"),
        (5400, 7200, "1 h of 2"),
        (100_000, 864_000, "1 d of 10"),
    ],
)
def test_it_says_how_much_of_a_span_has_passed(elapsed, total, text):
    assert words.tell_timer(elapsed, total) == text


def test_it_says_every_state_in_words():
    assert words.tell_state("ok") == "Within limit"
    assert words.tell_state("firing") == "Beyond limit"
    assert words.tell_state("none") == "No limit set"
    over = words.tell_state("pending", elapsed=360, pending_for=600)
    assert over == "Over limit, 6 min of 10"
    assert words.tell_state("pending", operator="lt", elapsed=0, pending_for=600).startswith("Under limit")
    assert words.tell_state("recovering", elapsed=480, keep_firing_for=900) == "Recovering, 8 min of 15"


def test_it_says_what_happens_next():
    assert words.tell_next("pending", elapsed=360, pending_for=600) == "fires in 4 min"
    assert words.tell_next("recovering", elapsed=480, keep_firing_for=900) == "recovered in 7 min"
    assert words.tell_next("firing", since="09:12", outcome="proposed #12") == "since 09:12 · proposed #12"
    assert words.tell_next("pending", elapsed=22, pending_for=600) == "fires in 10 min"
    assert words.tell_next("pending", elapsed=500.5, pending_for=600) == "fires in 1 min 40 s"
    assert words.tell_next("pending", elapsed=700, pending_for=600) == "fires in 0 s"
    assert words.tell_next("firing") == ""
    assert words.tell_next("ok") == ""


def test_it_writes_the_limit_in_the_readers_units():
    assert words.tell_limit(172_800, unit="seconds") == "limit 48 h"
    assert words.tell_limit(92, operator="lt", unit="%") == "lower limit 92 %"
    assert words.tell_limit(90, aggregate="rate_per_hour") == "limit 90 per hour"


def test_it_names_the_window_and_the_points_behind_a_value():
    facts = words.tell_facts("mean", 1800, 23, median="44 h")
    assert facts == "mean of 30 min · 23 points · median 44 h"
    assert words.tell_facts("rate_per_hour", 3600, 1) == "over 1 h · 1 point"
    assert words.tell_facts("p50", 3600, 1204, median="2 h") == "median of 1 h · 1,204 points"


def test_the_number_is_named_with_its_window_and_how_long_it_was_watched():
    assert words.tell_facts("mean", 60, 1) == "mean of 1 min · 1 point", "also of so short a window"
    young = words.tell_facts("rate_per_hour", 3600, 12, watched=250)
    assert young == "over 1 h · 12 points · watched for 4 min"
    assert words.tell_facts("rate_per_hour", 3600, 12, watched=4000) == "over 1 h · 12 points"


def test_what_came_of_a_breach_is_a_sentence():
    assert words.tell_outcome("proposed #12") == "Proposal #12 opened"
    still = words.tell_outcome("proposal #12 is still open; noted the newer value")
    assert still == "Proposal #12 is still open; noted the newer value"


def test_names_are_sorted_as_people_do():
    assert sorted(["er.10", "er.2", "er", "10.a"], key=words.natural_key) == ["10.a", "er", "er.2", "er.10"]


@pytest.mark.parametrize(
    ("states", "text"),
    [
        ([], "No KPI to see yet"),
        (["firing"] + ["ok"] * 5, "1 of 6 watched KPIs is beyond its limit"),
        (
            ["firing", "firing", "none"],
            "2 of 2 watched KPIs are beyond their limits · 1 is watched by no limit",
        ),
        (["firing"], "The one watched KPI is beyond its limit"),
        (["pending", "ok"], "No KPI is beyond its limit, 1 of 2 watched KPIs is over it for now"),
        (["recovering", "ok"], "1 of 2 watched KPIs is recovering"),
        (["pending", "recovering", "recovering"], "2 of 3 watched KPIs are recovering"),
        (["firing silent", "ok"], "1 of 2 watched KPIs is beyond its limit, and it has no data"),
        (
            ["pending silent"],
            "No KPI is beyond its limit, the one watched KPI is over it for now, and it has no data",
        ),
        (["silent", "ok", "none"], "1 of 2 watched KPIs has no data · 1 is watched by no limit"),
        (["silent"], "The one watched KPI has no data"),
        (["firing", "silent", "silent"], "1 of 3 watched KPIs is beyond its limit, 2 have no data"),
        (["silent waiting", "ok"], "1 of 2 watched KPIs is not judged yet"),
        (["silent", "silent waiting", "ok"], "1 of 3 watched KPIs has no data, 1 is not judged yet"),
        (["firing", "silent waiting"], "1 of 2 watched KPIs is beyond its limit, 1 is not judged yet"),
        (["none", "none"], "2 KPIs, watched by no limit"),
        (["ok", "none"], "The one watched KPI is within its limit · 1 is watched by no limit"),
        (["ok"], "The one watched KPI is within its limit"),
        (["ok", "ok", "none"], "Both watched KPIs are within their limits · 1 is watched by no limit"),
        (["ok", "ok"], "Both watched KPIs are within their limits"),
        (["ok"] * 3 + ["none"] * 2, "All 3 watched KPIs are within their limits · 2 are watched by no limit"),
    ],
)
def test_the_first_sentence_of_the_overview_changes_with_the_data(states, text):
    conditions = [
        Condition(
            names[0],
            is_silent="silent" in names,
            is_watched=names[0] != "none",
            awaits_judgement="waiting" in names,
        )
        for names in map(str.split, states)
    ]
    assert words.tell_overview(conditions) == text


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["unjudged", "ok"], "1 of 2 watched KPIs has not been judged since 10:42"),
        (["unjudged", "pending", "recovering"], "1 of 3 watched KPIs has not been judged since 10:42"),
        (
            ["firing", "unjudged"],
            "1 of 2 watched KPIs is beyond its limit, 1 has not been judged since 10:42",
        ),
        (
            ["firing kept", "unjudged", "unjudged"],
            "1 of 3 watched KPIs is beyond its limit, and it has not been judged since 10:42, 2 "
            "others have not been judged either",
        ),
        (
            ["firing kept", "firing", "unjudged silent"],
            "2 of 3 watched KPIs are beyond their limits, 1 of them has not been judged since 10:42, 1 "
            "other has not been judged either, 1 of them has no data",
        ),
        (
            ["unjudged silent", "unjudged", "silent"],
            "2 of 3 watched KPIs have not been judged since 10:42, 1 of them has no data, 1 other has no "
            "data either",
        ),
    ],
)
def test_the_first_sentence_says_it_where_nobody_judges(names, text):
    conditions = [
        Condition(
            name.split()[0],
            is_watched=True,
            is_silent="silent" in name,
            unjudged_since=1 if "unjudged" in name or "kept" in name else None,
        )
        for name in names
    ]
    assert words.tell_overview(conditions, "10:42") == text


def test_what_nobody_watches_is_not_counted_among_what_lacks_data():
    unwatched = Condition("silent", is_silent=True)
    text = words.tell_overview([unwatched, Condition("ok", is_watched=True)])
    assert text == "The one watched KPI is within its limit · 1 is watched by no limit"


def test_a_curve_has_a_text_alternative():
    sentence = words.tell_curve([None, 3600.0, 7200.0], "limit 48 h", format_duration)
    assert sentence == "The last hour: between 1 h and 2 h, now 2 h; limit 48 h."
    assert words.tell_curve([60.0, None], "", format_duration) == "The last hour: at 1 min."
    young = words.tell_curve([None, 60.0], "", format_duration, "10:42 UTC")
    assert young == "Since 10:42 UTC: at 1 min up to now."
    still = words.tell_curve([60.0, 120.0], "", format_duration, until="02:45 UTC")
    assert still == "The hour up to 02:45 UTC: between 1 min and 2 min, at 02:45 UTC 2 min."
    other = words.tell_curve([0.0, 60.0], "", format_duration, what="lowest of 1 h")
    assert other == "Lowest of 1 h, the last hour: between 0 s and 1 min, now 1 min."
    assert words.tell_curve([None], "limit 48 h", format_duration) == "No values in the last hour."


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (110, 100, "10 % more"),
        (90, 100, "10 % less"),
        (100.1, 100, "the same"),
        (5000, 100, "50 times as much"),
        (None, 100, ""),
        (5, 0, ""),
        (5, None, ""),
    ],
)
def test_a_figure_is_set_against_an_earlier_one(now, before, text):
    assert words.tell_change(now, before) == text
