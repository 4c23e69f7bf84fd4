"""What came of a suggestion before, on its next proposal."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from pipelines_app import queries
from pipelines_app.cards.cards import make_card
from pipelines_app.cards.track_records import tell_record
from pipelines_app.core.measuring import describe_effect
from pipelines_app.core.track_records import tell_review
from pipelines_app.models import Effect, Pipeline
from pipelines_app.services import approve, propose, run_errands
from tests.pipelines_app.judging import MEASURE_OF, SUGGESTION, TITLE, TOPIC, judge, make_effect

pytestmark = pytest.mark.django_db
REPEAT = {"title": TITLE, "suggestion": SUGGESTION, "topic": TOPIC}


def read(pipeline, among=None):
    """The record that its card shows, read anew."""
    fresh = Pipeline.objects.get(pk=pipeline.pk)
    return queries.find_record(fresh, among=Pipeline.objects.all() if among is None else among)


@pytest.fixture
def judged(approver):
    """Three of one suggestion: effective, without effect, harmful, in this order."""
    effects = [("effective", -0.4, 0.03), ("ineffective", 0.0, 0.02), ("harmful", 0.2, 0.05)]
    return [judge(approver, make_effect(*effect, started_at=at)) for at, effect in enumerate(effects)]


def test_the_next_proposal_says_in_one_line_what_came_of_it(judged):
    record = read(propose(**REPEAT)[0])
    pooled = record.pools[0]
    assert pooled.cases == tuple(one.pk for one in judged)
    line = f"together {pooled.value:+.0f} % ({pooled.low:+.0f} to {pooled.high:+.0f})".replace("-", "−")
    assert tell_record(record) == f"approved 3 times, {line}, once without effect, once harmful"
    first, second = judged[1:]
    assert tell_review(record) == f"Review the approach: #{first.pk} had no effect, #{second.pk} did harm"


def test_another_suggestion_topic_or_action_has_a_record_of_its_own(judged, acting):
    others = ({"suggestion": "Hire 1 temp"}, {"topic": "er.other"}, {"action": "pay"})
    # Under titles of their own: while one is open, its title opens no other.
    rows = [propose(**REPEAT | other | {"title": f"Breach {at}"})[0] for at, other in enumerate(others)]
    assert [read(row).cases for row in rows] == [(), (), ()]


def test_the_same_suggestion_for_the_same_kpi_is_one_under_two_titles(judged):
    assert len(read(propose(**REPEAT | {"title": "Backlog"})[0]).cases) == 3


def test_without_a_topic_the_title_says_what_it_is_about(approver):
    for title in ("Backlog", "Parking"):
        approve(pipeline=propose(title=title, suggestion="Ask Bea")[0], by=approver, version=1)
    nobody = Pipeline.objects.filter(title="Parking").get()
    assert read(nobody).cases == () and queries.list_earlier(nobody, among=Pipeline.objects.all()) == []


def test_an_effect_that_somebody_touched_is_said_and_not_counted(judged, touch):
    harmful = judged[2]
    text = Effect.objects.get(pipeline=harmful).text.replace("harmful", "effective")
    touch("UPDATE pipelines_app_effect SET text = %s WHERE pipeline_id = %s", text, harmful.pk)
    record = read(propose(**REPEAT)[0])
    assert record.list_ids("touched") == (harmful.pk,) and harmful.pk not in record.pools[0].cases
    assert "once not as it was judged, which does not count" in tell_record(record)
    # The warning stays: the chain still tells of the verdict.
    assert (
        tell_review(record) == f"Review the approach: #{judged[1].pk} had no effect, #{harmful.pk} did harm"
    )
    touch("UPDATE pipelines_app_auditentry SET actor = 'x' WHERE event = 'judged'")
    assert f"#{harmful.pk} is not as it was judged" in tell_review(read(propose(**REPEAT)[0]))


def test_an_effect_that_somebody_deleted_is_missed(judged, touch):
    touch("DELETE FROM pipelines_app_effect WHERE pipeline_id = %s", judged[0].pk)
    assert read(propose(**REPEAT)[0]).list_ids("touched") == (judged[0].pk,)


def test_a_proposal_whose_words_were_edited_lends_its_effect_to_no_other_suggestion(judged, approver, touch):
    good = judge(approver, make_effect("effective", -0.5, 0.01), suggestion="Do nothing")
    touch("UPDATE pipelines_app_pipeline SET suggestion = %s WHERE id = %s", SUGGESTION, good.pk)
    assert read(propose(**REPEAT)[0]).list_ids("touched") == (good.pk,)


def test_a_decided_proposal_keeps_the_record_that_was_known_then(approver):
    start = timezone.now() - timedelta(days=60)
    harm = make_effect("harmful", 0.2, 0.05)
    first, second, third = (judge(approver, harm, now=start + timedelta(days=days)) for days in (0, 20, 21))
    everything = Pipeline.objects.all()
    found = {one.pk: read(one) for one in (first, second, third)}
    assert found[first.pk].cases == () and queries.count_like(first, among=everything)["total"] == 0
    assert [case.kind for case in found[second.pk].cases] == ["harmful"]
    # The second had been approved by then, and was judged a week later.
    assert [case.kind for case in found[third.pk].cases] == ["harmful", "unjudged"]
    counts = queries.count_like(third, among=everything)
    assert (counts["approved"], counts["harmful"]) == (2, 1)
    assert len(read(propose(**REPEAT)[0]).cases) == 3


def test_a_card_tells_nothing_twice_and_nothing_that_contradicts(judged, approver):
    other = {"title": "Another title"}
    first, same = make_card(propose(**REPEAT | other)[0], approver), make_card(propose(**REPEAT)[0], approver)
    assert [card.record["sentence"] for card in (first, same)] == ["", ""]
    assert first.record["parts"] == same.record["parts"]
    assert first.record["squares"] == same.record["squares"] == ["good", "none", "bad"]


def test_a_case_that_one_may_not_see_does_not_count(judged, outsider):
    Pipeline.objects.filter(pk=judged[2].pk).update(restricted_to=Group.objects.create(name="others"))
    record = read(propose(**REPEAT)[0], among=queries.visible_to(outsider))
    assert [case.id for case in record.cases] == [one.pk for one in judged[:2]] and record.review == ()


def test_records_of_many_proposals_cost_as_many_queries_as_of_one(judged, django_assert_num_queries):
    rows = [propose(**REPEAT | {"title": f"Breach {number}"})[0] for number in range(3)]
    for count in (1, 3):
        with django_assert_num_queries(4):
            found = queries.attach_records(rows[:count], among=Pipeline.objects.all())
    assert {len(one.track_record.cases) for one in found} == {3}


def test_card_page_and_each_number_lead_to_the_proposals_that_it_counts(judged, approver, client):
    present = propose(**REPEAT)[0]
    client.force_login(approver)
    for address in ("/inbox/", f"/inbox/{present.pk}/", f"/inbox/{present.pk}/card/"):
        page = client.get(address).content.decode()
        assert f'href="/inbox/{present.pk}/record/?which=harmful">once harmful</a>' in page
        assert f'Review the approach: <a class="usa-link" href="/inbox/{judged[1].pk}/">' in page
    whole = client.get(f"/inbox/{present.pk}/record/").content.decode()
    assert all(f"#{one.pk} " in whole for one in judged) and whole.count("<polygon") == 1
    page = client.get(f"/inbox/{present.pk}/record/?which=harmful").content.decode()
    assert [f">#{one.pk} " in page for one in judged] == [False, False, True]
    assert client.get(f"/inbox/{present.pk}/record/?which=lucky").status_code == 404


def test_the_api_answers_the_line_the_numbers_and_the_cases(judged, approver, client):
    present = propose(**REPEAT)[0]
    client.force_login(approver)
    record = client.get(f"/api/v1/pipelines/{present.pk}/").json()["record"]
    effective, ineffective, harmful = (one.pk for one in judged)
    assert record["text"].startswith("approved 3 times, together −")
    assert record["review"].startswith("Review the approach: ")
    assert record["review_of"] == [ineffective, harmful]
    [pool] = record["pools"]
    assert pool["cases"] == [effective, ineffective, harmful] and pool["low"] < pool["value"] < pool["high"]
    cases = {kind: ids for kind, ids in record["cases"].items() if ids}
    assert cases == {"effective": [effective], "ineffective": [ineffective], "harmful": [harmful]}


def test_the_mail_about_the_next_proposal_says_to_review_the_approach(
    judged, approver, second, mailoutbox, settings
):
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"SITE_URL": "https://hms.example"}
    for user in (approver, second):
        User.objects.filter(pk=user.pk).update(email=f"{user}@example.org")
    # What only a group may see is not told to others.
    Pipeline.objects.filter(pk=judged[2].pk).update(restricted_to=Group.objects.create(name="others"))
    approver.groups.set(Group.objects.all())
    mailoutbox.clear()
    present = propose(**REPEAT)[0]
    run_errands(now=present.created_at)
    told = {mail.to[0]: mail.body for mail in mailoutbox}
    ineffective, harmful = (one.pk for one in judged[1:])
    assert (
        f"Review the approach: #{ineffective} had no effect, #{harmful} did harm." in told["ada@example.org"]
    )
    assert f"https://hms.example/inbox/{harmful}/\n" in told["ada@example.org"]
    assert "Review" not in told["bea@example.org"]


def test_the_page_of_a_record_is_as_hidden_as_its_proposal(judged, outsider, client):
    group = Group.objects.create(name="others")
    present = propose(**REPEAT, restricted_to=group)[0]
    client.force_login(outsider)
    assert client.get(f"/inbox/{present.pk}/record/").status_code == 404


def test_a_guardrail_that_was_harmed_stands_beside_the_verdict(approver, client):
    harm = {"topic": "er.open", "measure": MEASURE_OF | {"name": "Open cases"}, "reason": ""}
    harm["effect"] = describe_effect(make_effect("harmful", 0.3, 0.01))
    judge(approver, make_effect("effective", -0.4, 0.03), guardrails=[harm])
    present = propose(**REPEAT)[0]
    client.force_login(approver)
    page = client.get(f"/inbox/{present.pk}/record/").content.decode()
    assert "effective; harmed Open cases" in page and "</a> harmed Open cases." in page


def test_a_first_suggestion_has_no_line_and_an_empty_page(approver, client):
    present = propose(**REPEAT)[0]
    client.force_login(approver)
    assert "record known" not in client.get("/inbox/").content.decode()
    page = f"/inbox/{present.pk}/record/"
    assert f"Never approved, besides proposal #{present.pk}." in client.get(page).content.decode()
    approve(pipeline=present, by=approver, version=1)
    Pipeline.objects.filter(pk=present.pk).update(state="done")
    other = approve(pipeline=propose(**REPEAT)[0], by=approver, version=1)
    shown = client.get(f"/inbox/{other.pk}/").content.decode()
    assert "Approved once</a> before this one was decided." in shown and "As they stand now:" in shown
    # Others may have been approved since: what counts is what was known by then.
    assert f"Never approved before proposal #{present.pk} was decided on" in client.get(page).content.decode()
