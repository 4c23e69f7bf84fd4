"""Policies: who decides, how many, by when; frozen when a proposal is opened."""

import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import ProtectedError

from pipelines_app import queries
from pipelines_app.cards.cards import make_card
from pipelines_app.cards.waiting import describe_waiting
from pipelines_app.exceptions import NotAllowed, Tampered
from pipelines_app.models import Policy, Version
from pipelines_app.services import approve, change_suggestion, propose, reject
from pipelines_app.services.records import delete_record, save_record
from pipelines_app.services.verify import verify_audit

pytestmark = pytest.mark.django_db


def person(name):
    """A user afresh, as a request would load them."""
    return User.objects.get(username=name)


def add(admin_user, name, **fields):
    """A policy, saved as the admin saves it."""
    return save_record(Policy(name=name, **fields), by=admin_user)


def test_the_first_policy_that_fits_by_rank_is_frozen(admin_user, office):
    add(admin_user, "all", rank=9, decide_within=60)
    add(admin_user, "grave", rank=1, severity="critical", quorum=3)
    add(admin_user, "water", rank=5, topics="water.*", quorum=2, deciders=office, decide_within=600)
    grave = propose(title="Grave", suggestion="x", topic="water.level", severity="critical")[0]
    water = propose(title="Water", suggestion="x", topic="water.level")[0]
    other = propose(title="Other", suggestion="x", topic="er.wait")[0]
    assert [row.quorum for row in (grave, water, other)] == [3, 2, 1]
    assert (water.deciders, water.due_at - water.created_at) == (office, timedelta(minutes=10))
    said = json.loads(Version.objects.get(pipeline=water).text)
    assert (said["policy"]["name"], said["deciders_name"]) == ("water", "Housing approvers")
    assert said["eligible"] == 2


def test_where_no_policy_fits_the_settings_say_it(housing):
    other = propose(title="Other", suggestion="x", topic="er.wait", severity="critical")[0]
    assert (other.quorum, other.deciders, other.due_at - other.created_at) == (1, None, timedelta(hours=4))


def test_what_is_open_keeps_the_terms_it_was_opened_with(flat, housing, admin_user):
    housing.quorum, housing.deciders = 1, None
    save_record(housing, by=admin_user)
    approve(pipeline=flat, by=person("bob"), version=1)
    assert approve(pipeline=flat, by=person("cyd"), version=1).state == "approved"
    assert verify_audit().faults == []


def test_only_members_of_the_group_decide_through_every_door(flat, approver, admin_user, client):
    for outsider in (approver, admin_user):
        with pytest.raises(NotAllowed, match="Only the group Housing approvers decides"):
            approve(pipeline=flat, by=outsider, version=1)
        assert describe_waiting(outsider)["count"] == 0
        client.force_login(outsider)
        seen = client.get(f"/api/v1/pipelines/{flat.pk}/").json()
        assert (seen["may_decide"], seen["deciders"], seen["escalation"]) == (
            False,
            "Housing approvers",
            "Heads",
        )
        assert "Only the group Housing approvers" in client.get(f"/inbox/{flat.pk}/").content.decode()
    assert describe_waiting(person("bob"))["count"] == 1
    assert [user.username for user in queries.list_deciders(flat)] == ["bob", "cyd"]


def test_the_group_it_is_escalated_to_may_decide_from_then_on(flat):
    at = flat.created_at + timedelta(hours=8)
    with pytest.raises(NotAllowed, match="from then on yours does too"):
        approve(pipeline=flat, by=person("eve"), version=1, now=at - timedelta(seconds=1))
    approve(pipeline=flat, by=person("eve"), version=1, now=at)
    assert approve(pipeline=flat, by=person("bob"), version=1, now=at).state == "approved"
    assert len(queries.list_deciders(flat, now=at)) == 3


def test_the_card_says_who_is_needed_and_who_is_missing(flat, admin_user, office):
    approve(pipeline=flat, by=person("bob"), version=1)
    card = make_card(flat, person("cyd"), now=flat.created_at)
    assert card.needs.startswith("Needs 2 approvals of the group Housing approvers; 1 is in. From ")
    late = make_card(flat, person("cyd"), now=flat.created_at + timedelta(hours=9))
    assert late.needs.endswith("Escalated: the group Heads may decide too.")
    add(admin_user, "three", rank=1, quorum=3, deciders=office)
    short = propose(title="Short", suggestion="x", topic="housing.wait")[0]
    told = make_card(short, person("cyd")).needs
    assert "When it was opened, only 2 people could decide on it." in told
    assert short.audit.get().data["eligible"] == 2


def test_a_proposer_of_the_group_is_not_counted_among_those_who_may_decide(housing):
    own = propose(title="Own", suggestion="x", topic="housing.wait", proposer=person("bob"))[0]
    assert "only 1 person could decide" in make_card(own, person("cyd")).needs


def test_a_changed_proposal_keeps_its_terms(flat):
    change_suggestion(pipeline=flat, by=person("bob"), version=1, suggestion="Open 2 flats")
    said = json.loads(Version.objects.get(number=2).text)
    first = json.loads(Version.objects.get(number=1).text)
    for name in ("quorum", "deciders_id", "escalate_at", "remind_at", "due_at", "policy"):
        assert said[name] == first[name]
    assert verify_audit().faults == []


def test_a_group_that_decides_is_not_deleted(flat, office):
    with pytest.raises(ProtectedError):
        office.delete()


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("UPDATE pipelines_app_policy SET quorum = 1", "quorum of policy “Housing” was changed"),
        ("UPDATE pipelines_app_policy SET deciders_id = NULL", "deciders of policy “Housing” was changed"),
        ("DELETE FROM pipelines_app_policy", "policy #{} is gone"),
        ("UPDATE pipelines_app_pipeline SET deciders_id = NULL", "deciders of proposal #{flat} differs"),
    ],
)
def test_an_edit_in_the_database_is_found_and_named(flat, housing, touch, sql, fault):
    touch(sql)
    told = fault.format(housing.pk, flat=flat.pk)
    assert any(found.startswith(told) for found in verify_audit().faults)


def test_a_policy_that_was_slipped_in_is_found(housing):
    Policy.objects.create(name="Mine")
    assert verify_audit().faults == ["policy “Mine” is not in the chain"]


def test_a_policy_is_deleted_with_an_entry(housing, admin_user):
    delete_record(housing, by=admin_user)
    assert verify_audit().faults == []


def test_an_edited_group_column_gains_no_vote(flat, approver, touch):
    touch("UPDATE pipelines_app_pipeline SET deciders_id = NULL")
    with pytest.raises(NotAllowed, match="Only the group"):
        reject(pipeline=flat, by=approver, version=1, comment="mine")


def test_the_admin_saves_and_deletes_policies_with_entries(client, admin_user, office):
    client.force_login(admin_user)
    fields = {"name": "Air", "rank": 1, "topics": "air.*", "severity": "", "quorum": 2}
    fields |= {"deciders": office.pk, "decide_within": 600, "escalation": ""}
    fields |= {"settle_hours": 24, "span_weeks": 1, "guardrails": ""}
    assert client.post("/admin/pipelines_app/policy/add/", fields).status_code == 302
    policy = Policy.objects.get()
    page = f"/admin/pipelines_app/policy/{policy.pk}/"
    for wrong in ({"quorum": 0}, {"span_weeks": 5}, {"settle_hours": -1}, {"guardrails": "no.such"}):
        assert client.post(f"{page}change/", fields | wrong).status_code == 200
    assert client.post(f"{page}change/", fields | {"quorum": 1}).status_code == 302
    assert verify_audit().faults == []
    assert client.post(f"{page}delete/", {"post": "yes"}).status_code == 302
    assert verify_audit().faults == [] and verify_audit().entries == 3


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"decide_within": 10**15}, "decide_within"),
        ({"decide_within": 59}, "decide_within"),
        ({"quorum": 10**12}, "quorum"),
        ({"quorum": 0}, "quorum"),
        ({"topics": "A B"}, "topics"),
        ({"topics": "**"}, "topics"),
        ({"topics": ".*"}, "topics"),
        ({"topics": "er.wait.*.x"}, "topics"),
    ],
)
def test_a_policy_that_no_proposal_could_live_by_is_refused(admin_user, fields, named):
    with pytest.raises(ValidationError) as refused:
        add(admin_user, "wild", **fields)
    assert list(refused.value.message_dict) == [named]
    assert not Policy.objects.exists()


@pytest.mark.parametrize("topics", ["*", "er.wait", "complaint.*"])
def test_topics_and_patterns_are_taken(admin_user, topics):
    assert add(admin_user, "all", topics=topics, decide_within=366 * 24 * 3600, quorum=100).pk
    pipeline = propose(title="T", suggestion="x", topic=topics.replace(".*", ".x").replace("*", "er.x"))[0]
    assert pipeline.quorum == 100


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("UPDATE pipelines_app_policy SET quorum = 1", "quorum of policy “Housing” was changed"),
        ("UPDATE pipelines_app_policy SET deciders_id = NULL", "deciders of policy “Housing” was changed"),
        ("UPDATE pipelines_app_policy SET topics = 'air.*'", "topics of policy “Housing” was changed"),
        ("UPDATE pipelines_app_policy SET severity = 'info'", "severity of policy “Housing” was changed"),
        ("DELETE FROM pipelines_app_policy", "policy “Housing” is gone"),
    ],
)
def test_a_policy_edited_in_the_database_counts_as_the_chain_tells_and_is_named(housing, touch, sql, told):
    touch(sql)
    flat = propose(title="Waiting list", suggestion="Open 3 flats", topic="housing.wait")[0]
    assert (flat.quorum, flat.deciders.name) == (2, "Housing approvers")
    assert f"which changed nothing here: {told}" in make_card(flat, person("bob")).needs
    approve(pipeline=flat, by=person("bob"), version=1)
    assert approve(pipeline=flat, by=person("cyd"), version=1).state == "approved"
    assert verify_audit().faults


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE pipelines_app_auditentry SET data_text = '{{}}' WHERE event = 'policy saved'",
        "UPDATE pipelines_app_auditentry SET event = 'policy deleted' WHERE event = 'policy saved'",
        "DELETE FROM pipelines_app_auditentry WHERE event = 'policy saved'",
        "INSERT INTO pipelines_app_policy (id, name, rank, topics, severity, quorum, decide_within,"
        " guardrails, settle_hours, span_weeks) VALUES (77, 'Mine', 0, '*', '', 1, 600, '', 24, 1)",
    ],
)
def test_nothing_is_approved_where_nobody_can_say_which_policy_counts(housing, admin_user, touch, sql):
    touch(sql.format())
    flat = propose(title="Waiting list", suggestion="Open 3 flats", topic="housing.wait")[0]
    assert "Nobody could say who decides on proposal" in queries.tell_tampering(flat)
    for person_ in (admin_user, person("bob")):
        with pytest.raises((Tampered, NotAllowed)):
            approve(pipeline=flat, by=person_, version=1)
    with pytest.raises(Tampered, match="not in the audit chain, or what told of it was changed"):
        approve(pipeline=flat, by=person("bob"), version=1)
    # It is not lost: it stands in the inbox, and people may still end it.
    assert reject(pipeline=flat, by=person("bob"), version=1, comment="ask again").state == "rejected"


def test_a_policy_that_is_saved_anew_counts_again(housing, admin_user, touch):
    touch("UPDATE pipelines_app_auditentry SET data_text = '{}' WHERE event = 'policy saved'")
    save_record(housing, by=admin_user)
    flat = propose(title="Waiting list", suggestion="Open 3 flats", topic="housing.wait")[0]
    assert queries.tell_tampering(flat) == "" and flat.quorum == 2


def test_a_forged_policy_for_other_topics_touches_nobody_else(housing, admin_user):
    Policy.objects.create(name="Mine", topics="air.*", rank=0)
    flat = propose(title="Waiting list", suggestion="Open 3 flats", topic="housing.wait")[0]
    assert queries.tell_tampering(flat) == ""


def test_the_admin_says_whether_a_policy_is_as_the_chain_tells(client, housing, admin_user, touch):
    client.force_login(admin_user)
    page = f"/admin/pipelines_app/policy/{housing.pk}/change/"
    assert "what the chain tells counts" not in client.get(page).content.decode()
    touch("UPDATE pipelines_app_policy SET quorum = 1")
    told = "no: quorum of policy “Housing” was changed; what the chain tells counts"
    assert told in client.get(page).content.decode()
