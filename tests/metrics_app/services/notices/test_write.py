"""Notices become rows: for whom, beside which breach, and at what cost."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from metrics_app.core import watch
from metrics_app.core.conditions import judge_rule
from metrics_app.models import Breach, BreachEvent, Kpi, Notice, Silence, ThresholdState
from metrics_app.services.moments import write_moment
from metrics_app.services.notices import send_notices
from metrics_app.services.notices.write import tell_standing, write_notices
from metrics_app.services.silences import save_silence
from metrics_app.services.watch.evaluate import evaluate
from tests.metrics_app.telling import happen, make_receiver, open_breach
from tests.metrics_app.watching import HOUR, make_threshold, send

pytestmark = pytest.mark.django_db
MINUTE = 60_000


def names():
    return sorted(Notice.objects.values_list("receiver__name", flat=True))


def test_it_writes_for_the_severities_topics_and_events_that_were_chosen(base):
    make_receiver("all")
    make_receiver("critical", severities=["critical"])
    make_receiver("info", severities=["info", "warning"])
    make_receiver("complaints", topics=["er.*", "complaint.*"])
    make_receiver("er", topics=["er.wait"])
    make_receiver("recoveries", events=["recovered"])
    make_receiver("off", enabled=False)
    happen(open_breach(fired_at=base))
    assert names() == ["all", "complaints", "critical"]


@pytest.mark.parametrize(
    ("event", "kind", "chosen"),
    [
        (watch.FIRED, "limit", "firing"),
        (watch.REOPENED, "limit", "reopened"),
        (watch.RECOVERED, "limit", "recovered"),
        (watch.DATA_OPENED, "data", "data"),
        (watch.DATA_CLOSED, "data", "recovered"),
    ],
)
def test_every_event_has_its_choice(base, event, kind, chosen):
    make_receiver("chosen", events=[chosen])
    make_receiver("others", events=[e for e in ("firing", "reopened", "recovered", "data") if e != chosen])
    happen(open_breach(fired_at=base, kind=kind), event)
    assert names() == ["chosen"]


def test_other_lines_of_a_timeline_are_no_notices(base):
    make_receiver()
    happen(open_breach(fired_at=base), watch.RELAPSED)
    assert names() == []


def test_a_restricted_kpi_is_for_receivers_of_its_group_only(base):
    owners, others = (Group.objects.create(name=name) for name in ("owners", "others"))
    make_receiver("everybody")
    make_receiver("owners", group=owners)
    make_receiver("others", group=others)
    Kpi.objects.create(topic="er.wait", unit="seconds", restricted=True, owner=owners)
    happen(open_breach("er.wait", fired_at=base))
    assert names() == ["owners"]
    Notice.objects.all().delete()
    Kpi.objects.update(owner=None)
    happen(open_breach("er.wait", fired_at=base))
    assert names() == [], "one that nobody owns is told to nobody"


def test_rows_live_and_die_with_the_transaction_of_the_breach(base):
    make_receiver()
    threshold = make_threshold(now=base)
    send((base + 1000, 60 * HOUR))
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        evaluate(now=base + MINUTE + 1)
        assert Notice.objects.count() == 1
        raise ZeroDivisionError
    assert (Notice.objects.count(), Breach.objects.count()) == (0, 0)
    evaluate(now=base + MINUTE + 1)
    notice = Notice.objects.get()
    assert (notice.breach.threshold, notice.event, notice.at) == (threshold, "firing", base + MINUTE)
    assert notice.text == notice.breach.timeline.first().text


def count_statements(lines):
    with CaptureQueriesContext(connection) as queries:
        write_notices(lines)
    return [query["sql"].split()[0] for query in queries if "SAVEPOINT" not in query["sql"]]


def test_many_lines_cost_two_statements_and_none_costs_none(base):
    for n in range(3):
        make_receiver(f"receiver {n}")
    breach = open_breach(fired_at=base)
    lines = [
        (BreachEvent(breach=breach, at=base + n, kind=watch.FIRED, text="Fired."), None) for n in range(20)
    ]
    assert count_statements(lines) == ["SELECT", "INSERT"]
    assert Notice.objects.count() == 60
    assert count_statements([]) == []
    assert (
        count_statements([(BreachEvent(breach=breach, at=base, kind=watch.NO_DATA, text="No."), None)]) == []
    )


def test_an_open_breach_is_told_again_after_a_while(base):
    make_receiver(repeat_after=4 * 3600)
    make_receiver("once", addresses=["once@example.org"])
    breach = open_breach(fired_at=base)
    breach.threshold.state_row.value = 54 * HOUR
    breach.threshold.state_row.save()
    now = timezone.now()
    happen(breach, now=now)
    send_notices(now=now)
    mail.outbox.clear()
    assert send_notices(now=now + timedelta(hours=3, minutes=59)) == 0
    moment = now + timedelta(hours=4, seconds=1)
    assert (send_notices(now=moment), send_notices(now=moment)) == (1, 0)
    assert mail.outbox[0].subject == "■ Still open: complaint.latency 54 h (limit 48 h)"
    assert mail.outbox[0].to == ["duty@example.org"]
    assert send_notices(now=moment + timedelta(hours=4)) == 1
    happen(breach, watch.RECOVERED, at=base + MINUTE, now=moment)
    send_notices(now=moment + timedelta(hours=4))
    mail.outbox.clear()
    assert send_notices(now=moment + timedelta(hours=9)) == 0 and not mail.outbox


def test_what_a_silence_withheld_is_told_once_when_it_is_over(base):
    make_receiver(repeat_after=600)
    make_receiver("once", addresses=["once@example.org"])
    breach = open_breach(fired_at=base)
    now = timezone.now()
    save_silence(
        Silence(
            topic="*", reason="works", starts_at=now - timedelta(minutes=1), ends_at=now + timedelta(hours=1)
        ),
        by=None,
    )
    happen(breach, now=now)
    send_notices(now=now)
    assert send_notices(now=now + timedelta(minutes=30)) == 0
    assert Notice.objects.count() == 2, "no row for each time that it would have been told"
    end = now + timedelta(minutes=61)
    assert (send_notices(now=end), send_notices(now=end)) == (2, 0)
    assert [letter.subject for letter in mail.outbox] == 2 * [
        "■ Beyond limit: complaint.latency 53 h (limit 48 h)"
    ]
    assert "Withheld until now: silenced until" in mail.outbox[0].body
    assert send_notices(now=end + timedelta(minutes=11)) == 1
    assert mail.outbox[2].subject.startswith("■ Still open") and mail.outbox[2].to == ["duty@example.org"]


def test_who_asked_for_no_beginnings_gets_no_reminders(base):
    make_receiver(events=["recovered"], repeat_after=60)
    breach = open_breach(fired_at=base)
    now = timezone.now()
    happen(breach, watch.RECOVERED, at=base + MINUTE, now=now)
    happen(breach, watch.REOPENED, at=base + 2 * MINUTE, now=now)
    assert send_notices(now=now) == send_notices(now=now + timedelta(hours=1)) == 0


def test_a_disabled_threshold_is_not_told_again(base):
    make_receiver(repeat_after=60)
    breach = open_breach(fired_at=base)
    now = timezone.now()
    happen(breach, now=now)
    send_notices(now=now)
    breach.threshold.enabled = False
    breach.threshold.save()
    assert send_notices(now=now + timedelta(hours=1)) == 0


@pytest.mark.parametrize(
    ("row", "lag", "told"),
    [
        ({"state": "ok"}, 0, "within limit"),
        ({"state": "recovering"}, 0, "recovering"),
        ({"state": "pending"}, 0, "over the limit for now"),
        ({"state": "firing"}, 11_000, "beyond limit; not judged since 2026-11-24 08:00 UTC"),
        ({"state": "recovering"}, 11_000, "not judged since 2026-11-24 08:00 UTC"),
        ({"state": "ok"}, 11_000, "not judged since 2026-11-24 08:00 UTC"),
        ({"state": "ok", "enabled": False}, 0, "switched off"),
    ],
)
def test_a_notice_calls_within_its_limit_only_what_is_judged(row, lag, told):
    since = 1795507200_000 if lag else None
    enabled = row.get("enabled", True)
    condition = judge_rule(row["state"], "fresh", is_enabled=enabled, unjudged_since=since)
    assert tell_standing(condition) == told


def test_a_reminder_says_that_nobody_judges_what_is_still_open(base):
    make_receiver(repeat_after=3600)
    breach = open_breach(fired_at=base)
    rows = ThresholdState.objects.filter(threshold=breach.threshold)
    rows.update(state="firing", slot_class="breach", value=53 * HOUR, n=12, last_slot=base, due_at=base)
    happen(breach)
    send_notices()
    send_notices(now=timezone.now() + timedelta(hours=2))
    text = Notice.objects.get(event="still").text
    assert text.endswith(f"12 points; not judged since {write_moment(base)}.")
