"""No, unless, at each door of deciding: the API and the plain form."""

from datetime import timedelta

import pytest
from django.utils import timezone

from pipelines_app.models import Errand
from pipelines_app.services import propose
from tests.pipelines_app.waiting import KPI, forget, open_breach

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def project(settings):
    forget()
    more = {"MEASUREMENTS": "tests.pipelines_app.waiting", "FORMAT": "", "WATCH": "", "TOPICS": ""}
    settings.PIPELINES_APP = settings.PIPELINES_APP | more


@pytest.fixture
def breach():
    return open_breach()[0]


@pytest.fixture
def ada(client, approver):
    client.force_login(approver)
    return client


@pytest.fixture
def day():
    """A day in four weeks."""
    return str(timezone.localdate() + timedelta(days=28))


def post(client, pipeline, **body):
    path = f"/api/v1/pipelines/{pipeline.pk}/reject/"
    return client.post(path, {"version": 1, "comment": "wait"} | body, content_type="application/json")


def vote(client, pipeline, **fields):
    """Posts the form as a browser without scripts does."""
    fields = {"version": "1", "vote": "reject", "comment": "wait"} | fields
    return client.post(f"/inbox/{pipeline.pk}/decide/", fields)


@pytest.mark.parametrize("value", ["60 h", 60])
def test_the_api_takes_it_and_tells_what_is_waited_for(ada, breach, day, value):
    found = post(ada, breach, unless={"value": value, "until": day}).json()
    assert found["state"] == "rejected"
    said = found["unless"]["said"]
    assert said.startswith("unless above 60 h, until ")
    wanted = {"value": 60, "text": "60 h", "unit": "h", "by": "ada", "acting": True}
    assert found["unless"].items() >= wanted.items()
    assert found["execution"]["steps"] == ["withdraw"]
    again = post(ada, breach, unless={"value": value, "until": day})
    assert again.status_code == 200 and Errand.objects.filter(kind="watch").count() == 1
    shown = ada.get(f"/inbox/{breach.pk}/").content.decode()
    assert f"Rejected by ada {said}; now 54 h." in shown and f"Rejected by ada {said}: “wait”" in shown
    assert f"Rejected by ada {said}. At " in ada.get("/inbox/decided/").content.decode()


@pytest.mark.parametrize(
    ("unless", "field"),
    [
        ("60 h", "unless"),
        ({"value": "60 h"}, "unless.until"),
        ({"value": "50 h", "until": None}, "unless.until"),
        ({"value": "soon"}, "unless.value"),
        ({"value": "50 h"}, "unless.value"),
        ({"value": "60 h", "until": "2001-01-01"}, "unless.until"),
        ({"value": "60 h", "until": "2999-01-01"}, "unless.until"),
        ({"value": "60 h", "from": "2026-01-01"}, "unless.from"),
    ],
)
def test_the_api_names_the_part_that_is_wrong_and_decides_nothing(ada, breach, day, unless, field):
    if isinstance(unless, dict) and field != "unless.until":
        unless = {"until": day} | unless
    answer = post(ada, breach, unless=unless)
    assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == field
    breach.refresh_from_db()
    assert breach.is_open


def test_without_it_or_with_null_it_is_rejected_for_good(ada, breach):
    found = post(ada, breach, unless=None).json()
    assert (found["state"], found["unless"]) == ("rejected", None)
    assert not Errand.objects.filter(kind="watch").exists()


def test_nothing_waits_for_what_cannot_be_read(ada, breach, day):
    KPI["away"] = True
    unless = {"value": "60 h", "until": day}
    assert post(ada, breach, unless=unless).status_code == 503
    shown = vote(ada, breach, unless_value="60 h", unless_until=day)
    assert shown.status_code == 503 and "cannot be read right now" in shown.content.decode()


def test_the_form_offers_it_where_a_rule_opened_the_proposal(ada, breach):
    told = "Once the mean over 30 min is above"
    assert told in ada.get(f"/inbox/{breach.pk}/").content.decode()
    other = propose(title="Plant trees", suggestion="Plant 5")[0]
    assert "unless_value" not in ada.get(f"/inbox/{other.pk}/").content.decode()


def test_a_form_without_scripts_takes_it_and_keeps_what_was_written(ada, breach, day):
    wrong = vote(ada, breach, unless_value="5 h", unless_until=day)
    text = wrong.content.decode()
    assert wrong.status_code == 400 and "Nothing was decided: value is 5 h, no worse than" in text
    assert 'value="5 h"' in text and f'value="{day}"' in text and ">wait</textarea>" in text
    half = vote(ada, breach, unless_value="", unless_until=day)
    assert half.status_code == 400 and "value is required" in half.content.decode()
    shown = ada.get(vote(ada, breach, unless_value="60 h", unless_until=day).url).content.decode()
    assert "Rejected by ada unless above 60 h, until " in shown


def test_a_program_that_proposes_the_same_gets_the_one_that_was_rejected(ada, approver, breach, day):
    post(ada, breach, unless={"value": 60, "until": day})
    approver.user_permissions.add(*approver.user_permissions.model.objects.filter(codename="add_pipeline"))
    body = {"title": breach.title, "suggestion": "Again", "kpi": 55, "topic": breach.topic}
    again = ada.post("/api/v1/pipelines/", body, content_type="application/json")
    assert again.status_code == 200
    assert (again.json()["id"], again.json()["state"], again.json()["noted"]) == (breach.pk, "rejected", 1)
