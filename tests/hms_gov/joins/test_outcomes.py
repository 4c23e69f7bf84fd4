"""A tile, a page and a notice say how the proposal of a breach stands now, not that it was opened once."""

import time
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.utils import timezone

from metrics_app.models import Breach, Notice, Threshold, ThresholdVersion
from metrics_app.services.notices.facts import describe_notices
from metrics_app.services.outcomes import read_outcomes
from metrics_app.services.watch.announce import announce
from metrics_app.services.watch.evaluate import evaluate
from pipelines_app.core.telling import tell_whole_day
from pipelines_app.models import Pipeline
from pipelines_app.services import approve, confirm, propose, reject, run_errands, undo, withdraw
from tests.metrics_app.telling import open_breach
from tests.metrics_app.watching import HOUR, TOPIC, make_threshold, send

pytestmark = pytest.mark.django_db
MINUTE = 60_000


@pytest.fixture
def breach():
    return open_breach(fired_at=int(time.time() // 60 - 40) * MINUTE)


@pytest.fixture
def boss():
    return User.objects.create_superuser("boss")


def open_for(breach, **more):
    """The proposal of a breach, as the handler would open it."""
    pipeline = propose(title="Slow", suggestion="Hire 2", origin=f"breach:{breach.pk}", **more)[0]
    breach.outcome = f"proposed #{pipeline.pk}"
    breach.save()
    return pipeline


def tell(breach, user=None):
    """How what it opened stands, without the number, and whether it waits for somebody."""
    [came] = read_outcomes([breach], user).values()
    return came["text"].partition(" ")[2].partition(" ")[2], came["waits"]


def test_it_follows_the_proposal_from_its_opening_to_its_end(breach, boss):
    pipeline = open_for(breach)
    assert tell(breach) == ("waits for a decision", True)
    approve(pipeline=pipeline, by=boss, version=1)
    assert tell(breach) == ("approved by boss", False)
    undo(pipeline=pipeline, by=boss, version=1)
    assert tell(breach) == ("waits again, the approval taken back by boss", True)
    moment = approve(pipeline=pipeline, by=boss, version=2).decided_at + timedelta(seconds=10)
    run_errands(now=moment)
    assert tell(breach) == ("is to be done by hand", False)
    today = timezone.localdate(moment)
    confirm(pipeline=pipeline, by=boss, version=2, day=today, now=moment)
    assert tell(breach) == (f"was done by hand on {tell_whole_day(today)}, as boss confirmed", False)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("executing", "is being carried out"),
        ("measuring", "was carried out, and its effect is being measured"),
    ],
)
def test_what_goes_on_is_told_as_what_goes_on(breach, boss, state, words):
    pipeline = approve(pipeline=open_for(breach), by=boss, version=1)
    Pipeline.objects.filter(pk=pipeline.pk).update(state=state)
    assert tell(breach) == (words, False)


@pytest.mark.parametrize("end", [reject, withdraw])
def test_an_end_is_told_with_its_author(breach, boss, end):
    end(pipeline=open_for(breach), by=boss, version=1, comment="No money")
    assert tell(breach) == (f"{'rejected' if end is reject else 'withdrawn'} by boss", False)


def test_a_proposal_for_other_eyes_is_told_to_those_alone(breach, boss):
    group = Group.objects.create(name="Housing")
    inside = User.objects.create_user("in")
    inside.groups.add(group)
    open_for(breach, restricted_to=group)
    assert tell(breach, inside) == tell(breach, boss) == ("waits for a decision", True)
    for reader in (User.objects.create_user("out"), None):
        assert read_outcomes([breach], reader) == {breach.pk: {"text": "", "href": "", "waits": False}}
    kpi = breach.threshold.kpi
    kpi.restricted, kpi.owner = True, group
    assert tell(breach) == ("waits for a decision", True), "whoever sees the KPI sees it too"


def test_what_another_handler_calls_a_proposal_is_told_in_its_words(breach):
    breach.outcome = "proposed #4711"
    assert read_outcomes([breach])[breach.pk]["text"] == "Proposal #4711 opened"
    breach.outcome = "no proposal: the threshold has no title"
    assert read_outcomes([breach]) == {}


def test_tile_page_explanation_and_notice_say_the_same_and_link_it(client, boss):
    base = int(time.time() // 60 - 40) * MINUTE
    rule = make_threshold(now=base, cooldown=0)
    long_ago = timezone.now() - timedelta(days=1)
    ThresholdVersion.objects.filter(threshold=rule).update(created_at=long_ago)
    Threshold.objects.filter(pk=rule.pk).update(created_at=long_ago)
    send((base + 1000, 50 * HOUR), (base + 31_000, 58 * HOUR))
    evaluate(now=base + MINUTE + 1)
    announce()
    pipeline = Pipeline.objects.get()
    decide = User.objects.create_user("ada")
    decide.user_permissions.add(Permission.objects.get(codename="decide_pipeline"))
    approve(pipeline=pipeline, by=decide, version=1)
    client.force_login(boss)
    said = f"Proposal #{pipeline.pk} approved by ada"
    [tile] = client.get("/tiles/", {"topic": TOPIC}).json()["tiles"]
    assert (tile["link"], tile["href"]) == (said, f"/inbox/{pipeline.pk}/")
    page = client.get(f"/kpis/{TOPIC}/").content.decode()
    assert f'href="/inbox/{pipeline.pk}/">{said}</a>' in page
    breach = Breach.objects.select_related("threshold__kpi").get()
    address = f"/thresholds/{breach.threshold_id}/explain/"
    assert f'">{said}</a>' in client.get(address, {"at": base + MINUTE}).content.decode()
    [fact] = describe_notices([(Notice(breach=breach, event="firing", at=base, value=breach.value), [])])
    assert (fact["outcome"], fact["undecided"]) == (said, False)
