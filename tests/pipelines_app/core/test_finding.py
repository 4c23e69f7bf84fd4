"""What an address asks for among proposals."""

from datetime import date

import pytest

from pipelines_app.core.finding import DECIDED, WAITING, list_wider, read_fields, tell_wanted, write_fields


def test_it_reads_what_an_address_asks_for_and_writes_the_same_address():
    given = {"q": " temp ", "state": "rejected", "severity": "critical", "from": "2026-11-28", "by": ""}
    wanted, faults = read_fields(given, DECIDED)
    assert faults == []
    assert wanted == {
        "q": "temp",
        "state": "rejected",
        "severity": "critical",
        "from": date(2026, 11, 28),
    }
    assert read_fields(write_fields(wanted), DECIDED)[0] == wanted
    assert tell_wanted(wanted) == "with “temp”, rejected, of severity critical, from 2026-11-28 on"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("state", "gone", "The outcome: 'gone' is none of approved,"),
        ("severity", "red", "The severity: 'red' is none of info, warning, critical."),
        ("mine", "all", "Mine: 'all' is none of decide, voted, proposed."),
        ("kpi", "No Topic", "The KPI: 'No Topic' is no topic such as complaint.latency."),
        ("from", "2026-02-30", "The first day: '2026-02-30' is no day such as 2026-11-28."),
        ("to", "9999-12-31", "The last day: '9999-12-31' is no day such as 2026-11-28."),
        ("q", "a" * 201, "What is searched for has 201 characters, at most 200 are allowed."),
        ("q", "a\x00b", "What is searched for contains a character that cannot be stored."),
    ],
)
def test_what_makes_no_sense_is_named_and_left_out(name, text, said):
    wanted, (fault,) = read_fields({name: text}, {*DECIDED, *WAITING})
    assert wanted == {}
    assert fault.startswith(said)


def test_a_span_that_ends_before_it_begins_is_named():
    _, (fault,) = read_fields({"from": "2026-11-28", "to": "2026-11-27"}, DECIDED)
    assert fault == "From 2026-11-28 to 2026-11-27 is no time: the first day is after the last."


def test_each_field_can_be_left_out_by_itself():
    wanted, _ = read_fields({"severity": "info", "mine": "voted"}, WAITING)
    assert list_wider(wanted) == [
        ("of severity info", {"mine": "voted"}),
        ("of which “I voted on it” holds", {"severity": "info"}),
    ]
