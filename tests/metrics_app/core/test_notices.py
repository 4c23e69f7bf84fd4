"""Who wants what, in which words, and how long one waits."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_app.core import notices
from metrics_app.core.notices import (
    find_head,
    find_pause,
    find_wait,
    flatten,
    gather,
    is_given_up,
    may_know,
    wants,
    write_subject,
    write_summary,
)

HOUR = 3600
EVENTS = sorted(notices.HEADS)


def make_rule(**fields):
    known = {"aggregate": "mean", "operator": "gt", "limit": 48 * HOUR, "no_data_for": 3600, "window": 1800}
    return SimpleNamespace(**(known | {"kind": "limit"} | fields))


def make_receiver(**fields):
    known = {"events": list(notices.CHOICES), "severities": ["warning"], "topics": [], "group_id": None}
    return SimpleNamespace(**(known | fields))


def make_kpi(**fields):
    return SimpleNamespace(**({"topic": "er.wait", "restricted": False, "owner_id": None} | fields))


@pytest.mark.parametrize(
    ("receiver", "wanted"),
    [
        ({}, True),
        ({"severities": ["info", "critical"]}, False),
        ({"events": ["recovered"]}, False),
        ({"topics": ["er.*"]}, True),
        ({"topics": ["er.wait"]}, True),
        ({"topics": ["complaint.*", "er"]}, False),
    ],
)
def test_a_receiver_wants_what_it_chose(receiver, wanted):
    assert wants(make_receiver(**receiver), "firing", "warning", make_kpi()) is wanted


@pytest.mark.parametrize(
    ("group", "owner", "restricted", "may"),
    [
        (None, 1, False, True),
        (1, 1, True, True),
        (2, 1, True, False),
        (None, 1, True, False),
        (None, None, True, False),
    ],
)
def test_a_restricted_kpi_is_for_its_owners(group, owner, restricted, may):
    assert may_know(make_receiver(group_id=group), make_kpi(owner_id=owner, restricted=restricted)) is may


def test_waits_double_up_to_half_an_hour_and_fifteen_take_about_three_hours():
    waits = [find_wait(attempts) for attempts in range(1, 15)]
    assert waits[:4] == [5, 10, 20, 40] and max(waits) == find_wait(10**6) == 1800
    assert 3 * HOUR < sum(waits) < 4 * HOUR


@given(st.integers(1, 40), st.floats(0, 1), st.none() | st.integers(1, 3600))
def test_waits_are_jittered_down_and_those_that_were_asked_for_up(failures, luck, asked):
    wait, whole = find_pause(failures, asked, luck), asked or find_wait(failures)
    assert (whole <= wait <= 1.1 * whole) if asked else (0.8 * whole <= wait <= whole)


@pytest.mark.parametrize(
    ("attempts", "age", "refused", "over"),
    [
        (2, 1e6, True, False),
        (3, 0, True, True),
        (15, 600, False, False),
        (14, 1e6, False, False),
        (15, 4 * HOUR, False, True),
    ],
)
def test_what_is_refused_is_given_up_soon_and_what_waits_for_a_server_after_its_span(
    attempts, age, refused, over
):
    assert is_given_up(attempts, age, 15, refused=refused) is over
    assert is_given_up(1, -5, 1, refused=False), "a single attempt is one, whatever a clock says"


def make_row(pk, breach, event):
    return SimpleNamespace(pk=pk, breach_id=breach, event=event)


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ("firing", "firing"),
        ("firing recovered", "firing+recovered"),
        ("still recovered reopened", "still+recovered reopened"),
        ("firing recovered reopened recovered", "firing+recovered+reopened+recovered"),
        ("data data_over", "data+data_over"),
        ("recovered", "recovered"),
        ("flapping recovered", "flapping recovered"),
    ],
)
def test_what_is_over_is_told_by_its_last_end(events, told):
    rows = [make_row(n, 1, event) for n, event in enumerate(events.split())]
    other = make_row(99, 2, "firing")
    found = gather([*rows[:1], other, *rows[1:]])
    lines = ["+".join(one.event for one in [*before, row]) for row, before in found if row.breach_id == 1]
    assert " ".join(lines) == told
    assert [before for row, before in found if row is other] == [[]]


@pytest.mark.parametrize(
    ("event", "options", "line"),
    [
        ("firing", {}, "■ Beyond limit: Wait 53 h (limit 48 h)"),
        ("still", {}, "■ Still open: Wait 53 h (limit 48 h)"),
        ("calm", {"value": None}, "■ No longer flapping, still open: Wait (limit 48 h)"),
        ("firing", {"rule": make_rule(operator="lte")}, "■ Beyond limit: Wait 53 h (lower limit 48 h)"),
        ("still", {"kind": "data"}, "○ Still no data: Wait (no point for 1 h)"),
        ("data", {"kind": "data"}, "○ No data: Wait (no point for 1 h)"),
        (
            "data",
            {"kind": "data", "rule": make_rule(kind="silence")},
            "○ No data: Wait (no point for 30 min)",
        ),
        ("data_over", {"kind": "data"}, "● Data breach over: Wait"),
    ],
)
def test_one_line_says_it_all(event, options, line):
    known = {"kind": "limit", "name": "Wait", "value": 53 * HOUR, "unit": "seconds", "rule": make_rule()}
    assert write_summary(event, **(known | options)) == line


@given(st.text(max_size=300))
def test_a_text_in_a_header_is_one_line_that_is_printed(text):
    line = flatten(text)
    assert line.isprintable() and line == line.strip() and len(line) <= len(text)


@given(st.lists(st.tuples(st.sampled_from(EVENTS), st.text(max_size=100), st.text(max_size=300)), min_size=1))
def test_a_subject_is_bounded_and_counts_everything(rows):
    facts = [
        {"event": event, "kind": "limit", "kpi": kpi, "summary": flatten(summary)}
        for event, kpi, summary in rows
    ]
    subject = write_subject(facts)
    assert len(subject) <= notices.MAX_SUBJECT and "\n" not in subject
    if len(facts) > 1:
        shape, words = find_head(rows[0][0])
        assert subject.startswith(f"{shape} {sum(row[0] == rows[0][0] for row in rows)} {words}")
