"""A day begins where its clock first shows it, at every door: on 8 March 2026 Havana had no midnight."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from pipelines_app import queries
from pipelines_app.core.moments import to_ms
from pipelines_app.queries.finding import to_midnight
from pipelines_app.services.unless import find_end
from pipelines_app.templatetags.pipelines_words import occasion
from pipelines_app.views import read_day

BEGUN = datetime(2026, 3, 8, 5, 0, tzinfo=UTC)  # when clocks went from 00:00 to 01:00
NEXT = datetime(2026, 3, 9, 4, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def havana(settings):
    settings.TIME_ZONE = "America/Havana"
    with timezone.override(ZoneInfo("America/Havana")):
        yield


def test_days_that_are_looked_for_counted_and_lent_begin_at_the_jump():
    assert [to_midnight(date(2026, 3, day)) for day in (8, 9)] == [BEGUN, NEXT]
    assert (
        queries.start_of_day(BEGUN) == queries.start_of_day(datetime(2026, 3, 9, 3, 59, tzinfo=UTC)) == BEGUN
    )
    assert read_day("2026-03-08", "first") == (BEGUN, NEXT)
    assert f"{read_day('2026-03-08', 'first')[0]:%d %b %Y}" == "08 Mar 2026"


def test_a_wait_until_the_day_before_ends_at_the_jump():
    assert find_end(date(2026, 3, 7), BEGUN.replace(day=7)) == (date(2026, 3, 7), BEGUN)


def test_what_has_a_day_and_no_time_of_day_is_told_by_its_day():
    assert occasion(to_ms(BEGUN)) == '<time datetime="2026-03-08">8 Mar</time>'
    assert "01:30" in occasion(to_ms(BEGUN) + 1_800_000)
