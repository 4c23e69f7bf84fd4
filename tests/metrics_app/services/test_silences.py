"""A silence changes what is delivered, never a state."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from metrics_app.exceptions import BadInput
from metrics_app.models import Breach, Kpi, Silence
from metrics_app.services.silences import end_silence, find_silence, list_acting, save_silence
from metrics_app.services.watch.announce import announce
from metrics_app.services.watch.evaluate import evaluate
from metrics_app.services.watch.states import read_states
from tests.metrics_app.telling import later
from tests.metrics_app.watching import HOUR, make_threshold, send

pytestmark = pytest.mark.django_db


def make_silence(*, by=None, **fields):
    now = timezone.now()
    span = {"starts_at": now - timedelta(minutes=5), "ends_at": now + timedelta(hours=1)}
    return save_silence(Silence(**({"reason": "maintenance"} | span | fields)), by=by)


@pytest.fixture
def fired(base, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"BREACH_HANDLERS": [f"{__name__}.propose"]}
    threshold = make_threshold(now=base)
    send((base + 1000, 60 * HOUR))
    return threshold


def propose(breach):
    return "proposed #12"


def test_a_breach_under_a_silence_says_what_it_would_have_proposed(fired, base):
    silence = make_silence(topic="complaint.*", by=User.objects.create_user("ann"))
    evaluate(now=base + 60_001)
    announce()
    breach = Breach.objects.get()
    assert breach.outcome == (
        f"would have proposed “Hire 2 temp agents”: silenced until {silence.ends_at:%Y-%m-%d %H:%M} UTC "
        "by ann: maintenance"
    )
    assert breach.timeline.filter(text=breach.outcome).exists()
    view = read_states([fired])[fired.pk]
    assert view.state == "firing" and view.silenced.endswith("by ann: maintenance")


@pytest.mark.parametrize(
    "fields",
    [
        {"topic": "er.*"},
        {"topic": "*", "severity": "critical"},
        {"topic": "*", "starts_at": timezone.now() + timedelta(minutes=30)},
    ],
)
def test_what_does_not_fit_silences_nothing(fired, base, fields):
    make_silence(**fields)
    evaluate(now=base + 60_001)
    announce()
    assert Breach.objects.get().outcome == "proposed #12"
    assert read_states([fired])[fired.pk].silenced == ""


def test_what_whoever_set_it_may_not_see_it_does_not_silence(fired):
    group = Group.objects.create(name="owners")
    people = {name: User.objects.create_user(name) for name in ("member", "outsider", "leaver", "gone")}
    people["superuser"] = User.objects.create_superuser("superuser")
    for name in ("member", "leaver"):
        people[name].groups.add(group)
    Kpi.objects.update(restricted=True, owner=group)
    fired.kpi.refresh_from_db()
    matchers = (
        {"topic": "*"},
        {"severity": fired.severity},
        {"topic": fired.kpi.topic},
        {"threshold": fired},
    )
    for name, by in people.items():
        for matcher in matchers:
            make_silence(by=by, reason=name, **matcher)
    people["leaver"].groups.clear()
    people["gone"].delete()

    def list_silencing():
        return [one.silence.reason for one in list_acting() if find_silence(fired, [one])]

    assert sorted(list_silencing()) == ["member"] * 4 + ["superuser"] * 4
    Kpi.objects.update(restricted=False)
    fired.kpi.refresh_from_db()
    assert len(list_silencing()) == 4 * len(people)


def test_it_says_until_when_all_that_follow_each_other_act_and_whose_they_are(fired):
    ann, bob = (User.objects.create_user(name) for name in ("ann", "bob"))
    first = make_silence(topic="complaint.*", by=ann)
    last = make_silence(
        threshold=fired,
        by=bob,
        reason="move",
        starts_at=first.ends_at,
        ends_at=first.ends_at + timedelta(hours=2),
    )
    make_silence(topic="er.*", by=bob, ends_at=last.ends_at + timedelta(hours=1))
    make_silence(topic="*", by=bob, starts_at=last.ends_at + timedelta(seconds=1), ends_at=later(days=9))
    found = find_silence(fired, list_acting())
    assert found.describe() == (
        f"silenced until {last.ends_at:%Y-%m-%d %H:%M} UTC by ann: maintenance; then by bob: move"
    )
    end_silence(first)
    assert find_silence(fired, list_acting()) is None


def test_a_silence_speaks_for_whoever_saved_it_last():
    first, last = (User.objects.create_user(name) for name in ("first", "last"))
    silence = make_silence(topic="er.*", by=first)
    silence.topic = "*"
    save_silence(silence, by=last)
    assert Silence.objects.get().author == last


def test_an_ended_silence_acts_no_more_and_stays_on_record(fired, base):
    silence = end_silence(make_silence(threshold=fired))
    assert silence.ends_at <= timezone.now()
    evaluate(now=base + 60_001)
    announce()
    assert Breach.objects.get().outcome == "proposed #12" and Silence.objects.count() == 1


FAR = datetime(9999, 12, 30, tzinfo=UTC)
# Two hours of a Saturday, and hours of Mondays.
NEVER = {
    "topic": "*",
    "starts_at": datetime(2035, 6, 2, 10, tzinfo=UTC),
    "ends_at": datetime(2035, 6, 2, 12, tzinfo=UTC),
} | {"days": "mon", "opens": time(9), "closes": time(17)}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "topic"),
        ({"topic": "No Topic"}, "topic"),
        ({"topic": "*", "reason": " "}, "reason"),
        ({"topic": "*", "ends_at": timezone.now() - timedelta(days=1)}, "ends_at"),
        ({"topic": "*", "days": "mon"}, "days"),
        ({"topic": "*", "days": "payday"}, "days"),
        ({"topic": "*", "zone": "Mars/Base"}, "zone"),
        ({"topic": "*", "days": "mon", "opens": time(2, 0, 0, 5), "closes": time(3)}, "opens"),
        (NEVER, "days"),
        (NEVER | {"starts_at": FAR, "ends_at": FAR + timedelta(days=1)}, "starts_at"),
        ({"topic": "*", "severity": "loud"}, "severity"),
    ],
)
def test_it_says_what_is_wrong(fields, field):
    with pytest.raises(BadInput) as caught:
        make_silence(**fields)
    assert caught.value.errors[0]["field"] == field and not Silence.objects.exists()
