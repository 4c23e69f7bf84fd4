"""Nothing of what a group keeps to itself is told beside a proposal that everybody reads."""

import json

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse

from pipelines_app.core.chain import encode
from pipelines_app.core.measuring import describe_effect
from pipelines_app.models import Effect, Errand, Pipeline, Policy
from pipelines_app.queries import Sight, look, show_text
from pipelines_app.services import propose, reject
from pipelines_app.services.errands.mail import write_mail
from pipelines_app.urls import urlpatterns
from tests.doors import find_pattern, list_doors
from tests.pipelines_app.judging import MEASURE_OF, SUGGESTION, TITLE, TOPIC, judge, make_effect

pytestmark = pytest.mark.django_db
REPEAT = {"title": TITLE, "suggestion": SUGGESTION, "topic": TOPIC}
# Where what is hidden would stand: comments, topics, records, warnings, counts.
MARKS = ("Hush", "er.hush", "once harmful", "Review the approach", "rejected by", "Besides, ")


@pytest.fixture
def hidden(approver, second, group):
    """Of the group alone: one that did harm, one that was rejected, one of another title and KPI."""
    rows = [
        judge(approver, make_effect("harmful", 0.2, 0.01)),
        propose(**REPEAT | {"suggestion": "Pay twice"})[0],
        propose(title="Hush", suggestion="Hush", topic="er.hush")[0],
    ]
    for row in rows[1:]:
        reject(pipeline=row, by=second, version=1, comment="Hush")
    ids = [row.pk for row in rows]
    Pipeline.objects.filter(pk__in=ids).update(restricted_to=group)
    return ids


def read_doors(client, pipeline):
    """``{name: text}`` of all pages and addresses that answer about this proposal, or about all."""
    names = [pattern.name for pattern in urlpatterns]
    names += [door.name for door in list_doors("pipelines_app.api") if door.method == "get"]
    found = {}
    for name in names:
        wanted = find_pattern(name).pattern.converters
        response = client.get(reverse(name, kwargs=dict.fromkeys(wanted, pipeline.pk)))
        if response.status_code == 200:
            found[name] = response.content.decode()
    return found


def test_no_door_tells_others_of_it_and_the_group_reads_it_at_each(hidden, client, second, member):
    present = propose(**REPEAT)[0]
    client.force_login(second)
    told = read_doors(client, present)
    assert len(told) == 11, list(told)
    for name, text in told.items():
        assert [mark for mark in MARKS if mark in text] == [], name
        assert [pk for pk in hidden if f"/inbox/{pk}/" in text] == [], name
    assert "The first of its kind." in told["pipeline_card"] and "Never approved" in told["pipeline_record"]
    answer = json.loads(told["api_pipeline"])
    assert (answer["history"]["total"], answer["record"]["text"]) == (0, "")
    client.force_login(member)
    whole = read_doors(client, present)
    assert [mark for mark in MARKS if mark not in whole["pipeline_detail"] + whole["inbox_decided"]] == []
    assert json.loads(whole["api_pipeline"])["history"]["total"] == 2


# What is frozen of a KPI that has become another group's since; "er.hush" by name, the last by none.
SECRET = ("er.hush", "Whisper", "4711")
FROZEN = {
    "kpi": {"topic": TOPIC, "name": "Waiting"},
    "companions": [
        {"topic": "er.hush", "name": "Whisper", "value": 4711, "text": "4711 beds"},
        {"name": "Whisper", "value": 4711},
        {"topic": "er.seen", "name": "Plain sight", "value": 5, "text": "5 beds"},
    ],
    "named": [
        {"named": {"topic": "er.hush"}, "topic": "er.hush", "title": "Whisper", "said": "mean 4711", "at": 1},
        {"named": {"topic": "er.seen"}, "topic": "er.seen", "title": "In sight", "said": "mean 5", "at": 1},
    ],
}


def describe_restriction(topic):
    """The hook: one topic is restricted to the group of the fixture."""
    if topic != "er.hush":
        return {}
    return {"restricted": True, "restricted_to": Group.objects.get(name="air quality")}


@pytest.fixture
def frozen(approver, settings, group):
    """``(judged, open)``, read by everybody, with frozen parts of a KPI that only the group may see."""
    beside = {"topic": "er.hush", "measure": MEASURE_OF | {"name": "Whisper"}, "reason": "", "days": None}
    beside["effect"] = describe_effect(make_effect("harmful", 0.47, 0.01))
    judged = judge(approver, make_effect("effective", -0.4, 0.03), guardrails=[beside], evidence=FROZEN)
    waits = propose(**REPEAT, evidence=FROZEN)[0]
    here = f"{__name__}.describe_restriction"
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"TOPICS": here}
    return judged, waits


def read_texts(client, user, *pipelines):
    """``{door: text}`` of all pages and addresses, the admin's and a mail, as this person reads them."""
    client.force_login(user)
    told = {f"{name} {row.pk}": text for row in pipelines for name, text in read_doors(client, row).items()}
    for row in pipelines:
        page = client.get(reverse("admin:pipelines_app_pipeline_change", args=[row.pk]))
        assert page.status_code == 200
        told[f"admin {row.pk}"] = page.content.decode()
    errand = Errand(pipeline=Pipeline.objects.get(pk=pipelines[-1].pk), recipient=f"new:{user.pk}")
    return told | {"mail": write_mail(user, [errand]).body}


@pytest.fixture
def readers(outsider, member):
    """One outside the group and one of it, both of whom may look into the admin."""
    view = Permission.objects.get(codename="view_pipeline")
    for user in (outsider, member):
        user.is_staff = True
        user.save()
        user.user_permissions.add(view)
    return outsider, member


def test_frozen_parts_of_what_was_restricted_since_are_told_at_no_door(frozen, readers, client):
    stored = list(Pipeline.objects.values_list("evidence_text")), list(Effect.objects.values_list("text"))
    told = read_texts(client, readers[0], *frozen)
    for name, text in told.items():
        assert [mark for mark in SECRET if mark in text] == [], name
    judged, waits = (row.pk for row in frozen)
    for page in (f"pipeline_detail {judged}", f"pipeline_detail {waits}"):
        assert "Plain sight" in told[page]
    # Nor that there is one: no count, no list that is begun, no sentence of what is left out.
    for name, text in told.items():
        found = [
            word for word in ("not shown", "not_shown", "What must not suffer", "Besides") if word in text
        ]
        assert found == [], name
    # Nor that it was harmed, which a warning or a record would tell.
    for name, text in told.items():
        assert [word for word in ("harmed", "Review the approach", "with harm") if word in text] == [], name
    answer = json.loads(told[f"api_pipeline {judged}"])
    parts = [answer["evidence"][name] for name in ("named", "companions")]
    assert [len(part) for part in parts] == [1, 1] and answer["effect"]["guardrails"] == []
    assert {*answer["versions"][0]} == {"number", "text", "sha256", "created_at"}
    # The group, and what is stored, have it all.
    whole = read_texts(client, readers[1], *frozen)
    for mark in SECRET:
        assert mark in whole[f"api_pipeline {judged}"] and mark in whole[f"admin {judged}"]
    assert "harmed Whisper" in whole[f"pipeline_record {waits}"]
    assert "Review the approach" in whole[f"pipeline_detail {waits}"] and "harmed Whisper" in whole["mail"]
    now = list(Pipeline.objects.values_list("evidence_text")), list(Effect.objects.values_list("text"))
    assert now == stored


def test_a_frozen_text_is_shown_as_it_is_or_without_what_is_hidden(frozen, group):
    _, waits = frozen
    text = json.dumps({"topic": TOPIC, "measuring": {"guardrails": [{"topic": "er.hush", "measure": None}]}})
    for sight, whole in ((Sight(), False), (Sight(frozenset([group.pk])), True), (Sight(None), True)):
        shown = show_text(look(waits, sight), text)
        assert (shown == text, "hush" in shown) == (whole, whole)
    # A key of the group that is limited to other topics sees no more of it than a stranger.
    limited = Sight(frozenset([group.pk]), ("er.wait",))
    assert show_text(look(waits, limited), text) == '{"measuring":{"guardrails":[]},"topic":"er.wait"}'
    assert show_text(look(waits, Sight()), "er.hush {") == ""


def test_the_policy_it_came_under_is_named_to_who_may_see_all_that_it_names(frozen, group):
    _, waits = frozen
    quiet = Policy.objects.create(name="Quiet", topics="er.*", guardrails="er.hush")
    text = encode({"policy": {"id": quiet.pk, "name": "Quiet"}, "topic": TOPIC})
    for sight, whole in ((Sight(), False), (Sight(frozenset([group.pk])), True), (Sight(None), True)):
        assert (show_text(look(waits, sight), text) == text) is whole
    assert show_text(look(waits, Sight()), text) == encode({"topic": TOPIC})
    Policy.objects.filter(pk=quiet.pk).update(guardrails="er.seen")
    assert show_text(look(waits, Sight()), text) == text
    Policy.objects.all().delete()
    assert "Quiet" not in show_text(look(waits, Sight()), text)


def test_another_action_in_the_span_of_an_effect_is_told_to_those_who_may_see_it(readers, approver, client):
    group = Group.objects.get(name="air quality")
    secret = propose(title="Hush", suggestion="Hush", topic=TOPIC, restricted_to=group)[0]
    plain = propose(title="Plain", suggestion="Plain", topic=TOPIC)[0]
    actions = [{"at": 1_234_567, "id": secret.pk}, {"at": 7_654_321, "id": plain.pk}]
    effect = make_effect("effective", -0.4, 0.03, together=[one["at"] for one in actions])
    judged = judge(approver, effect, confounders={"actions": actions})
    told, whole = (read_texts(client, reader, judged) for reader in readers)
    page, door = f"pipeline_detail {judged.pk}", f"api_pipeline {judged.pk}"
    assert f"Together with #{plain.pk}" in told[page] and f"Together with #{secret.pk}" in whole[page]
    for name, text in told.items():
        assert f"Together with #{secret.pk}" not in text and "1234567" not in text, name
    assert json.loads(told[door])["effect"]["confounders"] == {"actions": actions[1:]}
    assert json.loads(whole[door])["effect"]["confounders"] == {"actions": actions}
