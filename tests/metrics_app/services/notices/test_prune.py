"""What is over for long goes; what anything told next depends on stays."""

from datetime import timedelta

import pytest
from django.utils import timezone

from metrics_app.core import watch
from metrics_app.core.moments import to_ms
from metrics_app.models import Notice
from metrics_app.services.notices import prune, prune_notices, send_notices, send_test
from tests.metrics_app.telling import happen, make_receiver, open_breach, told

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
NOW = timezone.now()


def tell(topic, *events, days):
    """A breach of so many days ago, of which its receiver was told."""
    at = to_ms(NOW - days * DAY)
    breach = open_breach(topic, fired_at=at)
    for number, event in enumerate(events):
        happen(breach, event, at=at + number * 60_000, now=NOW - days * DAY)
        send_notices(now=NOW - days * DAY)
    return breach


def list_topics():
    return set(Notice.objects.values_list("breach__threshold__kpi__topic", flat=True))


def test_what_ended_long_ago_goes_and_the_timeline_keeps_who_was_told(admin_user):
    receiver = make_receiver()
    over = tell("a.over", watch.FIRED, watch.RECOVERED, days=401)
    tell("a.late", watch.FIRED, watch.RECOVERED, days=399)
    tell("a.open", watch.FIRED, days=401)
    waits = tell("a.waits", watch.FIRED, watch.RECOVERED, days=401)
    Notice.objects.filter(breach=waits, event="recovered").update(done_at=None, outcome="")
    send_test(receiver, by=admin_user, now=NOW - 401 * DAY)
    Notice.objects.filter(event="test").update(done_at=NOW - 401 * DAY)
    assert prune_notices(now=NOW) == 3
    assert list_topics() == {"a.late", "a.open", "a.waits"}
    assert Notice.objects.filter(breach=waits).count() == 2, "of one breach all, or none"
    assert told(over) == [f"Duty officers told by mail: {word}" for word in ("beyond limit", "recovered")]
    Notice.objects.filter(breach=waits).delete()
    sent = Notice.objects.count()
    send_notices(now=NOW)
    assert Notice.objects.count() == sent, "nothing is owed anew"


def test_a_shorter_time_than_a_breach_may_open_again_is_not_taken(settings, monkeypatch):
    monkeypatch.setattr(prune, "BATCH", 1)
    settings.METRICS_APP = settings.METRICS_APP | {"NOTICES_DAYS": 1}
    make_receiver()
    tell("a.over", watch.FIRED, watch.RECOVERED, days=63)
    tell("a.late", watch.FIRED, watch.RECOVERED, days=61)
    assert prune_notices(now=NOW) == 2
    assert list_topics() == {"a.late"}
