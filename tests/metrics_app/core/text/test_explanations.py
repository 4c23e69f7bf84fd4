"""Why a slot did or did not fire, in words."""

import pytest

from metrics_app.core.records import CLASSES, STATES, Record
from metrics_app.core.text.explanations import explain_change, explain_class, explain_slot
from metrics_app.core.watch import Rule

HOUR = 3600
RULE = Rule("mean", 1800, "gt", 48 * HOUR, 43.2 * HOUR, pending_for=600, keep_firing_for=1200, min_count=3)


@pytest.mark.parametrize(
    ("slot_class", "value", "n", "before", "after", "words"),
    [
        (
            "breach",
            52 * HOUR,
            12,
            "ok",
            "pending",
            "mean 52 h over 30 min (12 points) is above the limit of 48 h",
        ),
        ("breach", 52 * HOUR, 12, "pending", "firing", "It fires: that has lasted 10 min."),
        (
            "band",
            45 * HOUR,
            5,
            "firing",
            "firing",
            "not yet back at 43 h 12 min. It stays beyond limit until it is back.",
        ),
        ("clear", 40 * HOUR, 5, "firing", "recovering", "It begins to recover: that must last 20 min."),
        ("thin", 90 * HOUR, 1, "firing", "firing", "held 1 point, fewer than the 3 points it asks for"),
        (
            "empty",
            None,
            0,
            "firing",
            "firing",
            "held no point. It stays beyond limit: silence is not recovery.",
        ),
        ("empty", None, 0, "pending", "ok", "nothing usable came for 1 h"),
        ("error", None, -1, "ok", "ok", "could not be read. It stays within limit"),
        ("breach", 52 * HOUR, 3, None, "firing", "the state before is not known"),
    ],
)
def test_it_says_what_the_window_said_and_what_that_did(slot_class, value, n, before, after, words):
    text = explain_slot(RULE, "seconds", Record(1, 1, slot_class, value, n, after), before, after)
    assert words in text


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("after", STATES)
@pytest.mark.parametrize("slot_class", CLASSES)
def test_there_is_a_sentence_for_every_change(slot_class, before, after):
    assert explain_change(RULE, slot_class, before, after).startswith("It ")


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("fire", "It stays within limit: a data breach opens once no point has come for 10 s."),
        ("ok", "It stays within limit: to this rule no points for 10 s are good."),
        ("keep", "It stays within limit: this rule keeps its state while nothing can be judged."),
    ],
)
def test_it_knows_what_a_rule_makes_of_missing_points(policy, words):
    rule = RULE._replace(no_data=policy, no_data_for=10)
    text = explain_slot(rule, "seconds", Record(1, 1, "empty", None, 0, "ok"), "ok", "ok")
    assert text == f"The window of 30 min held no point. {words}"


def test_it_says_that_a_data_breach_is_open_and_for_how_long_points_are_missing():
    rule = RULE._replace(no_data="fire", no_data_for=10)
    empty = Record(1, 1, "empty", None, 0, "ok")
    assert explain_slot(rule, "seconds", empty, "ok", "ok", missing=40) == (
        "The window of 30 min held no point. No points for 40 s: a data breach is open. "
        "The state of the limit stays within limit."
    )


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("ok", "points came, so no data breach opens, and what cannot be compared changes no state."),
        ("firing", "It stays beyond limit: what cannot be judged is not recovery."),
    ],
)
def test_points_that_cannot_be_compared_are_no_silence(state, words):
    rule = Rule("rate_change_week", 1800, "gt", 50, no_data="fire", no_data_for=10)
    text = explain_slot(rule, "", Record(1, 1, "incomparable", None, 29, state), state, state)
    assert text.endswith(words) and "silence" not in text


def test_shares_and_changes_say_what_they_mean():
    share = Rule("share_above", 1800, "gt", 10, aggregate_value=172_800)
    assert explain_class(share, "seconds", Record(1, 1, "breach", 12.5, 40, "firing")) == (
        "The share above 48 h at 12.5 % over 30 min (40 points) is above the limit of 10 %."
    )
    change = Rule("mean_change_day", 1800, "gt", 50)
    assert explain_class(change, "seconds", Record(1, 1, "clear", -20.0, 4, "ok")) == (
        "The day-on-day change of the mean −20 % over 30 min (4 points) is on the good side of 50 %."
    )
    assert explain_class(change, "seconds", Record(1, 1, "empty", None, 0, "ok")) == (
        "The window of 30 min held no point."
    )
