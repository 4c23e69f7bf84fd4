"""The day on which a person did it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from pipelines_app.actions.manual import check_day
from pipelines_app.exceptions import BadInput

APPROVED = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def read(text):
    return str(check_day(text, approved_at=APPROVED, now=NOW))


@pytest.mark.parametrize("text", ["2026-11-24", "2026-11-26", "2026-11-28"])
def test_it_takes_every_day_from_the_approval_to_today(text):
    assert read(text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-11-29", "is still to come: today is 2026-11-28"),
        ("2026-11-23", "before the approval on 2026-11-24"),
        ("28.11.2026", "must be the date it was done, such as 2026-11-28, not '28.11.2026'"),
        ("20261128", "must be the date"),
        ("2026-W48-6", "must be the date"),
        ("", "must be the date"),
        (None, "must be the date"),
        (20261128, "must be the date"),
        (["2026-11-28"], "must be the date"),
    ],
)
def test_it_refuses_days_to_come_days_before_and_what_is_no_day(text, said):
    with pytest.raises(BadInput, match=said) as refused:
        read(text)
    assert refused.value.errors[0]["field"] == "day"


def test_days_are_those_of_the_readers_zone():
    with timezone.override("Europe/Berlin"):
        # Half past midnight there: the 24th was over.
        assert read("2026-11-25") == "2026-11-25"
        with pytest.raises(BadInput, match="before the approval on 2026-11-25"):
            read("2026-11-24")
    with timezone.override("Pacific/Auckland"):
        late = NOW + timedelta(hours=1)
        assert str(check_day("2026-11-29", approved_at=APPROVED, now=late)) == "2026-11-29"
