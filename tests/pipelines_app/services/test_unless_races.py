"""A rejection with "unless …" and whatever happens in the same moment: never two open, never one lost."""

from datetime import UTC, datetime, timedelta

import pytest

from pipelines_app.exceptions import Conflict
from pipelines_app.models import Errand, Pipeline
from pipelines_app.services import reject, run_errands, withdraw
from pipelines_app.services.verify import verify_audit
from tests.pipelines_app.services.test_races import ROUNDS, look
from tests.pipelines_app.waiting import KPI, forget, open_breach

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
NOW = datetime(2026, 2, 1, 10, tzinfo=UTC)
END = datetime(2026, 3, 4, tzinfo=UTC)
LATE = END - timedelta(microseconds=1)
UNLESS = {"value": 60, "until": "2026-03-03"}


@pytest.fixture
def refuse(settings, approver):
    """Makes a proposal of a title that was rejected unless above 60 h; it is 61 h then."""
    more = {"MEASUREMENTS": "tests.pipelines_app.waiting", "FORMAT": "", "WATCH": "", "TOPICS": ""}
    settings.PIPELINES_APP = settings.PIPELINES_APP | more
    settings.TIME_ZONE = "UTC"

    def refuse_one(number):
        forget()
        made = open_breach(10 * number, title=f"Race {number}", now=NOW)[0]
        reject(pipeline=made, by=approver, version=1, comment="no", unless=UNLESS, now=NOW)
        KPI["value"] = 61.0
        return made

    return refuse_one


def count_open(number):
    return Pipeline.objects.filter(title=f"Race {number}", state="awaiting_approval").count()


@ROUNDS
def test_a_reopening_and_fresh_proposals_of_its_title(refuse, race, rounds):
    for number in range(1, rounds + 1):
        pipeline = refuse(number)
        again = [
            lambda at=at, number=number: open_breach(10 * number + at, title=f"Race {number}", now=LATE)
            for at in (1, 2)
        ]
        answers = race(*[lambda: run_errands(now=LATE)] * 2, *again)
        state, events = look(pipeline)
        assert (state, events.count("reopened"), count_open(number)) == ("awaiting_approval", 1, 1), answers
        assert [answer[0].pk for answer in answers[2:]] == [pipeline.pk] * 2
        assert Pipeline.objects.get(pk=pipeline.pk).noted == 2
    assert verify_audit().faults == []


@ROUNDS
def test_a_reopening_and_a_proposal_at_the_end(refuse, race, rounds):
    for number in range(1, rounds + 1):
        pipeline = refuse(number)
        _, (opened, created) = race(
            lambda: run_errands(now=LATE),
            lambda number=number: open_breach(10 * number + 1, title=f"Race {number}", now=END),
        )
        run_errands(now=END)
        state, events = look(pipeline)
        assert count_open(number) == 1
        # Either it waits again and the repeat is noted on it, or its end has come first.
        assert (state, created) in (("awaiting_approval", False), ("rejected", True)), (state, events)
        assert events[-1] == ("watch ended" if created else "reopened")
        assert not Errand.objects.filter(pipeline=pipeline, kind="watch", done_at=None).exists()
    assert verify_audit().faults == []


@ROUNDS
def test_a_reopening_and_a_withdrawal(refuse, approver, race, rounds):
    for number in range(1, rounds + 1):
        pipeline = refuse(number)
        _, gone = race(
            lambda: run_errands(now=LATE),
            lambda p=pipeline: withdraw(pipeline=p, by=approver, version=1, comment="no", now=LATE),
        )
        run_errands(now=LATE)
        state, events = look(pipeline)
        # Withdrawn for good, or refused because the version that was seen is no longer the one at hand.
        wanted = ("awaiting_approval", "reopened") if isinstance(gone, Conflict) else ("withdrawn",) * 2
        assert (state, events[-1]) == wanted, gone
    assert verify_audit().faults == []


@ROUNDS
def test_a_rejection_and_a_proposal_of_the_same_title(settings, refuse, approver, race, rounds):
    refuse(1)
    for number in range(2, rounds + 2):
        forget()
        made = open_breach(10 * number, title=f"Race {number}", now=NOW)[0]
        done, (answer, created) = race(
            lambda p=made: reject(pipeline=p, by=approver, version=1, comment="no", unless=UNLESS, now=NOW),
            lambda number=number: open_breach(10 * number + 1, title=f"Race {number}", now=NOW),
        )
        assert (done.state, answer.pk, created) == ("rejected", made.pk, False)
        assert Pipeline.objects.filter(title=f"Race {number}").count() == 1
    assert verify_audit().faults == []
