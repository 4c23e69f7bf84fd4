"""Taking over what was suggested for the same KPI before."""

import pytest
from django.contrib.auth.models import Group

from pipelines_app import queries
from pipelines_app.exceptions import BadInput, NotAllowed
from pipelines_app.models import Pipeline
from pipelines_app.queries import read_version
from pipelines_app.services import change_suggestion, propose
from pipelines_app.services.verify import verify_audit
from tests.pipelines_app.judging import TITLE, TOPIC, judge, make_effect

pytestmark = pytest.mark.django_db


@pytest.fixture
def earlier(acting, approver):
    """What was suggested before, by name: two that helped, one that nobody measured, one that did harm."""
    effects = {"Hire 1": ("effective", -0.1), "Pay 3": ("effective", -0.3), "Beg": ("harmful", 0.4)}
    words = {"Pay 3": {"action": "pay", "action_params": {"amount": 3}}}
    rows = {
        name: judge(approver, make_effect(verdict, change, 0.02), suggestion=name, **words.get(name, {}))
        for name, (verdict, change) in effects.items()
    }
    unknown = make_effect("inconclusive", 0.0, 0.0)
    return rows | {"Wait": judge(approver, unknown, measure=None, suggestion="Wait")}


@pytest.fixture
def present():
    """The proposal at hand, under a title of its own."""
    return propose(title="Backlog", suggestion="Hire 2", topic=TOPIC)[0]


def test_earlier_suggestions_stand_by_what_came_of_them(earlier, present, approver, client):
    found = queries.list_earlier(present, among=Pipeline.objects.all())
    assert [row.suggestion for row, _ in found] == ["Pay 3", "Hire 1", "Wait", "Beg"]
    client.force_login(approver)
    page = client.get(f"/inbox/{present.pk}/").content.decode()
    places = [page.index(f'id="earlier-{earlier[name].pk}"') for name in ("Pay 3", "Hire 1", "Wait", "Beg")]
    assert places == sorted(places)
    assert "Approved once, measured once: −10 % (−13 to −6)" in page and "Approving then carries out" in page


def test_the_chosen_one_is_frozen_with_its_action_and_the_title_stays(earlier, present, approver):
    chosen = earlier["Pay 3"]
    after = change_suggestion(pipeline=present, by=approver, version=1, earlier=chosen.pk)
    document = read_version(after)
    found = [document[name] for name in ("title", "suggestion", "action", "action_params", "version")]
    assert found == ["Backlog", "Pay 3", "pay", {"amount": 3}, 2]
    assert after.audit.last().data["earlier"] == chosen.pk and verify_audit().faults == []
    by_hand = change_suggestion(pipeline=after, by=approver, version=2, earlier=earlier["Hire 1"].pk)
    assert (by_hand.action, by_hand.action_params) == ("", {})


def test_a_form_takes_the_choice_before_the_words_and_the_api_one_of_the_two(
    earlier, present, second, client
):
    client.force_login(second)
    number = earlier["Hire 1"].pk
    form = {"vote": "change", "version": 1, "suggestion": "Hire 2", "earlier": number, "comment": ""}
    client.post(f"/inbox/{present.pk}/decide/", form)
    address = f"/api/v1/pipelines/{present.pk}/change/"
    assert client.get(f"/api/v1/pipelines/{present.pk}/").json()["suggestion"] == "Hire 1"

    def change(body):
        return client.post(address, {"version": 2} | body, content_type="application/json")

    for body in ({}, {"suggestion": "a", "earlier": number}, {"earlier": 10**30}, {"earlier": "7"}):
        assert change(body).status_code == 400
    assert change({"earlier": earlier["Wait"].pk}).json()["suggestion"] == "Wait"


def test_what_is_about_something_else_hidden_touched_or_never_approved_is_no_choice(
    earlier, present, approver, outsider, touch
):
    other = judge(approver, make_effect("effective", -0.1, 0.1), topic="er.other", suggestion="Else")
    rejected = propose(title=TITLE, suggestion="Never", topic=TOPIC)[0]
    hidden, touched = earlier["Hire 1"], earlier["Wait"]
    Pipeline.objects.filter(pk=hidden.pk).update(restricted_to=Group.objects.create(name="others"))
    touch("UPDATE pipelines_app_version SET text = '{}' WHERE pipeline_id = %s", touched.pk)
    offered = [row.pk for row, _ in queries.list_earlier(present, among=Pipeline.objects.all())]
    for row in (other, rejected, hidden, touched, present):
        assert row.pk not in offered
        with pytest.raises(BadInput, match="no earlier suggestion that you can choose"):
            change_suggestion(pipeline=present, by=approver, version=1, earlier=row.pk)


def test_whoever_does_not_decide_takes_over_no_action(earlier, outsider, client):
    own = propose(title="Mine", suggestion="Hire 2", topic=TOPIC, proposer=outsider)[0]
    client.force_login(outsider)
    page = client.get(f"/inbox/{own.pk}/").content.decode()
    assert f"earlier-{earlier['Hire 1'].pk}" in page and f"earlier-{earlier['Pay 3'].pk}" not in page
    with pytest.raises(NotAllowed, match="only people who decide"):
        change_suggestion(pipeline=own, by=outsider, version=1, earlier=earlier["Pay 3"].pk)


def test_an_action_that_the_settings_no_longer_have_is_refused_by_its_name(
    earlier, present, approver, settings
):
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"ACTIONS": {}}
    with pytest.raises(BadInput, match="'pay' is no action of the settings"):
        change_suggestion(pipeline=present, by=approver, version=1, earlier=earlier["Pay 3"].pk)
