"""Whoever edits an errand by SQL holds nothing up for long and is named, whatever its kind, open or ended."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from pipelines_app.models import Errand, Pipeline
from pipelines_app.services import approve, propose, reject, run_errands
from pipelines_app.services.change import withdraw
from pipelines_app.services.errands.kinds import KINDS
from pipelines_app.services.errands.plan import claim
from pipelines_app.services.verify import verify_audit
from tests.pipelines_app.acting import ORDERS
from tests.pipelines_app.services.test_edits import measuring  # noqa: F401 (a fixture)
from tests.pipelines_app.waiting import open_breach

pytestmark = pytest.mark.django_db
FAR = "'2099-01-01 00:00:00+00:00'"
NOW = "'2026-01-01 00:00:00+00:00'"
# Whether one is asked for is a matter of settings: the chain does not tell of it before it has ended.
UNASKED = {"answer", "figure"}
OPEN = {
    "claimed_until": f"claimed_until = {FAR}",
    "attempts": "attempts = 9999",
    "due_at": f"due_at = {FAR}",
    "done_at": f"done_at = {NOW}, outcome = 'sent'",
    "outcome": f"done_at = {NOW}, outcome = 'not done: no address'",
}
ENDED = {
    "done_at": "done_at = NULL",
    "both": "done_at = NULL, outcome = ''",
    "later": f"done_at = {FAR}",
    "outcome": "outcome = 'not done: it was taken back'",
    "error": "error = 'away'",
    "version": "version = version + 7",
    "recipient": "recipient = 'new:0'",
    "kind": "kind = 'fly'",
}


def listen(*args, **kwargs):
    """Hears of answers and figures, and does nothing."""


@pytest.fixture
def site(settings):
    """Somebody listens to answers and figures."""
    heard = f"{__name__}.listen"
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"ORIGINS": {"breach:": heard}, "EMIT": heard}


@pytest.fixture
def busy(site, measuring, acting, approver, second, settings):  # noqa: F811
    """Errands of every kind, open; those that ended are there too but for the watch."""
    approve(pipeline=acting, by=approver, version=1)
    more = {"MEASUREMENTS": "tests.pipelines_app.waiting", "FORMAT": ""}
    settings.PIPELINES_APP = settings.PIPELINES_APP | more
    made = open_breach()[0]
    end = (made.created_at + timedelta(days=9)).date().isoformat()
    made = reject(pipeline=made, by=approver, version=1, comment="no", unless={"value": 60, "until": end})
    propose(title="Flats", suggestion="Open 3", topic="housing.wait", origin="breach:77")
    return made


def find_missed(rows, changes):
    """The ``(kind, change)`` that nobody was told of, of one row of each kind."""
    assert verify_audit().faults == []
    assert set(rows) == set(KINDS), "an errand of each kind"
    missed = []
    for kind, row in rows.items():
        name = f"{row.recipient if kind == 'mail' else kind} of proposal #{row.pipeline_id}"
        for what, change in changes.items():
            with connection.cursor() as cursor, transaction.atomic():
                sql = "DELETE FROM" if change is None else "UPDATE"
                cursor.execute(
                    f"{sql} pipelines_app_errand {f'SET {change}' if change else ''} WHERE id = %s", [row.pk]
                )
                found = " ".join(verify_audit().faults)
                transaction.set_rollback(True)
            if not any(part in found for part in (name, f"{kind} {row.recipient} of", f"{kind} of")):
                missed.append((kind, what))
    return missed


def test_an_open_errand_that_was_held_put_off_ended_or_taken_away_is_named_whatever_its_kind(busy):
    rows = {row.kind: row for row in Errand.objects.filter(done_at=None).order_by("pk")}
    assert find_missed(rows, OPEN | {"gone": None}) == [(kind, "gone") for kind in rows if kind in UNASKED]


def test_an_errand_whose_end_was_edited_is_named_whatever_its_kind(busy, approver, settings):
    withdraw(pipeline=busy, by=approver, version=1, comment="over")
    more = {"MEASUREMENTS": "tests.pipelines_app.measured"}
    settings.PIPELINES_APP = settings.PIPELINES_APP | more
    measured = Errand.objects.get(kind="measure")
    run_errands(now=measured.due_at + timedelta(hours=1))
    rows = {row.kind: row for row in Errand.objects.exclude(done_at=None).order_by("pk")}
    assert find_missed(rows, ENDED | {"gone": None}) == []


def test_a_claim_that_no_drain_can_have_made_holds_nothing_up(acting, approver, touch):
    approved = approve(pipeline=acting, by=approver, version=1)
    name = f"the errand act of proposal #{acting.pk}, version 1"
    touch(f"UPDATE pipelines_app_errand SET claimed_until = {FAR} WHERE kind = 'act'")
    assert verify_audit().faults == [f"{name} is held for longer than it can be"]
    run_errands(now=approved.decided_at + timedelta(seconds=10))
    assert len(ORDERS) == 1 and Pipeline.objects.get().state == "done" and verify_audit().faults == []


def test_attempts_that_fill_their_column_keep_no_drain_from_going_on(acting, approver, touch):
    now = approve(pipeline=acting, by=approver, version=1).decided_at + timedelta(seconds=10)
    touch("UPDATE pipelines_app_errand SET attempts = 32767 WHERE kind = 'act'")
    assert claim(Errand.objects.get(kind="act").pk, now).attempts == 30_001
    assert now > timezone.now()
