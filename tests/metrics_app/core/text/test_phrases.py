"""Rules and events in words."""

from dataclasses import dataclass

from metrics_app.core.text.phrases import tell_changes, tell_event, tell_rule
from metrics_app.core.watch import Rule, State


@dataclass
class Incident:
    fired_at: int = 0
    peak: float = 216000
    handled_by: tuple = ("a handler",)


RULE = Rule("mean", 1800, "gt", 172800.0, no_data_for=3600)


def test_a_rule_reads_as_people_say_it():
    assert tell_rule(RULE, "seconds") == "mean over 30 min above 48 h"
    assert tell_rule(Rule("p95", 3600, "lte", 12.5), "%") == "95th percentile over 1 h at or below 12.5 %"
    assert tell_rule(Rule("rate_per_hour", 3600, "gte", 90), "seconds") == (
        "rate over 1 h at or above 90 per hour"
    )
    share = Rule("share_above", 3600, "gt", 10, aggregate_value=172800)
    assert tell_rule(share, "seconds") == "share above 48 h over 1 h above 10 %"
    change = Rule("rate_change_week", 3600, "gt", 50)
    assert tell_rule(change, "seconds") == "week-on-week change of the rate over 1 h above 50 %"
    assert tell_rule(change._replace(zone="Europe/Berlin"), "seconds") == (
        "week-on-week change of the rate over 1 h by the clock of Europe/Berlin above 50 %"
    )


def test_each_line_of_a_timeline_says_what_was_seen():
    state = State(last_slot=7_200_000, value=187200.0, n=1)
    lines = {
        event: tell_event(event, RULE, "seconds", state, Incident())
        for event in ("fired", "reopened", "recovered", "no_data", "data_closed")
    }
    assert lines == {
        "fired": "Fired: mean 52 h over 30 min, 1 point; above 48 h.",
        "reopened": "Open again within the cool-down: mean 52 h over 30 min, 1 point. No new proposal.",
        "recovered": "Recovered after 2 h: mean 52 h over 30 min, 1 point. Worst 60 h.",
        "no_data": "No points for 1 h: it stays open, silence is not recovery.",
        "data_closed": "Points arrive again after 2 h.",
    }


def test_an_edit_is_told_field_by_field():
    before = {"aggregate": "mean", "limit": 172800, "window": 1800, "enabled": True, "title": ""}
    after = before | {"limit": 600, "window": 3600, "enabled": False, "title": "Too long"}
    assert tell_changes(before, after, "seconds") == (
        "limit: 48 h → 10 min; window: 30 min → 1 h; enabled: yes → no; title: none → Too long"
    )
    # A version of before a field was there did not say what it says at first.
    newer = before | {"zone": "", "judge_partial": False}
    assert tell_changes(before, newer, "seconds") == "nothing"
    assert tell_changes(before, newer | {"judge_partial": True}, "seconds") == "judge partial: none → yes"
    assert tell_changes(before, before, "seconds") == "nothing"
    share = before | {"aggregate": "share_above", "aggregate_value": 172800, "limit": 10}
    assert tell_changes(before, share, "seconds") == (
        "aggregate: mean → share above; limit: 48 h → 10 %; aggregate value: none → 48 h"
    )
