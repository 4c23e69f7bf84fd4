"""Guardrails in words: "no harm" is said where it was shown, and a unit once."""

import pytest

from pipelines_app.cards.guardrails import describe_guardrail

COUNTS = {"observed": 1125.0, "expected": 1736.0, "expected_low": 1466.0, "expected_high": 2057.0}
DAY_S = 86_400.0


@pytest.mark.parametrize(
    ("verdict", "reason", "said"),
    [
        ("effective", "", "no harm seen"),
        ("ineffective", "", "no harm seen"),
        ("inconclusive", "wide", "harm could not be told from chance"),
    ],
)
def test_no_harm_is_said_where_it_was_shown_and_a_unit_once(verdict, reason, said):
    measure = {"name": "Open complaints", "unit": "open"}
    one = {"topic": "complaint.open", "reason": "", "measure": measure}
    told = describe_guardrail(one | {"effect": COUNTS | {"verdict": verdict, "reason": reason}})
    assert told.sentence == f"Open complaints: 1,125 open, expected 1,736 (1,466 to 2,057): {said}"


def test_durations_keep_the_units_that_each_is_written_in():
    found = dict(zip(COUNTS, (27.5 * DAY_S, 19 * DAY_S, 11.5 * DAY_S, 32 * DAY_S), strict=True))
    measure = {"name": "Oldest", "unit": "seconds"}
    one = {"topic": "complaint.oldest_age", "reason": "", "measure": measure}
    told = describe_guardrail(one | {"effect": found | {"verdict": "ineffective", "reason": ""}})
    assert told.sentence == "Oldest: 27 d 12 h, expected 19 d (11 d 12 h to 32 d): no harm seen"
