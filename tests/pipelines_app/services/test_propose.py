"""Opening a proposal."""

from datetime import timedelta

import pytest
from django.utils import timezone

from pipelines_app import services
from pipelines_app.core.chain import digest
from pipelines_app.exceptions import BadInput, NotAllowed
from pipelines_app.models import AuditEntry, Pipeline
from pipelines_app.services import propose

pytestmark = pytest.mark.django_db
BREACH = {"title": "Response time breach", "suggestion": "Hire 2 temp agents", "topic": ""}
heard = []


def listen(pipeline):
    heard.append((pipeline.pk, pipeline.state))


def stumble(pipeline):
    raise RuntimeError("the handler is broken")


def test_it_opens_by_the_short_form_of_the_contract():
    mean = 187_200.5
    pipeline = services.open_pipeline(title="Response time breach", suggestion="Hire 2 temp agents", kpi=mean)
    assert (pipeline.state, pipeline.version, pipeline.kpi) == ("awaiting_approval", 1, mean)


def test_it_notes_the_newer_value_while_one_of_the_same_title_and_topic_is_open():
    first, created = propose(**BREACH, kpi=5)
    second, again = propose(**BREACH, kpi=6.5)
    assert (created, again, second.pk) == (True, False, first.pk)
    assert (second.kpi, second.latest_kpi, second.noted, second.version) == (5, 6.5, 1, 1)
    assert second.latest_at >= first.created_at


def test_it_opens_another_for_another_topic_or_title():
    first = propose(**BREACH)[0]
    assert propose(**BREACH | {"topic": "er.wait"})[1]
    assert propose(**BREACH | {"title": "Other"})[0].pk != first.pk


def test_it_opens_a_new_one_once_the_first_is_decided(approver):
    first = propose(**BREACH, kpi=1)[0]
    services.reject(pipeline=first, by=approver, version=1, comment="no money")
    second, created = propose(**BREACH, kpi=2)
    assert created and second.pk != first.pk


def test_it_answers_the_same_proposal_for_the_same_origin_and_notes_nothing(approver):
    first = propose(**BREACH, origin="breach:1", kpi=1)[0]
    assert propose(**BREACH, origin="breach:1", kpi=2) == (first, False)
    services.approve(pipeline=first, by=approver, version=1)
    again, created = propose(**BREACH, origin="breach:1", kpi=2)
    assert (again.pk, created, again.noted, again.state) == (first.pk, False, 0, "approved")


def test_it_notes_a_repeated_message_once():
    propose(**BREACH, origin="breach:1")
    propose(**BREACH, origin="breach:2", kpi=2)
    pipeline, created = propose(**BREACH, origin="breach:2", kpi=2)
    assert (created, pipeline.noted) == (False, 1)


def test_it_freezes_evidence_with_its_hash_and_the_policy(settings):
    settings.PIPELINES_APP = {"QUORUM": 2}
    evidence = {"value": 52.0, "limit": 48.0, "operator": "gt", "n": 23}
    pipeline = propose(**BREACH, kpi=52.0, evidence=evidence, origin="breach:9")[0]
    evidence["value"] = 1
    pipeline.refresh_from_db()
    assert pipeline.evidence["value"] == 52.0
    assert pipeline.evidence["policy"] == {"quorum": 2, "decide_within": 86400}
    assert pipeline.evidence["proposal"]["suggestion"] == "Hire 2 temp agents"
    assert pipeline.evidence_sha256 == digest(pipeline.evidence_text) and pipeline.evidence_intact
    assert pipeline.overrun == pytest.approx(4 / 48)


def test_it_keeps_every_number_and_letter_of_the_evidence():
    evidence = {"big": 1e22, "small": 5e-324, "zero": -0.0, "text": "\x00 暖房", "none": None}
    pipeline = Pipeline.objects.get(pk=propose(**BREACH, evidence=evidence)[0].pk)
    assert {name: pipeline.evidence[name] for name in evidence} == evidence
    assert pipeline.evidence_intact


@pytest.mark.parametrize("bad", [float("nan"), object(), {1, 2}, "\ud800"])
def test_it_refuses_evidence_that_is_not_json(bad):
    with pytest.raises(BadInput, match="evidence"):
        propose(**BREACH, evidence={"value": bad})
    assert not Pipeline.objects.exists()


def test_it_notices_evidence_that_was_touched(pipeline):
    Pipeline.objects.filter(pk=pipeline.pk).update(evidence_text='{"value": 1}')
    pipeline.refresh_from_db()
    assert not pipeline.evidence_intact


@pytest.mark.parametrize("text", ["broken", "[]", "null", "7"])
def test_evidence_that_is_no_object_any_more_is_empty_and_keeps_no_repeat_from_being_noted(pipeline, text):
    Pipeline.objects.filter(pk=pipeline.pk).update(evidence_text=text)
    again = propose(title=pipeline.title, suggestion="Act", topic=pipeline.topic, kpi=7.0)[0]
    assert (again.pk, again.latest_kpi, again.evidence) == (pipeline.pk, 7.0, {})


@pytest.mark.parametrize(
    "change",
    [
        {"title": ""},
        {"title": "a" * 201},
        {"title": "a\x00"},
        {"suggestion": " "},
        {"suggestion": "a" * 501},
        {"kpi": float("inf")},
        {"kpi": "5"},
        {"topic": "Er Wait"},
        {"severity": "awful"},
        {"unit": "u" * 61},
        {"origin": "o" * 101},
    ],
)
def test_it_refuses_bad_input_and_stores_nothing(change):
    with pytest.raises(BadInput) as caught:
        propose(**BREACH | change)
    assert caught.value.errors[0]["field"] in change
    assert not Pipeline.objects.exists() and not AuditEntry.objects.exists()


def test_it_gives_critical_ones_four_hours_and_others_a_day():
    now = timezone.now()
    urgent = propose(**BREACH, severity="critical", now=now)[0]
    calm = propose(**BREACH | {"title": "Calm"}, now=now)[0]
    assert urgent.due_at - now == timedelta(hours=4)
    assert calm.due_at - now == timedelta(hours=24)


def test_it_remembers_who_proposed(approver):
    approver.first_name, approver.last_name = "Ada", "Lovelace"
    approver.save()
    pipeline = propose(**BREACH, proposer=approver)[0]
    assert (pipeline.proposer, pipeline.proposer_name) == (approver, "Ada Lovelace")


def describe(topic):
    return {"unit": "seconds", "restricted": True, "restricted_to": describe.group}


def test_it_takes_unit_and_restriction_from_the_project(settings, group):
    describe.group = group
    settings.PIPELINES_APP = {"TOPICS": f"{__name__}.describe"}
    pipeline = propose(**BREACH | {"topic": "air.latency"})[0]
    assert (pipeline.unit, pipeline.restricted_to) == ("seconds", group)


def test_it_opens_nothing_about_a_restricted_topic_that_no_group_owns(settings):
    describe.group = None
    settings.PIPELINES_APP = {"TOPICS": f"{__name__}.describe"}
    with pytest.raises(BadInput, match="no group owns it"):
        propose(**BREACH | {"topic": "air.latency"})


class Project:
    """Measures, and nothing else."""

    def measure(self, *args, **wanted):
        raise AssertionError("nobody looks at it yet")

    def freeze(self, topic, start, end):
        return {"value": 2.0, "span": end - start, "quantity": {"label": f"mean of {topic}"}}


PROJECT = Project()


def test_it_freezes_what_the_project_measures_where_the_proposer_brought_no_evidence(settings):
    settings.PIPELINES_APP = {"MEASUREMENTS": f"{__name__}.PROJECT"}
    evidence = propose(**BREACH | {"topic": "air.latency"})[0].evidence
    assert (evidence["value"], evidence["span"]) == (2.0, 3_600_000)
    assert evidence["quantity"] == {"label": "mean of air.latency"}


def test_it_opens_even_when_the_measurement_fails(settings, caplog):
    settings.PIPELINES_APP = {"MEASUREMENTS": __name__}
    pipeline = propose(**BREACH | {"topic": "air.latency"})[0]
    assert "quantity" not in pipeline.evidence
    assert "could not freeze ('air.latency'" in caplog.text


def test_it_tells_the_handlers_after_the_commit_and_outlives_a_broken_one(
    settings, django_capture_on_commit_callbacks, caplog
):
    settings.PIPELINES_APP = {"ON_CHANGE": [f"{__name__}.stumble", f"{__name__}.listen"]}
    heard.clear()
    with django_capture_on_commit_callbacks(execute=True):
        pipeline = propose(**BREACH)[0]
        assert heard == []
    assert heard == [(pipeline.pk, "awaiting_approval")]
    assert "stumble failed" in caplog.text


def test_it_writes_the_first_audit_row(pipeline):
    entry = pipeline.audit.get()
    assert (entry.seq, entry.event) == (1, "proposed")
    assert entry.data["evidence_sha256"] == pipeline.evidence_sha256


@pytest.mark.django_db(transaction=True)
def test_it_opens_one_proposal_when_eight_threads_propose_at_once(race):
    results = race(*[lambda value=value: propose(**BREACH, kpi=value) for value in range(8)])
    assert {pipeline.pk for pipeline, _ in results} == {Pipeline.objects.get().pk}
    assert sum(created for _, created in results) == 1
    assert Pipeline.objects.get().noted == 7


@pytest.mark.django_db(transaction=True)
def test_it_notes_one_message_once_when_it_comes_four_times_at_once(race):
    propose(**BREACH, origin="breach:1")
    race(*[lambda: propose(**BREACH, origin="breach:2", kpi=1) for _ in range(4)])
    assert Pipeline.objects.get().noted == 1


@pytest.mark.django_db(transaction=True)
def test_it_opens_one_proposal_when_one_origin_is_announced_twice_at_once(race):
    results = race(*[lambda: propose(**BREACH, origin="breach:7", kpi=1) for _ in range(4)])
    assert sorted(created for _, created in results) == [False, False, False, True]
    assert Pipeline.objects.get().noted == 0


def test_it_never_hands_an_open_proposal_a_group_it_was_not_opened_for(group):
    first = propose(**BREACH, restricted_to=group)[0]
    second, created = propose(**BREACH)
    assert created and second.restricted_to is None
    first.refresh_from_db()
    assert (first.restricted_to, first.noted) == (group, 0)


def test_it_raises_its_own_errors_only():
    assert issubclass(BadInput, ValueError) and not issubclass(NotAllowed, BadInput)
