"""Programs propose with reasons, evidence and actions of their key; people decide."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core import mail
from django.test import Client
from django.utils import timezone

from metrics_app.models import Breach, Kpi
from metrics_app.registry import forget
from metrics_app.services.keys import create_key
from pipelines_app import queries
from pipelines_app.api.urls import urlpatterns
from pipelines_app.core.moments import to_ms
from pipelines_app.core.versions import UNSAID, describe_columns, list_differences
from pipelines_app.exceptions import NotAllowed, Tampered
from pipelines_app.models import Pipeline, Version
from pipelines_app.services import approve, change_suggestion, delegate, propose, run_errands
from pipelines_app.services.verify import verify_audit
from tests.metrics_app.watching import HOUR, TOPIC, make_threshold, send
from tests.pipelines_app.acting import forget as forget_orders

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[3]
BODY = {"title": "Slow", "suggestion": "Hire 2", "kpi": 187_200, "topic": TOPIC}
NOW = 1_790_000_000_000


@pytest.fixture
def threshold():
    """The rule of the worked example, with its KPI."""
    return make_threshold(now=NOW, by=User.objects.create_superuser("author"))


@pytest.fixture
def breach(threshold):
    """It fired at 54 h and is still on."""
    return Breach.objects.create(
        threshold=threshold, version=threshold.version, since=NOW, fired_at=NOW, value=54.0 * HOUR, n=2
    )


@pytest.fixture
def paying(settings):
    """The project has the action ``pay``, which is carried out at once."""
    forget_orders()
    more = {"ACTIONS": {"pay": "tests.pipelines_app.acting.act"}}
    settings.PIPELINES_APP = settings.PIPELINES_APP | more


@pytest.fixture
def hidden(group):
    """A KPI that only the group sees, with its rule and a breach; their names in evidence."""
    rule = make_threshold(now=NOW, by=User.objects.create_superuser("boss"))
    Kpi.objects.filter(topic=TOPIC).update(restricted=True, owner=group)
    forget()
    breach = Breach.objects.create(threshold=rule, version=1, since=NOW, fired_at=NOW, value=1.0)
    return [{"breach": breach.pk}, {"threshold": rule.pk}, {"topic": TOPIC, "window": 1800}]


def tell(response):
    """The faults as ``{field: message}``."""
    return {one["field"]: one["message"] for one in response.json()["errors"]}


def test_a_program_gives_reasons_and_is_marked_as_one(make_key, breach, outsider, call):
    answer = make_key("propose").post("", BODY | {"rationale": " Two are ill. \n", "topic": TOPIC})
    assert answer.status_code == 201
    found = answer.json()
    assert (found["rationale"], found["program"], found["proposer"]) == (
        "Two are ill.", "advisor", "key advisor",
    )  # fmt: skip
    said = json.loads(found["versions"][0]["text"])
    assert (said["rationale"], said["program"]) == ("Two are ill.", "advisor")
    assert call(user=outsider).get().json()["results"][0]["program"] == "advisor"
    assert verify_audit().faults == []


def test_what_it_names_is_frozen_with_what_it_said(make_key, breach, threshold):
    send((to_ms(timezone.now()) - 5_000, 50.0 * HOUR))
    named = [{"breach": breach.pk}, {"threshold": threshold.pk}, {"topic": TOPIC, "window": 600}]
    answer = make_key("propose").post("", BODY | {"evidence": named})
    assert answer.status_code == 201, answer.json()
    first, second, third = answer.json()["evidence"]["named"]
    assert [one["named"] for one in (first, second, third)] == named
    assert first["said"] == "mean over 30 min 54 h, limit 48 h; still on" and first["value"] == 54 * HOUR
    assert second["said"] == "mean over 30 min 50 h, limit 48 h; the rule is not judged yet"
    assert (third["said"], third["n"], third["link"]) == ("mean over 10 min 2 d 2 h", 1, f"/kpis/{TOPIC}/")
    Breach.objects.update(value=1, recovered_at=NOW + 1)
    again = make_key("read").get(f"{answer.json()['id']}/").json()
    assert again["evidence"]["named"][0]["said"].endswith("still on") and again["evidence_intact"]


def test_the_example_of_the_page_is_taken(make_key, breach, threshold, settings):
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"ACTION_RECIPIENTS": ["@example.org"]}
    text = (ROOT / "docs/agents.md").read_text()
    body = json.loads(re.search(r"```json\n(.*?)```", text, re.DOTALL)[1])
    body["evidence"][0]["breach"], body["evidence"][1]["threshold"] = breach.pk, threshold.pk
    answer = make_key("propose", actions=["mail"]).post("", body)
    assert answer.status_code == 201, answer.json()
    assert answer.json()["action_params"] == body["action_params"]


def test_a_repeat_notes_the_value_and_keeps_the_words(make_key, threshold):
    key = make_key("propose")
    assert key.post("", BODY | {"rationale": "First."}).status_code == 201
    answer = key.post("", BODY | {"rationale": "Second.", "kpi": 190_000})
    assert answer.status_code == 200
    assert (answer.json()["rationale"], answer.json()["latest_kpi"]) == ("First.", 190_000)
    wrong = key.post("", BODY | {"evidence": [{"breach": 99}]})
    assert wrong.status_code == 400 and "there is no breach 99" in tell(wrong)["evidence.0.breach"]


def test_a_person_gives_reasons_and_evidence_too_but_names_no_action(call, outsider, threshold, paying):
    outsider.user_permissions.add(Permission.objects.get(codename="add_pipeline"))
    body = BODY | {"rationale": "I saw it.", "evidence": [{"threshold": threshold.pk}]}
    found = call(user=outsider).post("", body).json()
    assert (found["program"], found["rationale"], len(found["evidence"]["named"])) == ("", "I saw it.", 1)
    answer = call(user=outsider).post("", BODY | {"title": "Other", "action": "pay"})
    assert answer.status_code == 403 and "done by hand" in tell(answer)[None]


# Actions


def test_it_names_an_action_of_its_key(make_key, paying):
    answer = make_key("propose", actions=["pay"]).post(
        "", BODY | {"action": "pay", "action_params": {"amount": 2}}
    )
    assert answer.status_code == 201
    assert (answer.json()["action"], answer.json()["action_params"]) == ("pay", {"amount": 2})


@pytest.mark.parametrize("action", ["pay", "mail", "nonsense", "\u202epay"])
def test_it_names_no_other_action(make_key, paying, action):
    answer = make_key("propose").post("", BODY | {"action": action})
    assert answer.status_code in (400, 403) and tell(answer)
    assert not Pipeline.objects.exists()


def test_it_says_which_actions_a_key_may_name(make_key, paying):
    answer = make_key("propose", actions=["pay"]).post("", BODY | {"action": "mail"})
    assert answer.status_code == 403 and "it may name: pay" in tell(answer)[None]


def test_the_threshold_that_an_action_moves_must_be_visible(make_key, hidden, group):
    body = BODY | {"topic": "", "action": "threshold"}
    unknown = body | {"action_params": {"threshold": 10**6, "limit": "x"}}
    known = body | {"action_params": hidden[1] | {"limit": "x"}}
    key = make_key("propose", actions=["threshold"])
    told = [tell(key.post("", one)) for one in (unknown, known)]
    assert told[0] == {"action_params.0.threshold": "there is no threshold 1000000 that you may see"}
    assert list(told[1].values()) == [f"there is no threshold {hidden[1]['threshold']} that you may see"]


# Who may see what


@pytest.mark.parametrize("index", [0, 1, 2])
def test_what_is_hidden_is_answered_as_what_is_not_there(make_key, hidden, index):
    entry = hidden[index]
    kind = next(iter(entry))
    key = make_key("propose", "read")
    body = BODY | {"topic": "", "evidence": [entry]}
    there = tell(key.post("", body))
    assert not Pipeline.objects.exists()
    Breach.objects.all().delete()
    Kpi.objects.all().delete()
    forget()
    assert tell(key.post("", body)) == there
    assert there == {f"evidence.0.{kind}": f"there is no {kind} {ascii(entry[kind])} that you may see"}


def test_the_group_of_a_restricted_kpi_names_it_where_only_the_group_reads_it(make_key, hidden, group):
    key = make_key("propose", group=group)
    assert key.post("", BODY | {"evidence": hidden}).status_code == 201
    answer = key.post("", BODY | {"topic": "er.wait", "evidence": hidden})
    assert answer.status_code == 400 and "would be read by others" in tell(answer)["evidence.0.breach"]


def test_a_key_of_some_topics_names_no_others(make_key, threshold):
    key = make_key("propose", topics=["er.*"])
    answer = key.post("", BODY | {"topic": "er.wait", "evidence": [{"topic": TOPIC}]})
    assert answer.status_code == 400 and "that you may see" in tell(answer)["evidence.0.topic"]


# Input


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"rationale": 3}, "rationale"),
        ({"rationale": "x" * 4_001}, "rationale"),
        ({"rationale": "a\x00"}, "rationale"),
        ({"rationale": "a\ud800"}, "rationale"),
        ({"rationale": None}, "rationale"),
        ({"action_params": {"amount": 2}}, "action_params"),
        ({"action": "pay", "action_params": [1]}, "action_params"),
        ({"action": "pay", "action_params": {"a": "\ud800"}}, "action_params"),
        ({"action": "pay", "action_params": {"a": "\x00"}}, "action_params"),
        ({"action": "pay", "action_params": {"a": "x" * 10_001}}, "action_params"),
        ({"action": ["pay"]}, "action"),
        ({"evidence": {"breach": 1}}, "evidence"),
        ({"evidence": [{"topic": TOPIC}] * 11}, "evidence"),
        ({"evidence": [3]}, "evidence.0"),
        ({"evidence": [{}]}, "evidence.0"),
        ({"evidence": [{"link": "http://x"}]}, "evidence.0"),
        ({"evidence": [{"breach": 1, "threshold": 1}]}, "evidence.0"),
        ({"evidence": [{"breach": "1"}]}, "evidence.0.breach"),
        ({"evidence": [{"breach": True}]}, "evidence.0.breach"),
        ({"evidence": [{"breach": 10**30}]}, "evidence.0.breach"),
        ({"evidence": [{"breach": [1]}]}, "evidence.0.breach"),
        ({"evidence": [{"breach": 2**63 - 1}]}, "evidence.0.breach"),
        ({"evidence": [{"topic": 7}]}, "evidence.0.topic"),
        ({"evidence": [{"topic": TOPIC, "window": 0}]}, "evidence.0.window"),
        ({"evidence": [{"topic": TOPIC, "window": "1800"}]}, "evidence.0.window"),
        ({"evidence": [{"topic": TOPIC, "aggregate": "best"}]}, "evidence.0.aggregate"),
        ({"evidence": [{"topic": TOPIC, "since": 1}]}, "evidence.0.since"),
        ({"program": "me"}, "program"),
        ({"reader": "me"}, "reader"),
    ],
)
def test_it_names_the_field_that_is_wrong(make_key, threshold, paying, more, field):
    answer = make_key("propose", actions=["pay"]).post("", BODY | more)
    assert answer.status_code == 400 and field in tell(answer)
    assert not Pipeline.objects.exists()


@pytest.mark.parametrize("depth", [21, 400, 40_000])
def test_parameters_that_are_nested_too_deeply_are_refused(make_key, paying, depth):
    nested = '{"a":' * depth + "1" + "}" * depth
    body = json.dumps(BODY | {"action": "pay", "action_params": 0}).replace(": 0}", f": {nested}}}")
    answer = make_key("propose", actions=["pay"]).post("", body)
    assert answer.status_code in (400, 413) and "deep" in str(tell(answer)) + "deep" * (depth > 10_000)


def test_evidence_that_cannot_be_read_is_a_later_and_opens_nothing(make_key, threshold, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"REDIS_URL": "redis://127.0.0.1:1/0"}
    answer = make_key("propose").post("", BODY | {"evidence": [{"topic": TOPIC}]})
    assert answer.status_code == 503 and answer["Retry-After"]
    assert not Pipeline.objects.exists()


# It never decides


DOORS = [str(one.pattern) for one in urlpatterns if str(one.pattern).count("/") == 3]


def test_the_doors_that_decide_are_known():
    names = {door.split("/")[2] for door in DOORS}
    assert {"approve", "reject", "withdraw", "change", "undo", "confirm", "fail", "retry"} <= names


@pytest.mark.parametrize("door", DOORS)
def test_every_door_that_decides_refuses_a_key(make_key, pipeline, door):
    body = {"version": 1, "comment": "x", "suggestion": "y", "day": "2026-11-28"}
    answer = make_key("propose", "read").post(
        door.removeprefix("pipelines/").replace("<int:pk>", str(pipeline.pk)), body
    )
    assert answer.status_code == 403 and "a key cannot decide" in tell(answer)[None]
    assert Pipeline.objects.get().state == "awaiting_approval" and not pipeline.decisions.exists()


@pytest.mark.parametrize("vote", ["approve", "reject", "change", "withdraw", "undo", "confirm", "fail"])
def test_the_page_takes_no_key(pipeline, vote):
    headers = {"Authorization": f"Bearer {create_key(name='a', scopes=['propose', 'read'])[1]}"}
    answer = Client(headers=headers).post(f"/inbox/{pipeline.pk}/decide/", {"vote": vote, "version": 1})
    assert answer.status_code == 302 and "/login/" in answer["Location"]
    assert Pipeline.objects.get().state == "awaiting_approval"


# Nor does whoever made its key


@pytest.fixture
def maker(approver):
    """Decides, and may give a key the right to propose."""
    approver.user_permissions.add(Permission.objects.get(codename="add_pipeline"))
    return approver


def test_whoever_made_the_key_never_decides_on_what_it_proposes(make_key, call, maker, second, member):
    made = make_key("propose", by=maker).post("", BODY).json()
    pipeline, own = Pipeline.objects.get(), call(user=maker)
    assert (pipeline.proposer, made["proposer"], made["program"]) == (maker, "key advisor", "advisor")
    for vote in ("approve", "reject"):
        answer = own.post(f"{pipeline.pk}/{vote}/", {"version": 1, "comment": "x"})
        assert answer.status_code == 403
        assert tell(answer)[None] == "You made the key that proposed this: somebody else must decide."
    # Neither in another's seat, nor another in theirs, nor once they have changed it.
    now = timezone.now()
    days = {"starts_at": now - timedelta(days=1), "ends_at": now + timedelta(days=1)}
    delegate(by=second, to=maker, **days)
    delegate(by=maker, to=member, **days)
    with pytest.raises(NotAllowed, match="made the key"):
        approve(pipeline=pipeline, by=maker, version=1)
    assert queries.find_seat(pipeline, member)[0] == member
    change_suggestion(pipeline=pipeline, by=maker, version=1, suggestion="Hire 3")
    with pytest.raises(NotAllowed, match="somebody else must decide"):
        approve(pipeline=pipeline, by=maker, version=2)
    assert maker not in queries.list_deciders(Pipeline.objects.get())
    assert approve(pipeline=pipeline, by=second, version=2).state == "approved"
    assert verify_audit().faults == []


def test_a_superuser_who_made_a_key_for_a_group_leaves_the_decision_to_the_group(
    make_key, hidden, group, member, admin_user
):
    make_key("propose", group=group, by=admin_user).post("", BODY)
    pipeline = Pipeline.objects.get()
    with pytest.raises(NotAllowed, match="made the key"):
        approve(pipeline=pipeline, by=admin_user, version=1)
    assert approve(pipeline=pipeline, by=member, version=1).state == "approved"


def test_an_account_that_is_gone_holds_up_no_proposal_of_the_key_it_made(make_key, maker, second):
    key = make_key("propose", by=maker)
    key.post("", BODY)
    maker.delete()
    assert key.post("", BODY | {"title": "Later"}).status_code == 201
    assert [one.proposer for one in Pipeline.objects.all()] == [None, None]
    for pipeline in Pipeline.objects.all():
        assert approve(pipeline=pipeline, by=second, version=1).state == "approved"
    assert verify_audit().faults == []


# Frozen


@pytest.mark.parametrize(("column", "value"), [("rationale", "'Nothing to see'"), ("program", "''")])
def test_an_edited_word_is_named_and_lets_no_approval_pass(make_key, approver, touch, column, value):
    make_key("propose").post("", BODY | {"rationale": "Two are ill."})
    touch(f"UPDATE pipelines_app_pipeline SET {column} = {value}")
    pipeline = Pipeline.objects.get()
    assert f"{column} of proposal #{pipeline.pk} differs from its version 1" in verify_audit().faults
    with pytest.raises(Tampered, match=column):
        approve(pipeline=pipeline, by=approver, version=1)


def test_an_edited_text_is_named(make_key, touch):
    make_key("propose").post("", BODY | {"rationale": "Two are ill."})
    touch("UPDATE pipelines_app_version SET text = replace(text, 'Two are ill', 'All are ill')")
    assert "All are ill" in Version.objects.get().text
    assert any("the text of version 1" in fault for fault in verify_audit().faults)


def test_edited_evidence_is_named_and_lets_no_approval_pass(make_key, approver, touch, breach):
    make_key("propose").post("", BODY | {"evidence": [{"breach": breach.pk}]})
    touch("UPDATE pipelines_app_pipeline SET evidence_text = replace(evidence_text, 'still on', 'over')")
    pipeline = Pipeline.objects.get()
    assert f"the evidence of proposal #{pipeline.pk} was changed" in verify_audit().faults
    with pytest.raises(Tampered, match="evidence"):
        approve(pipeline=pipeline, by=approver, version=1)


def test_a_version_from_before_there_were_programs_is_as_it_was(pipeline):
    version = Version.objects.get()
    document = json.loads(version.text)
    assert document.pop("program") == document.pop("rationale") == ""
    assert list_differences(UNSAID | document, describe_columns(pipeline)) == []
    pipeline.rationale = "slipped in"
    assert list_differences(UNSAID | document, describe_columns(pipeline)) == ["rationale"]


# Where people read it


def test_people_read_that_a_program_wrote_it(make_key, approver, breach, admin_client, client):
    approver.email = "ada@example.org"
    approver.save()
    body = {"rationale": "Two are <ill>.", "evidence": [{"breach": breach.pk}]}
    pk = make_key("propose").post("", BODY | body).json()["id"]
    client.force_login(approver)
    mark = "Written by a program, key advisor"
    card, page = (client.get(path).content.decode() for path in ("/inbox/", f"/inbox/{pk}/"))
    for text in (card, page):
        assert mark in text and "Two are &lt;ill&gt;." in text
    assert "mean over 30 min 54 h, limit 48 h; still on" in page
    for path in ("", f"{pk}/change/"):
        assert mark in admin_client.get(f"/admin/pipelines_app/pipeline/{path}").content.decode()
    run_errands()
    assert mark in mail.outbox[0].body


def test_it_says_whose_suggestion_took_the_place_of_a_programs(make_key, approver, client):
    pk = make_key("propose").post("", BODY).json()["id"]
    change_suggestion(pipeline=Pipeline.objects.get(), by=approver, version=1, suggestion="Hire 1")
    client.force_login(approver)
    page = client.get(f"/inbox/{pk}/").content.decode()
    assert "Written by a program, key advisor; the suggestion was changed by ada" in page


def test_what_a_rule_or_a_person_wrote_is_not_marked(pipeline, approver, client):
    client.force_login(approver)
    assert "Written by a program" not in client.get("/inbox/").content.decode()
    assert Group.objects.count() == 0 and propose(title="A", suggestion="B")[0].program == ""
