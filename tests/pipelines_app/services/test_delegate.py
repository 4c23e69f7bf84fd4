"""Delegation: one person fills another's seat for some days, and no seat is filled twice."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.utils import timezone

from pipelines_app import queries
from pipelines_app.cards.cards import make_card
from pipelines_app.exceptions import AlreadyDecided, BadInput, NotAllowed
from pipelines_app.models import AuditHead, Decision, Delegation, Pipeline
from pipelines_app.services import (
    approve,
    change_suggestion,
    delegate,
    end_delegation,
    propose,
    reject,
    run_errands,
)
from pipelines_app.services.verify import verify_audit

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def person(name):
    """A user afresh, as a request would load them."""
    return User.objects.get(username=name)


def lend(giver, receiver, *, start=-DAY, end=DAY):
    """A delegation around now."""
    now = timezone.now()
    return delegate(by=giver, to=receiver, starts_at=now + start, ends_at=now + end)


@pytest.fixture
def lent(flat, approver):
    """Bob of the office has lent his seat to Ada, who is not of it."""
    return lend(person("bob"), approver)


def test_who_borrowed_a_seat_decides_for_whoever_lent_it(flat, lent, approver):
    assert queries.find_seat(flat, approver) == (person("bob"), "")
    assert make_card(flat, approver).stands_for == "bob"
    approve(pipeline=flat, by=approver, version=1)
    vote = Decision.objects.get()
    assert (vote.by, vote.instead_of, vote.name) == (approver, person("bob"), "ada for bob")
    entry = flat.audit.last()
    assert (entry.actor, entry.data["for_name"]) == ("ada", "bob")
    assert approve(pipeline=flat, by=person("cyd"), version=1).state == "approved"
    assert verify_audit().faults == []


def test_a_lent_seat_has_one_vote_whoever_comes_first(flat, lent, approver):
    approve(pipeline=flat, by=approver, version=1)
    with pytest.raises(AlreadyDecided, match="ada for bob approved version 1 before: one seat has one vote"):
        approve(pipeline=flat, by=person("bob"), version=1)
    assert Pipeline.objects.get().state == "awaiting_approval"


def test_whoever_lent_a_seat_may_still_fill_it_and_then_nobody_else_can(flat, lent, approver):
    approve(pipeline=flat, by=person("bob"), version=1)
    with pytest.raises(NotAllowed, match="Only the group Housing approvers"):
        approve(pipeline=flat, by=approver, version=1)


def test_a_double_click_of_who_borrowed_is_one_vote(flat, lent, approver):
    for _ in range(2):
        assert approve(pipeline=flat, by=approver, version=1).state == "awaiting_approval"
    assert Decision.objects.count() == 1


def test_one_person_fills_one_seat_however_many_are_lent_to_them(flat, lent, approver):
    lend(person("cyd"), approver)
    approve(pipeline=flat, by=approver, version=1)
    assert approve(pipeline=flat, by=approver, version=1).state == "awaiting_approval"
    with pytest.raises(AlreadyDecided, match="one person has one vote"):
        reject(pipeline=flat, by=approver, version=1, comment="no")
    own = lend(person("bob"), person("cyd"))
    assert own.receiver == person("cyd") and queries.find_seat(flat, person("cyd"))[0] == person("cyd")


def test_a_borrowed_seat_is_not_lent_on(flat, lent, approver, second):
    lend(approver, second)
    with pytest.raises(NotAllowed):
        approve(pipeline=flat, by=second, version=1)


def test_it_holds_between_its_days_alone(flat, approver):
    lend(person("bob"), approver, start=DAY, end=2 * DAY)
    assert queries.why_not_decide(flat, approver)
    at = timezone.now() + DAY * 1.5
    assert queries.why_not_decide(flat, approver, now=at) == ""
    assert queries.why_not_decide(flat, approver, now=at + DAY)


def test_who_proposed_or_changed_it_fills_nobodys_seat(housing, approver, second):
    own = propose(title="Own", suggestion="x", topic="housing.wait", proposer=approver)[0]
    lend(person("bob"), approver)
    with pytest.raises(NotAllowed, match="You proposed this yourself"):
        approve(pipeline=own, by=approver, version=1)
    change_suggestion(pipeline=own, by=person("bob"), version=1, suggestion="y")
    lend(person("bob"), second)
    with pytest.raises(NotAllowed):
        approve(pipeline=own, by=second, version=2)


def test_who_does_not_decide_lends_nothing_and_nobody_lends_to_them(approver, outsider):
    with pytest.raises(NotAllowed):
        lend(outsider, approver)
    for receiver in (outsider, approver, None):
        with pytest.raises(BadInput, match="somebody else who has the permission"):
            lend(approver, receiver)


@pytest.mark.parametrize(
    ("start", "end", "fault"),
    [(DAY, DAY, "after the start"), (-2 * DAY, -DAY, "must not be over"), (DAY, 62 * DAY, "60 days at most")],
)
def test_it_has_a_beginning_and_an_end_within_sixty_days(approver, second, start, end, fault):
    with pytest.raises(BadInput, match=fault):
        lend(approver, second, start=start, end=end)
    assert not Delegation.objects.exists()


def test_it_ends_at_once_for_its_giver_and_for_nobody_else(flat, lent, approver):
    with pytest.raises(NotAllowed):
        end_delegation(delegation=lent, by=approver)
    end_delegation(delegation=lent, by=person("bob"))
    assert queries.why_not_decide(flat, approver)
    assert verify_audit().faults == []


def test_a_seat_that_is_lent_is_counted_and_told_as_one(housing, approver):
    lend(person("bob"), approver)
    flat = propose(title="Flat", suggestion="x", topic="housing.wait")[0]
    assert {user.username for user in queries.list_deciders(flat)} == {"ada", "bob", "cyd"}
    assert flat.audit.get().data["eligible"] == 2
    approve(pipeline=flat, by=approver, version=1)
    for _ in range(2):
        run_errands(now=flat.created_at + timedelta(hours=5))
    assert {one.to[0] for one in mail.outbox} == {"cyd@example.org"}


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        (
            "UPDATE pipelines_app_delegation SET ends_at = '2099-01-01 00:00:00+00:00'",
            "ends_at of delegation",
        ),
        ("DELETE FROM pipelines_app_delegation", "delegation #"),
        ("UPDATE pipelines_app_decision SET instead_of_name = 'eve'", "the vote of ada on proposal"),
    ],
)
def test_an_edit_in_the_database_is_found(flat, lent, approver, touch, sql, fault):
    approve(pipeline=flat, by=approver, version=1)
    touch(sql)
    assert [found for found in verify_audit().faults if found.startswith(fault)]


def test_a_delegation_that_was_slipped_in_is_found(flat, approver):
    now = timezone.now()
    Delegation.objects.create(giver=person("bob"), receiver=approver, starts_at=now, ends_at=now + DAY)
    assert verify_audit().faults == ["delegation “ada for bob” is not in the chain"]


def test_an_account_that_was_deleted_takes_its_delegations_along(lent, approver):
    approver.delete()
    assert verify_audit().faults == [] and not Delegation.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_seat_and_who_borrowed_it_vote_once_together_under_a_race(housing, approver, race):
    lend(person("bob"), approver)
    for number in range(5):
        flat = propose(title=f"Flat {number}", suggestion="x", topic="housing.wait")[0]
        results = race(
            lambda flat=flat: approve(pipeline=flat, by=person("bob"), version=1),
            lambda flat=flat: approve(pipeline=flat, by=approver, version=1),
        )
        assert flat.decisions.count() == 1, results
        assert Pipeline.objects.get(pk=flat.pk).state == "awaiting_approval"
    assert verify_audit().faults == []


def test_the_same_two_have_one_delegation_at_a_time(approver, second, admin_user):
    first = lend(approver, second, start=DAY, end=3 * DAY)
    for start, end in ((DAY, 3 * DAY), (0 * DAY, 2 * DAY), (2 * DAY, 9 * DAY), (0 * DAY, 9 * DAY)):
        with pytest.raises(BadInput, match="bea decides for you already from 20.* end that first"):
            lend(approver, second, start=start, end=end)
    lend(approver, second, start=4 * DAY, end=5 * DAY)
    lend(approver, admin_user, start=DAY, end=3 * DAY)
    lend(second, approver, start=DAY, end=3 * DAY)
    end_delegation(delegation=first, by=approver)
    lend(approver, second, start=DAY, end=3 * DAY)
    assert verify_audit().faults == []


@pytest.mark.django_db(transaction=True)
def test_a_second_click_at_the_same_moment_lends_nothing_more(approver, second, race):
    results = race(*[lambda: lend(person("ada"), person("bea"))] * 3)
    assert sorted(type(one).__name__ for one in results) == ["BadInput", "BadInput", "Delegation"]
    assert Delegation.objects.count() == 1 and verify_audit().faults == []


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        (
            "UPDATE pipelines_app_delegation SET ends_at = '2099-01-01 00:00:00+00:00'",
            "ends_at of delegation",
        ),
        ("UPDATE pipelines_app_delegation SET starts_at = '2020-01-01 00:00:00+00:00'", "starts_at of"),
        ("UPDATE pipelines_app_delegation SET giver_id = {cyd}", "giver of delegation"),
        (
            "UPDATE pipelines_app_auditentry SET data_text = '{{}}' WHERE event = 'delegation saved'",
            "delegation “ada for bob” is not",
        ),
        (
            "UPDATE pipelines_app_auditentry SET event = 'voted' WHERE event = 'delegation saved'",
            "delegation “ada for bob” is not",
        ),
    ],
)
def test_a_delegation_at_odds_with_the_chain_gives_no_seat_and_says_why(
    flat, lent, approver, touch, sql, told
):
    touch(sql.format(cyd=person("cyd").pk))
    why_not = queries.why_not_decide(flat, approver)
    assert f"A delegation does not count: {told}" in why_not and "verify_audit" in why_not
    with pytest.raises(NotAllowed, match="A delegation does not count"):
        approve(pipeline=flat, by=approver, version=1)
    assert verify_audit().faults


def test_a_forged_delegation_gives_no_seat_and_harms_no_real_one(flat, approver, second):
    now = timezone.now()
    forged = Delegation(giver=person("bob"), receiver=approver, starts_at=now - DAY, ends_at=now + DAY)
    forged.save()
    assert "not in the chain" in queries.why_not_decide(flat, approver)
    lend(person("cyd"), approver)
    assert queries.find_seat(flat, approver) == (person("cyd"), "")
    lend(person("cyd"), second)
    assert queries.find_seat(flat, second)[0] == person("cyd")


def test_one_that_was_ended_is_not_brought_back_by_an_edit_of_row_and_entry(flat, lent, approver, touch):
    end_delegation(delegation=lent, by=person("bob"))
    touch("UPDATE pipelines_app_delegation SET ends_at = '2099-01-01 00:00:00+00:00'")
    assert "does not count" in queries.why_not_decide(flat, approver)
    # The entry that told of its end, too: what was told before it is not known any more.
    last = AuditHead.objects.get().seq
    touch(f"UPDATE pipelines_app_auditentry SET data_text = '{{}}' WHERE seq = {last}")
    assert "does not count" in queries.why_not_decide(flat, approver)


def test_whoever_may_change_delegations_ends_them_in_the_admin_and_edits_none(client, lent, admin_user):
    client.force_login(admin_user)
    page = "/admin/pipelines_app/delegation/"
    assert client.get(f"{page}add/").status_code == 403
    text = client.get(f"{page}{lent.pk}/change/").content.decode()
    assert "as the audit chain tells" in text.lower() and 'name="ends_at' not in text
    assert client.post(f"{page}{lent.pk}/change/", {"ends_at_0": "2099-01-01"}).status_code == 403
    chosen = {"action": "end_now", "_selected_action": [lent.pk]}
    assert client.post(page, chosen).status_code == 302
    assert Delegation.objects.get().ends_at <= timezone.now()
    assert verify_audit().faults == []
    client.force_login(User.objects.create_user("clerk", is_staff=True))
    assert client.get(page).status_code == 403
