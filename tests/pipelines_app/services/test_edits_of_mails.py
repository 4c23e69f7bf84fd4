"""A mail that vanished, was made up, went to somebody else or was put off in the database is named."""

import json
from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.db import connection, transaction
from django.urls import reverse

from pipelines_app.models import AuditEntry, Errand, Pipeline
from pipelines_app.services import approve, change_suggestion, propose, reject, run_errands, undo
from pipelines_app.services.verify import verify_audit
from tests.pipelines_app.services.test_audit import write_chain
from tests.pipelines_app.waiting import KPI, forget, open_breach

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
TABLE = "pipelines_app_errand"


@pytest.fixture
def told(flat, settings):
    """A proposal that sent mails for every reason there is but one."""
    forget()
    bob, cyd, eve = (User.objects.get(username=name) for name in ("bob", "cyd", "eve"))
    now = flat.created_at
    for hours in (0, 5, 8):
        run_errands(now=now + hours * HOUR)
    change_suggestion(pipeline=flat, by=eve, version=1, suggestion="Open 2 flats", now=now + 8 * HOUR)
    for person in (bob, cyd):
        after = approve(pipeline=flat, by=person, version=2, now=now + 9 * HOUR)
    undo(pipeline=after, by=cyd, version=2, now=now + 9 * HOUR)
    return Pipeline.objects.get(pk=flat.pk)


def list_mails():
    """``(version, recipient)`` of all."""
    return list(Errand.objects.filter(kind="mail").order_by("pk").values_list("version", "recipient"))


def test_nothing_is_named_while_every_mail_is_as_the_chain_tells(told):
    reasons = [(version, recipient.partition(":")[0]) for version, recipient in list_mails()]
    assert set(reasons) == {(1, "new"), (1, "due"), (1, "escalated"), (2, "changed"), (3, "undone")}
    assert verify_audit().faults == []


def test_a_mail_that_is_gone_is_named_whatever_it_told(told, touch):
    for version, recipient in list_mails():
        with transaction.atomic():
            touch(f"DELETE FROM {TABLE} WHERE recipient = %s AND version = %s", recipient, version)
            found = verify_audit().faults
            transaction.set_rollback(True)
        assert found == [f"the mail {recipient} of proposal #{told.pk}, version {version} is gone"]


def test_a_mail_that_was_slipped_in_is_named_open_or_sent(told, admin_user):
    for recipient in ("new:{}", "undone:{}", "due:{}", "other:{}", "", "new:", "new"):
        name = recipient.format(admin_user.pk)
        row = Errand(pipeline=told, version=3, kind="mail", recipient=name, due_at=told.created_at)
        row.save()
        fault = f"the mail {name} of proposal #{told.pk}, version 3 was made up"
        assert verify_audit().faults == [fault]
        Errand.objects.filter(pk=row.pk).update(done_at=told.created_at, outcome="sent")
        assert verify_audit().faults == [fault]
        row.delete()


def test_a_mail_that_goes_to_somebody_else_or_tells_of_something_else_is_named_twice(told, admin_user, touch):
    name = f"undone:{User.objects.get(username='bob').pk}"
    gone = f"the mail {name} of proposal #{told.pk}, version 3 is gone"
    other = propose(title="Other", suggestion="Act")[0]
    found = {
        f"recipient = 'undone:{admin_user.pk}'": f"undone:{admin_user.pk} of proposal #{told.pk}, version 3",
        "version = 7": f"{name} of proposal #{told.pk}, version 7",
        f"pipeline_id = {other.pk}": f"{name} of proposal #{other.pk}, version 3",
    }
    for change, made_up in found.items():
        with transaction.atomic():
            touch(f"UPDATE {TABLE} SET {change} WHERE recipient = %s", name)
            faults = verify_audit().faults
            transaction.set_rollback(True)
        assert faults == [f"the mail {made_up} was made up", gone]


def test_a_mail_that_was_put_off_is_named_and_one_that_waits_for_its_server_is_not(flat, touch):
    bob = User.objects.get(username="bob")
    sql = f"UPDATE {TABLE} SET due_at = %s, error = %s, attempts = %s WHERE recipient = %s"
    minute = HOUR / 60
    # What never failed is due when it was planned; then it waits as long as the attempts say.
    waits = (
        (0 * HOUR, "", 0, 0),
        (HOUR, "", 0, 1),
        (9 * minute, "many", 0, 0),
        (12 * minute, "away", 1, 1),
        (30 * minute, "away", 6, 0),
        (HOUR, "away", 6, 1),
    )
    for later, error, attempts, faults in waits:
        touch(sql, flat.created_at + later, error, attempts, f"new:{bob.pk}")
        wanted = [f"the mail new:{bob.pk} of proposal #{flat.pk}, version 1 was put off"] * faults
        assert verify_audit().faults == wanted


def test_what_brought_a_rejection_back_names_whom_it_mailed(settings, approver, second, touch):
    forget()
    more = {"MEASUREMENTS": "tests.pipelines_app.waiting", "FORMAT": "", "WATCH": "", "TOPICS": ""}
    settings.PIPELINES_APP = settings.PIPELINES_APP | more
    made = open_breach()[0]
    end = (made.created_at + timedelta(days=9)).date().isoformat()
    reject(pipeline=made, by=approver, version=1, comment="no", unless={"value": 60, "until": end})
    KPI["value"] = 61.0
    run_errands()
    mailed = made.audit.get(event="reopened").data["mailed"]
    assert mailed == [approver.pk, second.pk] and verify_audit().faults == []
    touch(f"DELETE FROM {TABLE} WHERE recipient = %s", f"reopened:{second.pk}")
    assert verify_audit().faults == [
        f"the mail reopened:{second.pk} of proposal #{made.pk}, version 2 is gone"
    ]


def test_entries_from_before_they_told_whom_they_mail_are_no_findings(told, admin_user, touch):
    write_chain(lambda data: {name: data[name] for name in data if name not in ("mailed", "ended")})
    Errand.objects.create(
        pipeline=told, version=1, kind="mail", recipient=f"new:{admin_user.pk}", due_at=told.created_at
    )
    touch(f"DELETE FROM {TABLE} WHERE recipient LIKE 'due:%%'")
    module = import_module("pipelines_app.migrations.0016_chain_ends")
    module.tell_ends(apps, SimpleNamespace(connection=connection))
    assert verify_audit().faults == []
    touch(f"UPDATE {TABLE} SET outcome = 'not sent' WHERE recipient LIKE 'new:%%' AND outcome = 'sent'")
    changed = [
        f"the mail {name} of proposal #{told.pk}, version 1 was changed" for _, name in list_mails()[:2]
    ]
    assert verify_audit().faults == changed


def test_whom_it_mailed_is_told_to_whoever_verifies_the_chain_and_to_no_other_reader(
    told, client, admin_user
):
    assert all("mailed" in entry.data for entry in AuditEntry.objects.filter(event="proposed"))
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_pipeline"))
    client.force_login(viewer)
    audit = client.get(reverse("api_pipeline", args=[told.pk])).json()["audit"]
    assert audit and "mailed" not in json.dumps(audit)
    assert (
        "mailed"
        not in client.get(reverse("admin:pipelines_app_pipeline_change", args=[told.pk])).content.decode()
    )
