"""Proposals over HTTP."""

import json

import pytest
from django.contrib.auth.models import Permission

from metrics_app.models import Kpi
from metrics_app.registry import forget
from pipelines_app.core.moments import to_ms
from pipelines_app.models import Decision, Pipeline
from pipelines_app.services import approve, propose
from pipelines_app.services.verify import verify_audit

pytestmark = pytest.mark.django_db
BODY = {"title": "Response time breach", "suggestion": "Hire 2 temp agents", "kpi": 187_200}


def messages(response):
    return " ".join(error["message"] for error in response.json()["errors"])


# Reading


def test_it_lists_the_inbox(call, outsider, pipeline):
    answer = call(user=outsider).get(state="awaiting_approval").json()
    assert (answer["count"], answer["next"], answer["previous"]) == (1, None, None)
    row = answer["results"][0]
    assert (row["id"], row["title"], row["state"], row["version"]) == (
        pipeline.pk,
        "Response time breach",
        "awaiting_approval",
        1,
    )
    assert "evidence" not in row


def test_it_lists_the_most_urgent_first_in_the_inbox_and_the_newest_first_elsewhere(call, outsider):
    evidence = {"limit": 100.0, "operator": "gt"}
    mild = propose(title="Mild", suggestion="x", kpi=101, evidence=evidence)[0]
    wild = propose(title="Wild", suggestion="x", kpi=300, evidence=evidence)[0]
    info = propose(title="Info", suggestion="x", kpi=900, evidence=evidence, severity="info")[0]
    grave = propose(title="Grave", suggestion="x", severity="critical")[0]
    late = propose(title="Late", suggestion="x", kpi=99, evidence=evidence)[0]
    ids = [row["id"] for row in call(user=outsider).get(state="awaiting_approval").json()["results"]]
    assert ids == [grave.pk, wild.pk, mild.pk, late.pk, info.pk]
    ids = [row["id"] for row in call(user=outsider).get().json()["results"]]
    assert ids == [late.pk, grave.pk, info.pk, wild.pk, mild.pk]


def test_it_pages_and_filters(call, outsider, approver):
    rows = [propose(title=f"P{n}", suggestion="x", topic="er.wait" if n else "")[0] for n in range(5)]
    approve(pipeline=rows[0], by=approver, version=1)
    caller = call(user=outsider)
    page = caller.get(state="awaiting_approval", limit=2, offset=1).json()
    assert page["count"] == 4 and len(page["results"]) == 2 and page["next"]
    assert caller.get(state="approved").json()["count"] == 1
    assert caller.get(state=["approved", "awaiting_approval"]).json()["count"] == 5
    assert caller.get(topic="er.wait").json()["count"] == 4
    assert caller.get(severity="critical").json()["count"] == 0


@pytest.mark.parametrize(
    "query",
    [
        {"state": "open"},
        {"state": "approved\x00"},
        {"state": ["approved", "x"]},
        {"severity": "x"},
        {"topic": "Er Wait"},
        {"topic": "a\x00"},
        {"limit": "x"},
        {"offset": "-1"},
        {"stat": "approved"},
    ],
)
def test_it_refuses_a_filter_it_does_not_know(call, outsider, pipeline, query):
    response = call(user=outsider).get(**query)
    assert response.status_code == 400 and messages(response)


@pytest.mark.parametrize("state", ["", "awaiting_approval"])
def test_it_answers_an_empty_page_far_beyond_the_end(call, outsider, pipeline, state):
    response = call(user=outsider).get(state=state, offset=10**25)
    assert response.status_code in (200, 400)


def test_it_shows_everything_about_one(call, approver, pipeline):
    answer = call(user=approver).get(f"{pipeline.pk}/").json()
    assert {
        "id", "title", "suggestion", "topic", "kpi", "state", "version", "evidence", "decisions", "effect",
        "audit", "due_at",
    } <= set(answer)  # fmt: skip
    assert answer["evidence"]["policy"]["quorum"] == 1 and answer["evidence_intact"] is True
    assert answer["effect"] is None and answer["decisions"] == []
    assert answer["audit"][0]["event"] == "proposed"
    assert answer["due_at"] == to_ms(pipeline.due_at)
    assert (answer["may_decide"], answer["why_not"]) == (True, "")


def test_it_says_why_a_reader_may_not_decide(call, outsider, approver, pipeline):
    assert "decide_pipeline" in call(user=outsider).get(f"{pipeline.pk}/").json()["why_not"]
    approve(pipeline=pipeline, by=approver, version=1)
    assert "ada approved" in call(user=approver).get(f"{pipeline.pk}/").json()["why_not"]


def test_it_shows_a_proposal_whose_evidence_was_touched(call, outsider, pipeline):
    Pipeline.objects.update(evidence_text="not JSON")
    answer = call(user=outsider).get(f"{pipeline.pk}/").json()
    assert (answer["evidence"], answer["evidence_intact"]) == ({}, False)


@pytest.mark.parametrize("pk", ["0", "999999", str(2**63), "9" * 400])
@pytest.mark.parametrize("path", ["{}/", "{}/approve/"])
def test_it_answers_404_for_an_id_that_does_not_exist(call, approver, pk, path):
    caller = call(user=approver)
    path = path.format(pk)
    response = caller.post(path, {"version": 1}) if "approve" in path else caller.get(path)
    assert response.status_code == 404 and messages(response)


@pytest.mark.parametrize("path", ["-1/", "x/", "1%00/", "1.5/approve/"])
def test_it_answers_404_for_an_id_that_is_none(call, approver, path):
    assert call(user=approver).get(path).status_code == 404


# Who


def test_it_asks_nobody_to_log_in(call, pipeline):
    for response in (
        call().get(),
        call().get(f"{pipeline.pk}/"),
        call().post("", BODY),
        call().post(f"{pipeline.pk}/approve/", {"version": 1}),
    ):
        assert response.status_code == 401 and messages(response)


@pytest.mark.parametrize(
    ("scope", "status"), [("read", 200), ("propose", 200), ("emit", 403), ("partner", 403)]
)
def test_it_shows_proposals_to_keys_that_read_or_propose(make_key, pipeline, scope, status):
    key = make_key(scope)
    assert key.get().status_code == status
    assert key.get(f"{pipeline.pk}/").status_code == status


def test_it_limits_a_key_to_its_topics(make_key, pipeline):
    about = propose(title="About", suggestion="x", topic="complaint.latency")[0]
    key = make_key("read", "propose", topics=["complaint.*"])
    assert [row["id"] for row in key.get().json()["results"]] == [about.pk]
    assert key.get(f"{pipeline.pk}/").status_code == 404
    assert key.post("", BODY | {"topic": "er.wait"}).status_code == 403
    assert key.post("", BODY).status_code == 403
    assert key.post("", BODY | {"topic": "complaint.latency"}).status_code == 201


def test_it_shows_a_restricted_proposal_to_its_group_only(
    call, make_key, group, member, approver, outsider, admin_user
):
    secret = propose(title="Secret", suggestion="Act", restricted_to=group)[0]
    inside = [call(user=member), call(user=admin_user), make_key("read", group=group)]
    outside = [call(user=approver), call(user=outsider), make_key("read")]
    for caller in inside:
        assert caller.get().json()["count"] == 1
        assert caller.get(f"{secret.pk}/").json()["restricted_to"] == "air quality"
    for caller in outside:
        assert caller.get().json()["count"] == 0
        assert caller.get(f"{secret.pk}/").status_code == 404
    assert outside[0].post(f"{secret.pk}/approve/", {"version": 1}).status_code == 404
    assert call(user=member).post(f"{secret.pk}/approve/", {"version": 1}).status_code == 200


# Proposing


def test_it_opens_a_proposal_for_a_key_and_notes_the_newer_value(make_key):
    key = make_key("propose")
    first = key.post("", BODY)
    assert first.status_code == 201
    assert (first.json()["state"], first.json()["proposer"]) == ("awaiting_approval", "key advisor")
    second = key.post("", BODY | {"kpi": 190_000.5})
    assert second.status_code == 200
    assert (second.json()["id"], second.json()["latest_kpi"]) == (first.json()["id"], 190_000.5)
    assert (second.json()["kpi"], second.json()["noted"]) == (187_200, 1)


def test_it_opens_a_proposal_for_a_person_with_the_permission(call, outsider, kpis):
    assert call(user=outsider).post("", BODY).status_code == 403
    outsider.user_permissions.add(Permission.objects.get(codename="add_pipeline"))
    response = call(user=outsider).post("", BODY | {"kpi": None, "topic": "er.wait"})
    assert response.status_code == 201 and response.json()["proposer"] == "out"


@pytest.mark.parametrize("scopes", [["read"], ["emit"]])
def test_it_does_not_let_other_keys_propose(make_key, scopes):
    response = make_key(*scopes).post("", BODY)
    assert response.status_code == 403
    assert "This key lacks the scope 'propose'." in messages(response)


def test_it_restricts_a_proposal_about_a_restricted_kpi_to_its_group(make_key, group):
    Kpi.objects.create(topic="air.latency", unit="seconds", owner=group, restricted=True)
    forget()
    body = BODY | {"topic": "air.latency"}
    told = [make_key("propose").post("", body | {"topic": topic}) for topic in ("air.latency", "air.nothing")]
    assert [one.status_code for one in told] == [400, 400] and told[0].content == told[1].content
    assert messages(told[0]) == "is no KPI that you may see"
    answer = make_key("propose", group=group).post("", body)
    assert answer.status_code == 201
    assert (answer.json()["restricted_to"], answer.json()["unit"]) == ("air quality", "seconds")


def test_a_restricted_one_is_to_whoever_repeats_it_from_outside_as_if_it_were_not_there(make_key, group):
    hidden = propose(**BODY, restricted_to=group)[0]
    inside, outside = make_key("propose", group=group), make_key("propose")
    assert inside.post("", BODY | {"kpi": 1}).json()["noted"] == 1
    told = [outside.post("", BODY | {"title": title}) for title in (BODY["title"], "Nothing of that title")]
    assert [one.status_code for one in told] == [201, 201]
    first, other = (one.json() for one in told)
    own = {"id", "title", "evidence", "evidence_sha256", "versions", "audit", "created_at", "due_at"}
    assert {name: first[name] for name in first if name not in own} == {
        name: other[name] for name in other if name not in own
    }
    again = outside.post("", BODY | {"kpi": 2})
    assert (again.status_code, again.json()["id"], again.json()["noted"]) == (200, first["id"], 1)
    hidden.refresh_from_db()
    assert (hidden.noted, hidden.latest_kpi) == (1, 1)
    # Whoever sees both repeats the one that is for whom theirs would be.
    assert inside.post("", BODY).json()["id"] == first["id"]
    assert verify_audit().faults == []


DEEP = b"[" * 50_000


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"not JSON", 400),
        (b"\xff\xfe", 400),
        (DEEP, 400),
        (b'{"title": "t", "suggestion": "s", "kpi": NaN}', 400),
        (b'{"title": "t", "suggestion": "s", "kpi": 1e400}', 400),
        (b'{"title": "t", "suggestion": "s", "kpi": 1' + b"0" * 5000 + b"}", 400),
        (b" " * 200_000, 413),
        ([], 400),
        ("5", 400),
        (None, 400),
        ({}, 400),
        (BODY | {"kpi": "5"}, 400),
        (BODY | {"kpi": True}, 400),
        (BODY | {"kpi": []}, 400),
        ({"title": "t", "suggestion": "s"}, 400),
        (BODY | {"title": ""}, 400),
        (BODY | {"title": "\u200b\u2060\ufeff\x07 "}, 400),
        (BODY | {"suggestion": "\u3164\u2800"}, 400),
        (BODY | {"title": 5}, 400),
        (BODY | {"title": None}, 400),
        (BODY | {"title": "a" * 201}, 400),
        (BODY | {"title": "a\x00b"}, 400),
        (BODY | {"title": "\ud800"}, 400),
        (BODY | {"suggestion": {"a": 1}}, 400),
        (BODY | {"suggestion": "a" * 501}, 400),
        (BODY | {"topic": "Er Wait"}, 400),
        (BODY | {"topic": None}, 400),
        (BODY | {"topic": "a\x00"}, 400),
        (BODY | {"severity": "critical"}, 400),
        (BODY | {"origin": "breach:1"}, 400),
        (BODY | {"x" * 5000: 1}, 400),
        (BODY | {"\ud800": 1}, 400),
    ],
)
def test_it_refuses_a_bad_proposal_and_stores_nothing(make_key, body, status):
    response = make_key("propose").post("", body)
    assert response.status_code == status and messages(response)
    assert not Pipeline.objects.exists()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"kpi": 1' + b"0" * 5000 + b"}", "A number of 5001 digits is too long: at most 400 are allowed."),
        (b"\xff", "The body is not UTF-8."),
        (b'{"kpi": 1, "kpi": 2}', "'kpi' stands more than once in one object: expected once"),
        (b'{"evidence": [{"a\\ud800": 1, "a\\ud800": 2}]}', "stands more than once"),
        (b'{"kpi": NaN}', "The body is not JSON: it has no NaN."),
        (BODY | {"kpi": True}, "kpi must be a number or null, not true"),
        (BODY | {"title": None}, "title must be a text, not null"),
    ],
)
def test_it_says_what_is_wrong_without_a_word_of_python(make_key, body, message):
    assert message in messages(make_key("propose").post("", body))


def test_it_refuses_other_formats_and_other_methods(call, admin_user, pipeline):
    client = call(user=admin_user).client
    assert client.post("/api/v1/pipelines/", "title=x", content_type="text/csv").status_code == 415
    assert client.put(f"/api/v1/pipelines/{pipeline.pk}/", {}, format="json").status_code == 405
    assert client.delete(f"/api/v1/pipelines/{pipeline.pk}/").status_code == 405
    assert client.get(f"/api/v1/pipelines/{pipeline.pk}/approve/").status_code == 405


# Deciding


def test_it_approves(call, approver, pipeline):
    response = call(user=approver).post(f"{pipeline.pk}/approve/", {"version": 1, "comment": "yes"})
    assert response.status_code == 200 and response.json()["state"] == "approved"
    assert (
        response.json()["decisions"][0].items() >= {"by": "ada", "vote": "approve", "comment": "yes"}.items()
    )


def test_it_answers_the_second_click_of_the_same_person_with_200_and_nothing_more(call, approver, pipeline):
    caller = call(user=approver)
    for _ in range(3):
        response = caller.post(f"{pipeline.pk}/approve/", {"version": 1})
        assert response.status_code == 200 and response.json()["state"] == "approved"
    assert Decision.objects.count() == 1 and pipeline.audit.count() == 2


def test_it_tells_the_second_approver_who_was_first(call, approver, second, pipeline):
    call(user=approver).post(f"{pipeline.pk}/reject/", {"version": 1, "comment": "no money"})
    response = call(user=second).post(f"{pipeline.pk}/approve/", {"version": 1})
    body = response.json()
    assert response.status_code == 409
    assert (body["state"], body["version"]) == ("rejected", 1)
    assert body["decision"].items() >= {"by": "ada", "vote": "reject", "comment": "no money"}.items()
    assert "ada rejected" in messages(response)


def test_it_refuses_a_vote_on_another_version(call, approver, second, pipeline):
    changed = call(user=second).post(f"{pipeline.pk}/change/", {"version": 1, "suggestion": "Hire 1"})
    assert changed.json()["version"] == 2
    response = call(user=approver).post(f"{pipeline.pk}/approve/", {"version": 1})
    assert response.status_code == 409
    assert response.json().items() >= {"state": "awaiting_approval", "version": 2, "decision": None}.items()


def test_it_withdraws(call, approver, pipeline):
    response = call(user=approver).post(f"{pipeline.pk}/withdraw/", {"version": 1, "comment": "solved"})
    assert response.json()["state"] == "withdrawn"


@pytest.mark.parametrize("scopes", [["read"], ["propose"], ["read", "propose", "emit"]])
@pytest.mark.parametrize("verb", ["approve", "reject", "withdraw", "change"])
def test_it_lets_no_key_decide(make_key, pipeline, scopes, verb):
    response = make_key(*scopes).post(f"{pipeline.pk}/{verb}/", {"version": 1, "comment": "x"})
    assert response.status_code == 403 and "people" in messages(response)
    assert Pipeline.objects.get().state == "awaiting_approval"


def test_it_lets_nobody_decide_who_sends_a_key_beside_a_session(call, make_key, approver, pipeline):
    caller = make_key("propose")
    caller.client.force_login(approver)
    assert caller.post(f"{pipeline.pk}/approve/", {"version": 1}).status_code == 403


@pytest.mark.parametrize(
    ("who", "status"), [("approver", 200), ("admin_user", 200), ("member", 200), ("outsider", 403)]
)
def test_it_lets_people_decide_by_their_permission(call, request, pipeline, who, status):
    caller = call(user=request.getfixturevalue(who))
    assert caller.post(f"{pipeline.pk}/approve/", {"version": 1}).status_code == status


def test_it_tells_the_last_editor_of_the_rule_that_somebody_else_must_decide(call, admin_user):
    machine = propose(title="Breach", suggestion="x", origin="breach:1", proposer=admin_user)[0]
    response = call(user=admin_user).post(f"{machine.pk}/approve/", {"version": 1})
    assert response.status_code == 403 and "somebody else must decide" in messages(response)


def test_it_asks_for_the_csrf_token(call, approver, pipeline):
    caller = call(user=approver, csrf=True)
    response = caller.post(f"{pipeline.pk}/approve/", {"version": 1})
    assert response.status_code == 403 and "CSRF" in messages(response)
    caller.client.get("/accounts/login/")
    token = "a" * 32
    caller.client.cookies["csrftoken"] = token
    response = caller.post(f"{pipeline.pk}/approve/", {"version": 1}, HTTP_X_CSRFTOKEN=token)
    assert response.status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"version": "1"},
        {"version": None},
        {"version": 1.0},
        {"version": True},
        {"version": 0},
        {"version": 2**40},
        {"version": 1, "comment": 5},
        {"version": 1, "comment": "a\x00"},
        {"version": 1, "comment": "a" * 2001},
        {"version": 1, "by": 2},
        {"version": 1, "state": "approved"},
        b"{",
        DEEP,
    ],
)
@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_it_refuses_a_bad_vote_and_counts_nothing(call, approver, pipeline, body, verb):
    response = call(user=approver).post(f"{pipeline.pk}/{verb}/", body)
    assert response.status_code == 400 and messages(response)
    assert not Decision.objects.exists()


@pytest.mark.parametrize("body", [{"version": 1}, {"version": 1, "comment": " "}])
def test_it_asks_for_a_comment_with_a_reject(call, approver, pipeline, body):
    response = call(user=approver).post(f"{pipeline.pk}/reject/", body)
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "comment"


def test_it_never_decides_by_get(call, approver, pipeline):
    caller = call(user=approver)
    for verb in ("approve", "reject", "withdraw", "change"):
        assert caller.get(f"{pipeline.pk}/{verb}/", version=1).status_code == 405
    assert Pipeline.objects.get().state == "awaiting_approval"


@pytest.mark.django_db(transaction=True)
def test_it_takes_one_of_two_requests_at_the_same_moment(call, approver, second, pipeline, race):
    ada, bea = call(user=approver), call(user=second)
    answers = race(
        lambda: ada.post(f"{pipeline.pk}/approve/", {"version": 1}),
        lambda: bea.post(f"{pipeline.pk}/reject/", {"version": 1, "comment": "no"}),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    first, late = sorted(answers, key=lambda answer: answer.status_code)
    assert late.json()["decision"]["by"] == first.json()["decisions"][0]["by"]
    assert late.json()["state"] == first.json()["state"]


def test_it_describes_itself_in_the_schema(call, admin_user):
    schema = json.loads(call(user=admin_user).client.get("/api/schema/?format=json").content)
    paths = schema["paths"]
    assert {"get", "post"} <= set(paths["/api/v1/pipelines/"])
    assert "409" in paths["/api/v1/pipelines/{id}/approve/"]["post"]["responses"]


def test_it_answers_409_and_says_what_was_touched(call, approver, pair, touch):
    touch("UPDATE pipelines_app_pipeline SET quorum = 1")
    caller = call(user=approver)
    assert "its quorum was changed" in caller.get(f"{pair.pk}/").json()["tampered"]
    answer = caller.post(f"{pair.pk}/approve/", {"version": 1})
    assert answer.status_code == 409 and "verify_audit" in answer.json()["errors"][0]["message"]
    assert caller.post(f"{pair.pk}/reject/", {"version": 1, "comment": "touched"}).status_code == 200


def test_a_vote_that_nobody_cast_is_told_of_and_does_not_swallow_a_real_one(call, approver, pair, touch):
    row = Decision(pipeline=pair, by=approver, by_name="ada", vote="approve", version=1)
    Decision.objects.bulk_create([row])
    caller, body = call(user=approver), {"version": 1}
    told = f"the vote of {row.by_name} is not in the audit chain"
    assert told in caller.get(f"{pair.pk}/").json()["tampered"]
    assert told in caller.client.get(f"/inbox/{pair.pk}/").content.decode()
    assert told in caller.client.get("/inbox/").content.decode()
    for way, more in (("approve", {}), ("reject", {"comment": "mine"})):
        answer = caller.post(f"{pair.pk}/{way}/", body | more)
        assert answer.status_code == 409 and told in messages(answer)
    assert not pair.audit.filter(event="voted").exists()


def test_it_shows_each_version_with_the_hash_that_the_audit_tells_of(call, approver, pipeline):
    caller = call(user=approver)
    caller.post(f"{pipeline.pk}/change/", {"version": 1, "suggestion": "Hire 1"})
    shown = caller.get(f"{pipeline.pk}/").json()
    assert [one["number"] for one in shown["versions"]] == [1, 2] and shown["tampered"] == ""
    assert [one["sha256"] for one in shown["versions"]] == [
        entry["data"]["version_sha256"] for entry in shown["audit"]
    ]
