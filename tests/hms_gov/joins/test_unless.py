"""A rejection waits for its KPI: from points on a real bus back to the inbox."""

import time
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from hms_gov.joins.marks import list_marks
from hms_gov.joins.timeline import note_moves
from hms_gov.joins.unless import find_crossing, read_value
from metrics_app.models import Breach
from metrics_app.services.watch.announce import announce
from metrics_app.services.watch.evaluate import evaluate
from pipelines_app.cards.cards import make_card
from pipelines_app.exceptions import BadInput
from pipelines_app.models import Errand, Pipeline
from pipelines_app.services import reject, run_errands
from pipelines_app.services.verify import verify_audit
from tests.metrics_app.watching import HOUR, TOPIC, make_threshold, send

pytestmark = pytest.mark.django_db
MINUTE = 60_000
RULE = {"aggregate": "mean", "aggregate_value": None, "window": 1800, "operator": "gt"}
RULE |= {"limit": 60 * HOUR, "beside": 48 * HOUR}


@pytest.fixture
def base():
    """A whole minute 40 minutes ago (ms): what follows it is over, and still hot."""
    return int(time.time() // 60 - 40) * MINUTE


@pytest.fixture
def ada():
    user = User.objects.create_user("ada")
    user.user_permissions.add(Permission.objects.get(codename="decide_pipeline"))
    return user


def moment(ms):
    return timezone.datetime.fromtimestamp(ms / 1000, timezone.get_default_timezone())


@pytest.fixture
def refused(base, ada):
    """The worked example, 54 h on average, rejected unless above 60 h."""
    make_threshold(now=base, min_count=2, cooldown=0)
    send((base + 1000, 50 * HOUR), (base + 31_000, 58 * HOUR))
    evaluate(now=base + MINUTE + 1)
    announce()
    made = Pipeline.objects.get()
    unless = {"value": "60 h", "until": timezone.now() + timedelta(days=30)}
    at = moment(base + 2 * MINUTE)
    return reject(pipeline=made, by=ada, version=1, comment="wait", unless=unless, now=at)


def test_what_would_be_proposed_again_says_on_its_timeline_why_it_is_not(client, refused, base, ada):
    # The old points leave the window; then it fires again.
    send((base + 33 * MINUTE, 55 * HOUR), (base + 33 * MINUTE + 1, 55 * HOUR))
    first = Breach.objects.get()
    Breach.objects.filter(pk=first.pk).update(recovered_at=base + 3 * MINUTE)
    again = Breach.objects.create(
        threshold=first.threshold, version=1, since=base, fired_at=base + 34 * MINUTE, value=55 * HOUR, n=2
    )
    announce()
    again.refresh_from_db()
    assert again.outcome.startswith(
        f"not proposed: proposal #{refused.pk} was rejected by ada unless above 60 h, until "
    )
    assert (Pipeline.objects.count(), Pipeline.objects.get().noted) == (1, 1)
    client.force_login(ada)
    assert "rejected by ada unless above 60 h" in client.get(f"/kpis/{TOPIC}/").content.decode()
    note_moves(refused)
    told = first.timeline.filter(kind="proposal").get().text
    assert told.startswith(f"Proposal #{refused.pk} “Hire 2 temp agents” rejected by ada unless above 60 h")
    assert told.endswith(": wait")


def test_it_waits_again_once_the_quantity_of_the_rule_is_beyond_the_value(refused, base, ada):
    now = moment(base + 6 * MINUTE)
    run_errands(now=now)
    assert Errand.objects.get(kind="watch").error == "not yet: 54 h"
    assert "; nothing is measured in its window now." in make_card(refused, ada).verdict
    send(*((base + 4 * MINUTE + at, 70 * HOUR) for at in range(8)))
    later = now + timedelta(minutes=1)
    run_errands(now=later)
    back = Pipeline.objects.get()
    assert (back.state, back.version, back.latest_kpi) == ("awaiting_approval", 2, 66.8 * HOUR)
    marks = list_marks(TOPIC, base, base + 30 * MINUTE, ada)
    again = "waits again, brought back by the watch: 66 h 48 min, unless above 60 h"
    assert marks[-1]["text"].startswith(f"“Hire 2 temp agents” {again}")
    note_moves(back)
    timeline = Breach.objects.get().timeline.filter(kind="proposal").last().text
    assert again in timeline
    assert verify_audit().faults == []


def test_slots_are_judged_as_the_rule_judges_them_and_only_what_is_collected(refused, base):
    after = base + 2 * MINUTE
    send((base + 4 * MINUTE + 1, 99 * HOUR), (base + 4 * MINUTE + 2, 99 * HOUR))
    found = find_crossing(TOPIC, RULE | {"min_count": 2}, after, base + 30 * MINUTE)
    # 50, 58, 99 and 99 h: above 60 h from the fifth minute on, the first that has them.
    assert (found["at"], found["n"], found["text"]) == (base + 5 * MINUTE, 4, "76 h 30 min")
    for rule in ({"min_count": 5}, {"min_count": 1, "limit": 80 * HOUR}):
        assert find_crossing(TOPIC, RULE | rule, after, base + 30 * MINUTE)["at"] is None
    ahead = base + 500 * MINUTE
    assert find_crossing(TOPIC, RULE | {"min_count": 1}, ahead, ahead + MINUTE)["at"] is None
    assert find_crossing("no.such", RULE | {"min_count": 1}, after, ahead) is None


def test_values_are_read_as_people_type_them_in_the_quantity_of_the_rule(refused):
    assert read_value(TOPIC, RULE, "2 d 12 h") == 60 * HOUR
    assert read_value(TOPIC, RULE | {"aggregate": "rate_per_hour"}, "90") == 90
    with pytest.raises(BadInput, match="'soon' is not a duration: write '48 h'"):
        read_value(TOPIC, RULE, "soon")
