"""Thresholds over HTTP, by those who may and those who may not."""

import time

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.template import Context, Template

from metrics_app import live, registry
from metrics_app.models import Breach, Kpi, Threshold, ThresholdState, ThresholdVersion
from metrics_app.services.rules.deadman import save_expectation
from metrics_app.services.watch.evaluate import evaluate
from metrics_app.streams import states as streams
from metrics_app.streams.snapshots import describe_topic
from tests.metrics_app.watching import let_all_work, send

pytestmark = pytest.mark.django_db
URL = "/api/v1/thresholds/"
LIMIT = {"topic": "er.wait", "aggregate": "mean", "window": 1800, "operator": "gt", "limit": 172800}
DEFAULTS = {
    "aggregate_value": None,
    "recovery_limit": None,
    "pending_for": 0,
    "keep_firing_for": 0,
    "min_count": 1,
    "no_data": "keep",
    "no_data_for": 3600,
    "interval": 60,
    "delay": 0,
    "zone": "",
    "judge_partial": False,
    "severity": "warning",
    "cooldown": 0,
    "enabled": True,
    "name": "",
    "title": "",
    "suggestion": "",
    "action": "",
    "action_params": {},
}


@pytest.fixture
def kpi(db):
    return Kpi.objects.create(topic="er.wait", unit="seconds")


@pytest.fixture
def analyst(client, kpi):
    """Somebody who may write thresholds, logged in."""
    user = User.objects.create_user("analyst")
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="metrics_app"))
    client.force_login(user)
    return user


def post(client, **fields):
    return client.post(URL, LIMIT | fields, content_type="application/json")


def patch(client, pk, **fields):
    return client.patch(f"{URL}{pk}/", fields, content_type="application/json")


def faults(response):
    assert response.status_code == 400, response.content
    return {error["field"]: error["message"] for error in response.json()["errors"]}


def test_it_creates_a_threshold_with_the_defaults_of_the_contract(client, analyst):
    response = post(client, reason="the law of 2024")
    assert response.status_code == 201
    body = response.json()
    assert body.pop("id") == Threshold.objects.get().pk
    assert body.pop("data") == "behind", "nothing has ever been collected"
    assert body.pop("kind") == "limit"
    state = {"state": "ok", "since": None, "value": None, "data_since": None, "version": 1, "silenced": ""}
    # Made before anybody looked: "ok" alone would be a promise.
    assert body.pop("unjudged_since") == ThresholdState.objects.get().last_slot
    assert body == LIMIT | DEFAULTS | state | {
        "judged_at": None,
        "key": "mean-30m",
        "flapping": False,
        "missed": 0,
        "warnings": [],
    }
    version = ThresholdVersion.objects.get()
    assert (version.author, version.reason, version.rule["limit"]) == (analyst, "the law of 2024", 172800)


@pytest.mark.django_db(transaction=True)
def test_a_limit_that_is_already_crossed_fires_in_the_answer(client, analyst, kpi):
    send((int(time.time() * 1000) - 5_000, 3600 * 60), topic="er.wait")
    body = post(client).json()
    assert (body["state"], body["value"], body["data"]) == ("firing", 216000, "fresh")
    assert Breach.objects.get().threshold_id == body["id"]


def test_it_changes_what_is_sent_and_keeps_the_rest(client, analyst):
    pk = post(client, title="Too long").json()["id"]
    body = patch(client, pk, limit=600, reason="tighter").json()
    assert (body["limit"], body["title"], body["version"]) == (600, "Too long", 2)
    assert patch(client, pk, name="Wait").json()["version"] == 2, "a name is no rule"
    assert patch(client, pk, limit=600).json()["version"] == 2, "nothing has changed"
    assert list(ThresholdVersion.objects.values_list("version", flat=True)) == [2, 1]


def test_it_deletes(client, analyst):
    pk = post(client).json()["id"]
    assert client.delete(f"{URL}{pk}/").status_code == 204
    assert client.get(f"{URL}{pk}/").status_code == 404


def test_it_has_no_put(client, analyst):
    pk = post(client).json()["id"]
    assert client.put(f"{URL}{pk}/", LIMIT, content_type="application/json").status_code == 405


def test_it_names_what_is_required(client, analyst):
    response = client.post(URL, {}, content_type="application/json")
    assert set(faults(response)) == {"topic", "aggregate", "window", "operator", "limit"}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("window", 0, "0 is not between 1 and 2678400 seconds (31 days)"),
        ("window", 2_678_401, "2678401 is not between 1 and 2678400 seconds (31 days)"),
        ("window", 30.5, "30.5 is not a whole number"),
        ("window", "30", "'30' is not a whole number"),
        ("window", True, "true is not a whole number"),
        ("window", None, "This field may not be null."),
        ("window", 10**30, "is not between 1 and 2678400 seconds"),
        ("interval", 0, "0 is not between 1 and 86400 seconds"),
        ("pending_for", -1, "-1 is not between 0 and"),
        ("min_count", 0, "0 is not between 1 and 1000000000"),
        ("limit", "48 h", "'48 h' is not a number"),
        ("limit", True, "true is not a number"),
        ("recovery_limit", 172801, "172801 is above the limit"),
        ("operator", "above", "'above' is not one of gt, gte, lt, lte"),
        ("operator", [], "[] is not one of gt, gte, lt, lte"),
        ("aggregate", "median", "'median' is not one of mean, count, sum"),
        ("no_data", "ignore", "'ignore' is not one of keep, fire, ok"),
        ("severity", 1, "1 is not one of info, warning, critical"),
        ("enabled", "yes", "'yes' is not true or false"),
        ("title", 5, "5 is not a text"),
        ("title", "x" * 201, "has 201 characters, at most 200 are allowed"),
        ("title", "a\x00b", "not allowed"),
        ("title", "\ud800", "not allowed"),
        ("title", "Hire \u202eon", "turns the direction of writing"),
        ("action", "launch", "'launch' is no action"),
        ("action_params", [1], "[1] is not a JSON object"),
        ("action_params", {"a": "\x00"}, "cannot be stored"),
        ("action_params", {"a": "x" * 10_000}, "at most 10000 are allowed"),
        ("topic", "er.nowhere", "'er.nowhere' is no KPI"),
        ("topic", "er wait", "'er wait' is not a topic"),
        ("topic", 5, "5 is not a text"),
        ("reason", "x" * 501, "no more than 500"),
        ("limt", 5, "is not a field of a threshold"),
        ("state", "ok", "is read-only"),
        ("version", 7, "is read-only"),
    ],
)
def test_it_refuses_by_field_and_changes_nothing(client, analyst, field, value, message):
    assert message in faults(post(client, **{field: value}))[field]
    assert not Threshold.objects.exists()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[" * 90_000, "nested too deeply: at most 50 levels"),
        (b'{"action_params":' + b"[" * 60 + b"]" * 60 + b"}", "nested too deeply: at most 50 levels"),
        (b'{"window":' + b"9" * 5_000 + b"}", "a number of 5000 digits is too long: at most 400"),
        (b'{"name":"\xff"}', "the body is not UTF-8"),
        (b'{"limit":NaN}', "it has no NaN"),
    ],
    ids=["deep", "params", "digits", "latin", "nan"],
)
def test_it_says_what_is_wrong_with_a_body(client, analyst, body, message):
    assert message in faults(client.post(URL, body, content_type="application/json"))[None]


def test_it_refuses_a_body_that_is_far_too_large(client, analyst):
    response = client.post(URL, b'"' + b"x" * 7_000_000 + b'"', content_type="application/json")
    assert (response.status_code, response.json()["errors"][0]["message"]) == (
        413,
        "the body is over 100000 bytes",
    )


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_it_says_that_there_is_no_such_threshold(client, analyst, method):
    response = getattr(client, method)(f"{URL}12/", content_type="application/json")
    assert (response.status_code, faults_of(response)) == (
        404,
        ["There is no threshold 12, or you may not see it."],
    )


def faults_of(response):
    return [error["message"] for error in response.json()["errors"]]


@pytest.mark.parametrize("query", ["enabled=maybe", "limt=5"])
def test_it_refuses_a_parameter_it_does_not_know(client, analyst, query):
    name = query.split("=")[0]
    assert faults(client.get(f"{URL}?{query}")) == {
        name: "unknown parameter: expected topic, limit, offset, format"
    }


@pytest.mark.parametrize("body", ["[]", "5", '"x"', "null", "{", "", '{"limit": 1e400}', '{"limit": NaN}'])
def test_it_refuses_what_is_no_object(client, analyst, body):
    assert client.post(URL, body, content_type="application/json").status_code == 400


def test_it_says_every_fault_at_once(client, analyst):
    assert set(faults(post(client, window=0, interval=0, recovery_limit=10**9))) == {
        *("window", "interval", "recovery_limit")
    }


def test_a_threshold_below_recovers_above(client, analyst):
    assert post(client, operator="lt", limit=10, recovery_limit=12).status_code == 201
    message = faults(post(client, operator="lt", limit=10, recovery_limit=8))["recovery_limit"]
    assert message == "8 is below the limit: a threshold that fires below 10 recovers at at least 10"


def test_a_threshold_stays_with_its_kpi(client, analyst):
    Kpi.objects.create(topic="other")
    pk = post(client).json()["id"]
    assert "stays with its KPI (er.wait)" in faults(patch(client, pk, topic="other"))["topic"]
    assert patch(client, pk, topic="er.wait").status_code == 200


def test_people_without_permission_read_only(client, person, kpi):
    threshold = Threshold.objects.create(kpi=kpi, limit=1)
    assert client.get(URL).json()["count"] == 1
    assert client.get(f"{URL}{threshold.pk}/").status_code == 200
    for response in (
        post(client),
        patch(client, threshold.pk, limit=2),
        client.delete(f"{URL}{threshold.pk}/"),
    ):
        assert response.status_code == 403
        assert "permission metrics_app." in response.json()["errors"][0]["message"]


def test_keys_read_with_their_scope_and_never_write(client, bearer, kpi):
    Threshold.objects.create(kpi=kpi, limit=1)
    reader = bearer("read")
    assert client.get(URL, headers=reader).json()["results"][0]["topic"] == "er.wait"
    assert client.get(URL, headers=bearer("emit")).status_code == 403
    assert client.get(URL, headers=bearer("read", topics=["other.*"])).json()["count"] == 0
    response = client.post(URL, LIMIT, content_type="application/json", headers=reader)
    assert response.status_code == 403


def test_strangers_are_asked_who_they_are(client, kpi):
    assert client.get(URL).status_code == 401
    assert post(client).status_code == 401


def test_a_restricted_kpi_shows_its_thresholds_to_its_group_only(client, analyst):
    owners = Group.objects.create(name="owners")
    secret = Kpi.objects.create(topic="secret", restricted=True, owner=owners)
    threshold = Threshold.objects.create(kpi=secret, limit=1)
    registry.forget()
    assert client.get(URL).json()["count"] == 0
    assert client.get(f"{URL}{threshold.pk}/").status_code == 404
    assert patch(client, threshold.pk, limit=2).status_code == 404
    assert "is no KPI" in faults(post(client, topic="secret"))["topic"]
    analyst.groups.add(owners)
    assert client.get(URL).json()["count"] == 1


def test_it_lists_by_topic_and_page(client, analyst):
    Kpi.objects.create(topic="other")
    for topic in ("er.wait", "other", "er.wait"):
        post(client, topic=topic)
    page = client.get(URL, {"limit": 1, "topic": "er.wait"}).json()
    assert (page["count"], len(page["results"])) == (2, 1)
    assert client.get(URL, {"topic": "er wait"}).status_code == 400
    assert client.get(f"{URL}{10**30}/").status_code == 404


def test_a_dead_man_is_read_here_and_set_on_its_kpi(client, analyst, kpi):
    kpi.expected_interval = 900
    dead_man = save_expectation(kpi, by=None, now=1_800_000_000_000)
    body = client.get(f"{URL}{dead_man.pk}/").json()
    assert (body["kind"], body["window"], body["no_data"]) == ("silence", 900, "fire")
    for response in (patch(client, dead_man.pk, window=60), client.delete(f"{URL}{dead_man.pk}/")):
        assert response.status_code == 409
        assert "is kept by the expected interval of er.wait" in response.json()["errors"][0]["message"]
    assert post(client, kind="silence").status_code == 400


def test_a_share_is_asked_for_with_the_value_at_which_it_divides(client, analyst):
    assert faults(post(client, aggregate="share_above", limit=10)) == {
        "aggregate_value": "is missing: share_above asks at which value it divides"
    }
    body = post(client, aggregate="share_above", aggregate_value=172800, limit=10).json()
    assert (body["aggregate"], body["aggregate_value"], body["limit"]) == ("share_above", 172800, 10)
    draft = LIMIT | {"aggregate": "mean_change_week", "limit": 50}
    found = client.post(f"{URL}backtest/", draft, content_type="application/json")
    assert found.status_code == 200 and found.json()["breach_count"] == 0


def test_a_change_may_name_the_clock_it_compares_by_and_nothing_else_does(client, analyst):
    change = {"aggregate": "rate_change_week", "limit": 50}
    assert faults(post(client, **change, zone="Berlin")) == {
        "zone": "'Berlin' is no time zone: expected a name such as Europe/Berlin"
    }
    [fault] = faults(post(client, zone="Europe/Berlin")).values()
    assert fault.startswith("is 'Europe/Berlin', and only mean_change_day, mean_change_week,")
    assert faults(post(client, judge_partial=3)).keys() == {"judge_partial"}
    body = post(client, **change, zone="Europe/Berlin", judge_partial=True).json()
    assert (body["zone"], body["judge_partial"]) == ("Europe/Berlin", True)
    assert ThresholdVersion.objects.get().rule["zone"] == "Europe/Berlin"
    draft = LIMIT | change | {"zone": "Europe/Berlin"}
    found = client.post(f"{URL}backtest/", draft, content_type="application/json").json()
    assert found["ticks_incomparable"] == 0


def test_a_change_of_a_version_that_is_no_longer_the_present_one_is_refused(client, analyst):
    pk = post(client, limit=47 * 3600).json()["id"]
    assert patch(client, pk, limit=50 * 3600, version=1).json()["version"] == 2
    response = patch(client, pk, recovery_limit=40 * 3600, version=1)
    assert response.status_code == 409
    message = "changed meanwhile by analyst to version 2 (limit: 47 h → 50 h): look again"
    assert response.json() == {"errors": [{"field": "version", "message": message, "version": 2}]}
    assert patch(client, pk, limit=47 * 3600, version=7).status_code == 409
    assert faults(patch(client, pk, version="two")).keys() == {"version"}
    assert Threshold.objects.get().recovery_limit is None
    assert patch(client, pk, recovery_limit=40 * 3600, version=2).json()["limit"] == 50 * 3600
    assert patch(client, pk, recovery_limit=41 * 3600).status_code == 200, "nobody has to say it"


def test_what_is_deleted_after_a_breach_stays_on_record_and_out_of_sight(client, analyst):
    pk = post(client, name="Waits").json()["id"]
    breach = Breach.objects.create(threshold_id=pk, version=1, since=1, fired_at=1)
    ThresholdState.objects.update(state="firing", since=1)
    assert client.delete(f"{URL}{pk}/").status_code == 204
    assert client.get(URL).json()["count"] == 0
    for method in (client.get, client.delete):
        assert method(f"{URL}{pk}/").status_code == 404
    assert patch(client, pk, enabled=True).status_code == 404
    known = client.get(f"/api/v1/breaches/{breach.pk}/").json()
    assert known["recovered_at"] and known["timeline"][-1]["text"] == "Ended: deleted by analyst."
    assert client.get(f"/thresholds/{pk}/explain/").status_code == 200
    assert client.get(f"/api/v1/thresholds/{pk}/explain/?at=1").json()["errors"][0]["message"] != (
        f"There is no threshold {pk}, or you may not see it."
    )
    assert "Switched off" not in client.get("/kpis/er.wait/").content.decode()
    again = post(client, name="Waits").json()
    assert again["key"] == Threshold.objects.get(pk=pk).key, "its key may be used again"


def test_a_firing_threshold_that_is_switched_off_is_ok_and_its_breach_is_over(client, analyst):
    pk = post(client).json()["id"]
    breach = Breach.objects.create(threshold_id=pk, version=1, since=1, fired_at=1, outcome="proposed #1")
    ThresholdState.objects.update(state="firing", since=1)
    body = patch(client, pk, enabled=False, reason="works").json()
    breach.refresh_from_db()
    assert (body["state"], body["unjudged_since"]) == ("ok", body["since"]) and body["since"]
    assert breach.recovered_at and breach.outcome == "proposed #1"
    assert breach.timeline.get().text == "Ended: switched off by analyst, “works”."


def test_one_that_was_switched_off_before_any_slot_was_never_judged(client, analyst):
    pk = post(client, enabled=False).json()["id"]
    body = client.get(f"/api/v1/thresholds/{pk}/").json()
    assert (body["judged_at"], body["value"]) == (None, None)
    assert "switched off before it was judged" in client.get("/kpis/er.wait/").content.decode()
    why = client.get(f"/api/v1/thresholds/{pk}/explain/").json()
    assert "nobody judges it." in why["reason"] and "judged last" not in why["reason"]
    ThresholdState.objects.update(slot_class="clear", value=99.0, n=3)
    body = client.get(f"/api/v1/thresholds/{pk}/").json()
    assert body["judged_at"] == ThresholdState.objects.get().last_slot
    ThresholdState.objects.update(value=None)
    assert "no value when last judged, " in client.get("/kpis/er.wait/").content.decode()


def test_one_that_is_switched_on_again_is_within_its_limit_nowhere_before_it_was_judged(
    client, analyst, monkeypatch, django_capture_on_commit_callbacks
):
    rung = []
    monkeypatch.setattr(live, "announce_states", rung.extend)
    pk = post(client).json()["id"]
    ThresholdState.objects.update(state="firing", slot_class="breach", value=99.0, n=3, since=1)
    patch(client, pk, enabled=False)
    body = patch(client, pk, enabled=True).json()
    assert (body["judged_at"], body["value"]) == (None, None) and body["unjudged_since"]
    kpi = client.get("/api/v1/kpis/er.wait/").json()
    assert kpi["condition"] == "silent"
    [seen] = streams.read_states(["er.wait"]).values()
    assert seen.event["unjudged_since"] == body["unjudged_since"]
    [told] = describe_topic("er.wait")["thresholds"]
    assert (told["judged_at"], told["unjudged_since"]) == (None, body["unjudged_since"])
    lines = client.get("/metrics").content.decode().splitlines()
    holds = [line for line in lines if line.startswith("hms_threshold_state{") and line.endswith(" 1.0")]
    assert len(holds) == 1 and 'state="unjudged"' in holds[0]
    assert "Not judged yet" in client.get("/kpis/er.wait/").content.decode()
    rung.clear()
    let_all_work()
    assert evaluate() == 1
    assert client.get(f"{URL}{pk}/").json()["unjudged_since"] is None
    assert ["unjudged_since" in event for event, *_ in rung] == [False], "told as soon as it is judged"


def test_one_that_is_switched_off_is_ok_at_no_door_without_saying_that_nobody_judges_it(
    client, analyst, monkeypatch, django_capture_on_commit_callbacks
):
    rung = []
    monkeypatch.setattr(live, "announce_states", rung.extend)
    pk = post(client).json()["id"]
    ThresholdState.objects.update(slot_class="clear", since=1)
    with django_capture_on_commit_callbacks(execute=True):
        since = patch(client, pk, enabled=False).json()["unjudged_since"]
    [row] = client.get(URL).json()["results"]
    assert (row["state"], row["unjudged_since"]) == ("ok", since) and since > 1
    # The ring of a green one, and what a stream finds without it.
    [(event, *_)], [seen] = rung, streams.read_states(["er.wait"]).values()
    assert event == seen.event and event["unjudged_since"] == since
    # Where only what is watched is told, it is not.
    assert describe_topic("er.wait")["thresholds"] == []
    found = client.get("/metrics").content.decode()
    assert "hms_kpi_condition{" in found and "hms_threshold_state{" not in found
    tag = Template("{% load metrics_live %}{% live_spark 'er.wait' %}").render(Context())
    assert 'condition="silent"' in tag
