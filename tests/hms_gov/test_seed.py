"""The seed makes what is missing and leaves alone what people made of it."""

import json
import stat

import pytest
from django.contrib.auth import authenticate
from django.core.management import call_command

from hms_gov.seed import seed
from metrics_app.collector import collect_all
from metrics_app.keyring import find_key
from metrics_app.models import ApiKey, Kpi, Receiver, Threshold
from metrics_app.queries import list_topics
from metrics_app.services.keys import revoke_key

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_makes_the_complaint_example():
    seed()
    assert set(Kpi.objects.values_list("topic", flat=True)) == {
        "complaint.received",
        "complaint.latency",
        "complaint.open",
        "complaint.oldest_age",
    }
    assert [kpi.topic for kpi in Kpi.objects.filter(open_data=True)] == ["complaint.received"]
    rule = Threshold.objects.get()
    assert (rule.aggregate, rule.window, rule.operator, rule.limit) == ("mean", 1800, "gt", 172_800)
    assert (rule.title, rule.suggestion) == ("Response time breach", "Hire 2 temp agents")


def test_its_duty_officers_are_told_by_mail():
    seed()
    Receiver.objects.update(addresses=["somebody@example.org"])
    seed()
    assert Receiver.objects.get().addresses == ["somebody@example.org"]


def test_it_emits_no_point():
    seed()
    collect_all()
    assert list_topics() == {}


def test_its_people_can_log_in_and_do_what_they_are_for():
    facts = seed()
    admin, approver = authenticate(**facts["admin"]), authenticate(**facts["approver"])
    assert admin.is_superuser
    assert not approver.is_staff
    assert approver.get_all_permissions() == {"pipelines_app.decide_pipeline"}


def test_its_keys_open_one_door_each():
    facts = seed()
    scopes = {name: set(find_key(facts[name]).scopes) for name in facts if name.endswith("_key")}
    assert scopes == {
        "emit_key": {"emit"},
        "read_key": {"read"},
        "propose_key": {"propose"},
        "partner_key": {"partner"},
    }


def test_again_it_changes_nothing():
    first = seed()
    assert seed(first) == first
    assert (Kpi.objects.count(), Threshold.objects.count(), ApiKey.objects.count()) == (4, 1, 4)


def test_it_keeps_what_an_analyst_has_changed():
    facts = seed()
    Threshold.objects.update(limit=600)
    Kpi.objects.filter(topic="complaint.open").update(name="Backlog")
    seed(facts)
    assert Threshold.objects.get().limit == 600
    assert Kpi.objects.get(topic="complaint.open").name == "Backlog"


def test_it_replaces_a_password_or_key_that_nobody_knows_or_that_was_revoked():
    first = seed()
    revoke_key(ApiKey.objects.get(name="demo: emit_key"))
    second = seed({**first, "admin": {"username": "admin", "password": ""}})
    assert authenticate(**second["admin"]).is_superuser
    assert second["emit_key"] != first["emit_key"]
    assert second["read_key"] == first["read_key"]
    assert ApiKey.objects.filter(name="demo: emit_key", revoked_at=None).count() == 1


def test_the_command_keeps_its_secrets_in_a_private_file(tmp_path):
    path = tmp_path / "credentials.json"
    call_command("seed_demo", credentials=path)
    first = json.loads(path.read_text())
    call_command("seed_demo", credentials=path)
    assert json.loads(path.read_text()) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
