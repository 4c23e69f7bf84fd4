"""The inbox and the page of a proposal: plain forms decide, and say what happened."""

from datetime import timedelta

import pytest
from django.utils import timezone

from pipelines_app.models import Decision, Delegation, Pipeline
from pipelines_app.services import (
    approve,
    change_suggestion,
    propose,
    reject,
    resume,
    run_errands,
    stop,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def inbox(client, approver):
    """The browser of somebody who may decide."""
    client.force_login(approver)
    return client


def vote(client, pipeline, **fields):
    """Posts the form as a browser without scripts does."""
    return client.post(f"/inbox/{pipeline.pk}/decide/", {"version": "1", **fields})


@pytest.mark.parametrize("path", ["", "waiting/", "{pk}/", "{pk}/card/", "{pk}/since/"])
def test_it_asks_for_a_log_in_first_and_then_answers(client, approver, pipeline, path):
    url = "/inbox/" + path.format(pk=pipeline.pk)
    assert client.get(url).url.startswith("/accounts/login/")
    client.force_login(approver)
    assert client.get(url).status_code == 200


def test_the_inbox_shows_what_waits_with_its_buttons(inbox, pipeline):
    text = inbox.get("/inbox/").content.decode()
    for words in (
        "1 proposal waits for you",
        "Response time breach",
        "Hire 2 temp agents",
        "Approve",
        "Reject…",
    ):
        assert words in text


def test_who_may_not_decide_sees_a_sentence_and_no_button(client, outsider, pipeline):
    client.force_login(outsider)
    text = client.get("/inbox/").content.decode()
    assert text.count("You can follow the proposals; others decide on them.") == 1
    assert "permission" not in text
    assert ">Approve" not in text


def test_a_rejection_of_blanks_keeps_the_form_and_says_what_is_missing(inbox, pipeline):
    response = vote(inbox, pipeline, vote="reject", comment="   ")
    assert response.status_code == 400
    assert "Say why, so that the next proposal can be better." in response.content.decode()
    assert 'aria-invalid="true"' in response.content.decode()


def test_the_open_page_counts_on_and_hears_what_was_decided(inbox, pipeline):
    waiting = inbox.get("/inbox/waiting/").json()
    assert waiting["oldest"] and waiting["before"] == "For "
    vote(inbox, pipeline, vote="approve")
    after = inbox.get("/inbox/waiting/").json()["today"]
    assert after == "Decided today: 1 approved, 0 rejected, 0 expired"


def test_an_empty_inbox_says_what_would_appear(inbox):
    assert "Nothing that you may see waits for a decision." in inbox.get("/inbox/").content.decode()


def test_a_form_approves_and_says_so(inbox, pipeline):
    response = vote(inbox, pipeline, vote="approve")
    assert response.status_code == 302
    assert Pipeline.objects.get().state != "awaiting_approval"
    assert "Approved by ada at" in inbox.get("/inbox/").content.decode()


def test_a_form_rejects_with_a_comment(inbox, pipeline):
    assert vote(inbox, pipeline, vote="reject", comment="no money").status_code == 302
    assert Decision.objects.get().comment == "no money"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"vote": "reject"}, 400),
        ({"vote": "reject", "comment": "  "}, 400),
        ({"vote": "maybe"}, 400),
        ({}, 400),
        ({"vote": "approve", "version": ""}, 400),
        ({"vote": "approve", "version": "²"}, 400),
        ({"vote": "approve", "version": "9" * 30}, 400),
        ({"vote": "approve", "version": "9" * 5_000}, 400),
        ({"vote": "approve", "version": "7"}, 409),
    ],
)
def test_a_bad_form_decides_nothing_and_keeps_what_was_written(inbox, pipeline, fields, status):
    response = vote(inbox, pipeline, **fields)
    assert response.status_code == status
    assert 'role="alert"' in response.content.decode()
    assert not Decision.objects.exists()


def test_who_comes_second_reads_who_was_first(inbox, pipeline, second):
    reject(pipeline=pipeline, by=second, version=1, comment="no money")
    response = vote(inbox, pipeline, vote="approve")
    assert response.status_code == 409
    text = response.content.decode()
    assert "bea rejected proposal" in text
    assert Pipeline.objects.get().state == "rejected"


def test_a_changed_suggestion_must_be_read_again(inbox, pipeline, second):
    change_suggestion(pipeline=pipeline, by=second, version=1, suggestion="Hire 1 temp agent")
    response = vote(inbox, pipeline, vote="approve")
    assert response.status_code == 409
    assert "Hire 1 temp agent" in response.content.decode()


def test_a_double_click_is_one_vote(inbox, pipeline):
    assert [vote(inbox, pipeline, vote="approve").status_code for _ in range(2)] == [302, 302]
    assert Decision.objects.count() == 1


def test_looking_never_decides(inbox, pipeline):
    assert inbox.get(f"/inbox/{pipeline.pk}/decide/").status_code == 405
    assert not Decision.objects.exists()


def test_without_the_permission_a_form_is_refused(client, outsider, pipeline):
    client.force_login(outsider)
    assert vote(client, pipeline, vote="approve").status_code == 403


def test_a_restricted_proposal_is_unknown_outside_its_group(inbox, group, member, client):
    hidden = propose(title="t", suggestion="s", restricted_to=group)[0]
    for path in ("", "card/", "since/"):
        assert inbox.get(f"/inbox/{hidden.pk}/{path}").status_code == 404
    assert vote(inbox, hidden, vote="approve").status_code == 404
    client.force_login(member)
    assert client.get(f"/inbox/{hidden.pk}/").status_code == 200


@pytest.mark.parametrize("pk", [0, 999, 2**63, 10**30])
def test_an_unknown_proposal_is_404(inbox, pk):
    assert inbox.get(f"/inbox/{pk}/").status_code == 404


def test_the_page_shows_evidence_history_and_audit(inbox, pipeline, second):
    approve(pipeline=pipeline, by=second, version=1)
    Pipeline.objects.filter(pk=pipeline.pk).update(state="done")
    again = propose(title=pipeline.title, suggestion=pipeline.suggestion, kpi=1.0)[0]
    text = inbox.get(f"/inbox/{again.pk}/").content.decode()
    for words in (">Approved once</a>", again.evidence_sha256, "What happened", "Decide"):
        assert words in text


def test_touched_evidence_is_said_aloud(inbox, pipeline):
    Pipeline.objects.update(evidence_text='{"value": 1}')
    assert "no longer fits its hash" in inbox.get(f"/inbox/{pipeline.pk}/").content.decode()


def test_what_somebody_proposes_cannot_bring_markup(inbox):
    propose(title="<script>alert(1)</script>", suggestion="<img src=x onerror=alert(1)>")
    text = inbox.get("/inbox/").content.decode()
    assert "<script>alert" not in text
    assert "<img" not in text


def test_the_badge_counts_on_every_page(inbox, pipeline):
    data = inbox.get("/inbox/waiting/").json()
    assert (data["count"], data["order"]) == (1, [pipeline.pk])
    assert '<span data-field="count">1</span>' in inbox.get("/inbox/").content.decode()


def test_a_form_changes_the_suggestion_and_leaves_the_decision_to_others(inbox, pipeline, second):
    response = vote(inbox, pipeline, vote="change", suggestion="Hire 1 temp agent", comment="money")
    assert response.url == f"/inbox/{pipeline.pk}/"
    text = inbox.get(response.url).content.decode()
    for words in (
        "version 2 waits for others to decide",
        "Hire 1 temp agent?",
        "You wrote the present version",
    ):
        assert words in text
    inbox.force_login(second)
    assert vote(inbox, pipeline, version="2", vote="approve").status_code == 302
    assert Pipeline.objects.get().state == "approved"


@pytest.mark.parametrize("suggestion", ["", "x" * 501])
def test_a_change_that_says_nothing_or_too_much_keeps_what_was_written(inbox, pipeline, suggestion):
    response = vote(inbox, pipeline, vote="change", suggestion=suggestion)
    assert response.status_code == 400 and "Nothing was decided: suggestion" in response.content.decode()
    assert suggestion in response.content.decode() and Pipeline.objects.get().version == 1


def test_a_form_withdraws_with_a_reason_and_not_without(inbox, pipeline):
    assert vote(inbox, pipeline, vote="withdraw", comment=" ").status_code == 400
    assert vote(inbox, pipeline, vote="withdraw", comment="solved itself").status_code == 302
    assert Pipeline.objects.get().state == "withdrawn"


def test_who_neither_proposed_nor_decides_has_no_button_to_change_or_withdraw(client, outsider, pipeline):
    client.force_login(outsider)
    text = client.get(f"/inbox/{pipeline.pk}/").content.decode()
    assert "Withdraw" not in text and "Suggest something else" not in text
    for name in ("change", "withdraw"):
        fields = {"vote": name, "suggestion": "x", "comment": "x"}
        assert vote(client, pipeline, **fields).status_code == 403
    assert (Pipeline.objects.get().state, Pipeline.objects.get().version) == ("awaiting_approval", 1)


def test_what_was_touched_in_the_database_is_said_and_has_no_button_to_approve(inbox, pair, touch):
    touch("UPDATE pipelines_app_pipeline SET quorum = 1")
    text = inbox.get(f"/inbox/{pair.pk}/").content.decode()
    assert "is not as it was frozen: its quorum was changed" in text
    assert ">Approve<" not in text and "Reject this proposal" in text and "Withdraw this proposal" in text
    assert vote(inbox, pair, vote="approve").status_code == 409
    assert vote(inbox, pair, vote="reject", comment="touched").status_code == 302


def test_where_the_evidence_was_touched_nobody_is_asked_to_approve(inbox):
    pipeline = propose(title="T", suggestion="x", evidence={"n": 1})[0]
    Pipeline.objects.filter(pk=pipeline.pk).update(evidence_text="{}")
    for page in (f"/inbox/{pipeline.pk}/", "/inbox/"):
        text = inbox.get(page).content.decode()
        assert "The evidence of proposal" in text and ">Approve<" not in text
    assert vote(inbox, pipeline, vote="approve").status_code == 409
    assert vote(inbox, pipeline, vote="reject", comment="touched").status_code == 302


def test_a_person_who_decides_lends_their_seat_and_takes_it_back(inbox, second):
    day = timezone.localdate().isoformat()
    page = "/inbox/delegations/"
    assert "Nobody decides in your place" in inbox.get(page).content.decode()
    sent = inbox.post(page, {"to": second.pk, "first": day, "last": day})
    assert sent.status_code == 302
    assert "Your seat is lent to bea" in inbox.get(page).content.decode()
    inbox.force_login(second)
    assert "You for ada" in inbox.get(page).content.decode()
    row = Delegation.objects.get()
    assert inbox.post(page, {"end": row.pk}).status_code == 400
    inbox.force_login(row.giver)
    assert inbox.post(page, {"end": row.pk}).status_code == 302
    assert "Nobody decides in your place" in inbox.get(page).content.decode()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"to": "9" * 30},
        {"to": "x", "first": "2026-13-01"},
        {"first": "2026-01-01"},
        {"end": "x"},
        {"first": "9999-12-31", "last": "9999-12-31"},
        {"first": "0001-01-01", "last": "0001-01-01"},
    ],
)
def test_a_bad_form_lends_nothing_and_says_why(inbox, second, fields):
    response = inbox.post("/inbox/delegations/", {"last": "2020-01-01"} | fields)
    assert response.status_code == 400 and "Nothing was changed" in response.content.decode()
    assert not Delegation.objects.exists()


def test_who_does_not_decide_has_no_page_to_lend_a_seat(client, outsider):
    client.force_login(outsider)
    assert client.get("/inbox/delegations/").status_code == 403


def test_a_form_undoes_an_approval_and_approves_again(inbox, pipeline):
    answer = vote(inbox, pipeline, vote="approve")
    assert answer.url == f"/inbox/{pipeline.pk}/"
    page = inbox.get(answer.url).content.decode()
    assert 'data-vote="undo"' in page and "It will be carried out" in page
    assert vote(inbox, pipeline, vote="undo").url == "/inbox/"
    assert "The approval is undone; it waits for a decision again." in inbox.get("/inbox/").content.decode()
    assert vote(inbox, pipeline, vote="approve", version="2").status_code == 302
    assert Pipeline.objects.get().state == "approved"


def test_a_manual_step_stands_under_to_do_until_a_form_confirms_it(inbox, pipeline):
    assert 'id="to-do" hidden' in inbox.get("/inbox/").content.decode()
    vote(inbox, pipeline, vote="approve")
    moment = Pipeline.objects.get().decided_at + timedelta(seconds=10)
    run_errands(now=moment)
    page = inbox.get("/inbox/").content.decode()
    assert 'id="to-do" aria' in page and 'data-vote="confirm"' in page and "data-to-do" in page
    late = vote(inbox, pipeline, vote="confirm", day=str(moment.date() + timedelta(days=2)))
    assert late.status_code == 400 and "still to come" in late.content.decode()
    assert vote(inbox, pipeline, vote="confirm", day=str(timezone.localdate())).status_code == 302
    assert Pipeline.objects.get().state == "done"
    assert 'id="to-do" hidden' in inbox.get("/inbox/").content.decode()


def test_what_could_not_be_done_is_said_tried_again_and_withdrawn_by_forms(inbox, pipeline):
    vote(inbox, pipeline, vote="approve")
    run_errands(now=Pipeline.objects.get().decided_at + timedelta(seconds=10))
    assert vote(inbox, pipeline, vote="fail", comment=" ").status_code == 400
    assert vote(inbox, pipeline, vote="fail", comment="nobody is free").status_code == 302
    assert "could not be done: nobody is free" in inbox.get("/inbox/").content.decode()
    assert vote(inbox, pipeline, vote="retry").status_code == 302
    vote(inbox, pipeline, vote="fail", comment="still nobody")
    assert vote(inbox, pipeline, vote="withdraw", comment="we give up").url == "/inbox/"
    assert Pipeline.objects.get().state == "withdrawn"


@pytest.mark.parametrize("step", ["undo", "confirm", "fail", "retry", "withdraw"])
def test_a_step_that_does_not_fit_changes_nothing_and_says_why(client, inbox, pipeline, outsider, step):
    fields = {"vote": step, "comment": "x", "day": str(timezone.localdate())}
    if step != "withdraw":
        answer = vote(inbox, pipeline, **fields)
        assert answer.status_code == 409 and 'role="alert"' in answer.content.decode()
    client.force_login(outsider)
    assert vote(client, pipeline, **fields).status_code == 403
    assert Pipeline.objects.get().state == "awaiting_approval"


def test_a_stop_is_told_on_every_page_of_people_who_are_logged_in(client, inbox, pipeline, admin_user):
    stop(reason="budget <audit>", by=admin_user)
    addresses = ("/", "/inbox/", f"/inbox/{pipeline.pk}/", "/demo/complaints/")
    client.force_login(admin_user)
    for address in (*addresses, "/admin/", "/admin/metrics_app/threshold/"):
        text = client.get(address).content.decode()
        assert "All actions are stopped" in text and "by root since" in text, address
        assert "“budget &lt;audit&gt;”" in text
    resume(reason="over", by=admin_user)
    assert "All actions are stopped" not in client.get("/").content.decode()
