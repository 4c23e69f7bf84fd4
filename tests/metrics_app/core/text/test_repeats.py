"""Numbers that people repeat in texts are found, and told once the rule has others."""

from types import SimpleNamespace

import pytest

from metrics_app.core.text.repeats import list_mentions, list_repeats

RULE = {
    **{"aggregate": "mean", "aggregate_value": None, "window": 1800, "limit": 172_800.0},
    **{"recovery_limit": None, "pending_for": 0, "keep_firing_for": 0, "no_data_for": 3600, "cooldown": 0},
}
RATE = RULE | {"aggregate": "rate_per_hour", "limit": 90.0}
SHARE = RULE | {"aggregate": "share_above", "aggregate_value": 172_800.0, "limit": 12.5}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Answered within 48 h", [(172_800, True)]),
        ("48-hour answers, 2 d 4 h at most", [(172_800, True), (187_200, True)]),
        ("Under 10min, or 1.5 hours", [(600, True), (5400, True)]),
        ("More than 90 an hour", [(90, False)]),
        ("Over 12,5 % late", [(12.5, False)]),
        ("PM2.5 of r2 since 2026-03-01 at 10:42, see #12 and a/7", []),
        ("Hire two temp agents", []),
    ],
)
def test_numbers_are_read_as_people_write_them(text, found):
    assert [(one.value, one.is_span) for one in list_mentions(text)] == found


def repeats(text, rule, *earlier, unit="seconds", name="name"):
    return [said for _, said in list_repeats({name: text}, SimpleNamespace(**rule), earlier, unit)]


@pytest.mark.parametrize("text", ["Answered within 48 h", "Two days (2 d) late", "Slow for 30 min", "Slow"])
def test_a_text_that_repeats_what_the_rule_says_is_right(text):
    assert repeats(text, RULE, RULE | {"limit": 600.0}) == []


def test_a_time_is_the_same_in_a_unit_that_is_not_seconds():
    rule = RULE | {"limit": 12.0}
    assert repeats("Decided within 12 h", rule, unit="hours") == []
    assert repeats("Decided within 720 min", rule, unit="hours") == []
    [said] = repeats("Decided within 24 h", rule, RULE | {"limit": 24.0}, unit="hours")
    assert said.startswith("The name “Decided within 24 h” says 24 h, but the limit is 12")
    [said] = repeats("Decided within 12 h", rule | {"aggregate": "count"}, unit="hours")
    assert "no time of this rule" in said, "12 of them are no time"


def test_a_name_of_the_limit_before_is_told_with_the_present_one():
    now = RULE | {"limit": 600.0}
    said = "The name “Answered within 48 h” says 48 h, but the limit is 10 min now"
    assert repeats("Answered within 48 h", now, RULE) == [said]
    assert repeats("Answered within 48 h", RULE, now, RULE) == [], "changed back"
    # Of a rule that never was so, as of one that was imported, nobody knows which number was meant.
    of = "which is no time of this rule (limit 10 min, window 30 min)"
    said = f"The name “Answered within 48 h” says 48 h, {of}"
    assert repeats("Answered within 48 h", now) == [said]


@pytest.mark.parametrize(
    ("text", "before", "now", "unit", "told"),
    [
        ("Over 90 an hour", RATE, RATE | {"limit": 120.0}, "calls", "says 90, but the limit is 120"),
        ("12.5 % late", SHARE, SHARE | {"limit": 20.0}, "seconds", "says 12.5, but the limit is 20 %"),
        (
            *("Late is over 48 h", SHARE, SHARE | {"aggregate_value": 3600.0}, "seconds"),
            "says 48 h, but the aggregate value is 1 h",
        ),
        ("Mean of 30 min", RULE, RULE | {"window": 3600}, "seconds", "says 30 min, but the window is 1 h"),
    ],
)
def test_every_number_of_a_rule_counts_in_its_own_unit(text, before, now, unit, told):
    for name in ("title", "suggestion", "KPI's description"):
        [said] = repeats(text, now, before, unit=unit, name=name)
        assert said.startswith(f"The {name} “{text}” {told}")


def test_other_times_in_a_suggestion_are_its_own_affair():
    assert repeats("Call back within 4 h", RULE, RULE | {"limit": 600.0}, name="suggestion") == []
