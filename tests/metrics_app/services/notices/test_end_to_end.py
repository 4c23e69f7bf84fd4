"""From a point to a mail and a signed request, through every real part."""

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from standardwebhooks import Webhook

from metrics_app.models import Breach, BreachEvent, Kpi, Notice, Threshold, ThresholdState
from metrics_app.services.notices import send_notices, write_notices
from metrics_app.services.rules.deadman import save_expectation
from metrics_app.services.rules.thresholds import save_threshold
from metrics_app.services.watch.announce import announce
from metrics_app.services.watch.evaluate import evaluate
from tests.metrics_app.telling import SECRET, allow, later, make_receiver, serve, told
from tests.metrics_app.watching import HOUR, make_threshold, send

pytestmark = pytest.mark.django_db
MINUTE = 60_000


def test_a_threshold_fires_and_recovers_and_people_hear_of_both(base, settings):
    with serve(204, body=b"") as server:
        allow(settings, server.url, SITE_URL="https://metrics.example.org", BREACH_HANDLERS=[])
        make_receiver()
        make_receiver("Pager", kind="webhook", webhook="pager", addresses=[])
        make_threshold(now=base, window=120)
        send((base + 1000, 53 * HOUR))
        evaluate(now=base + MINUTE + 1)
        announce()
        assert send_notices() == 2
        send((base + 3 * MINUTE, 10 * HOUR))
        evaluate(now=base + 4 * MINUTE + 1)
        assert (send_notices(), send_notices()) == (2, 0)
    assert [letter.subject for letter in mail.outbox] == [
        "■ Beyond limit: complaint.latency 53 h (limit 48 h)",
        "● Recovered: complaint.latency 10 h (limit 48 h)",
    ]
    assert "Fired: mean 53 h over 2 min, 1 point; above 48 h." in mail.outbox[0].body
    for got, event in zip(server.posts, ("firing", "recovered"), strict=True):
        data = Webhook(SECRET).verify(got.body, got.headers)
        assert [notice["event"] for notice in data["data"]["notices"]] == [event]
    breach = Breach.objects.get()
    assert sorted(told(breach)) == [
        "Duty officers told by mail: beyond limit",
        "Duty officers told by mail: recovered",
        "Pager told by webhook pager: beyond limit",
        "Pager told by webhook pager: recovered",
    ]
    assert set(Notice.objects.values_list("outcome", flat=True)) == {"sent"}


def test_a_kpi_that_falls_silent_is_told_as_no_data(base, settings):
    make_receiver(events=["data", "recovered"])
    make_threshold(now=base, window=60, no_data="fire", no_data_for=120)
    send((base - 1000, 10 * HOUR))
    send((base + 10 * MINUTE, 10 * HOUR))
    evaluate(now=base + 6 * MINUTE + 1)
    assert send_notices() == 1
    evaluate(now=base + 11 * MINUTE + 1)
    assert send_notices() == 1
    assert [letter.subject for letter in mail.outbox] == [
        "○ No data: complaint.latency (no point for 2 min)",
        "● Data breach over: complaint.latency",
    ]


def test_a_watch_for_silence_that_is_ended_is_told_to_whoever_heard_of_the_silence(base):
    make_receiver()
    kpi = Kpi.objects.create(topic="complaint.latency", unit="seconds", expected_interval=60)
    save_expectation(kpi, by=None, now=base)
    send((base - 5 * MINUTE, 10 * HOUR))
    send((base + 10 * MINUTE, 10 * HOUR), topic="other.kpi")
    evaluate(now=base + 5 * MINUTE)
    assert send_notices() == 1
    kpi.expected_interval = None
    save_expectation(kpi, by=None, now=base + 6 * MINUTE)
    assert send_notices() == 1
    assert [letter.subject.partition(":")[0] for letter in mail.outbox] == ["○ No data", "– Ended"]
    assert "Points are no longer expected" in mail.outbox[1].body


def test_thresholds_to_which_nothing_happens_cost_no_query_more(base):
    make_receiver()
    for n in range(20):
        make_threshold(f"topic.{n}", now=base)
        send((base + 1000, 10 * HOUR), topic=f"topic.{n}")
    evaluate(now=base + MINUTE + 1)
    with CaptureQueriesContext(connection) as queries:
        assert evaluate(now=base + 2 * MINUTE + 1) == 20
    assert len(queries) > 0
    assert not [query for query in queries if "notice" in query["sql"] or "receiver" in query["sql"]]


def test_thousands_at_once_are_one_message(base):
    make_receiver()
    kpi = Kpi.objects.create(topic="complaint.latency", unit="seconds")
    rules = Threshold.objects.bulk_create(Threshold(kpi=kpi, limit=48 * HOUR) for _ in range(1_500))
    known = {"version": 1, "severity": "warning", "since": base, "fired_at": base, "value": 53 * HOUR}
    breaches = Breach.objects.bulk_create(Breach(threshold=rule, **known) for rule in rules)
    lines = [BreachEvent(breach=breach, at=base, kind="fired", text="Fired.") for breach in breaches]
    write_notices([(line, None) for line in lines])
    assert send_notices() == 1
    assert mail.outbox[0].subject == "■ 1,500 beyond limit: complaint.latency"
    assert Notice.objects.filter(outcome="sent").count() == 1_500
    assert BreachEvent.objects.filter(kind="notice").count() == 1_500


def test_a_breach_that_ends_by_an_edit_is_told_with_its_cause_and_after_the_edit(base):
    make_receiver()
    threshold = make_threshold(now=base, limit=10 * HOUR)
    send((base - 1000, 99 * HOUR))
    evaluate(now=base + 1)
    assert send_notices() == 1
    threshold.limit = 200.0 * HOUR
    ann = User.objects.create_user("ann")
    save_threshold(threshold, by=ann, now=base + 36_900)
    evaluate(now=base + 36_900)
    breach = Breach.objects.get()
    texts = [line.text for line in breach.timeline.exclude(kind="notice")]
    assert [text.partition(":")[0] for text in texts] == [
        "Fired",
        "The rule was changed by ann to version 2",
        "Recovered after 36 s, because the limit was changed to 200 h",
    ]
    assert "goes on" not in texts[1]
    assert send_notices() == 1
    assert mail.outbox[1].subject.startswith(
        "● Recovered: complaint.latency 99 h (limit 10 h), because the limit"
    )
    assert "Recovered after 36 s, because the limit was changed to 200 h: mean" in mail.outbox[1].body


def test_a_recovery_that_the_old_limit_would_have_seen_is_no_edits_doing(base):
    threshold = make_threshold(now=base, limit=10 * HOUR, window=60)
    send((base - 1000, 99 * HOUR))
    evaluate(now=base + 1)
    threshold.limit = 20.0 * HOUR
    save_threshold(threshold, by=None, now=base + 5_000)
    send((base + MINUTE - 1000, 1 * HOUR), (base + MINUTE - 500, 1 * HOUR))
    evaluate(now=base + MINUTE + 1)
    send((base + 2 * MINUTE - 1000, 1 * HOUR))
    evaluate(now=base + 2 * MINUTE + 1)
    breach = Breach.objects.get()
    assert breach.recovered_at and "because" not in breach.timeline.get(kind="recovered").text


def test_what_is_told_of_the_present_quotes_the_present_rule_and_what_fired_its_own(base):
    make_receiver(repeat_after=3600)
    threshold = make_threshold(now=base, limit=10 * HOUR, window=120, cooldown=HOUR)
    send((base + 1000, 99 * HOUR))
    evaluate(now=base + MINUTE + 1)
    threshold.limit, threshold.severity = 30.0 * HOUR, "critical"
    save_threshold(threshold, by=None, now=base + MINUTE + 5_000)
    assert send_notices() == 1
    assert send_notices(now=later(hours=2)) == 1
    send((base + 3 * MINUTE, 10 * HOUR), (base + 6 * MINUTE, 60 * HOUR))
    evaluate(now=base + 4 * MINUTE + 1)
    threshold.limit, threshold.severity = 40.0 * HOUR, "info"
    save_threshold(threshold, by=None, now=base + 5 * MINUTE + 5_000)
    evaluate(now=base + 7 * MINUTE + 1)
    assert send_notices() == 1
    assert [letter.subject for letter in mail.outbox] == [
        "■ Beyond limit: complaint.latency 99 h (limit 10 h)",
        "■ Still open: complaint.latency 99 h (limit 30 h)",
        "● 1 recovered, ■ 1 beyond limit again: complaint.latency",
    ]
    assert "60 h (limit 40 h)" in mail.outbox[2].body
    breach = Breach.objects.get()
    assert (breach.version, breach.severity, breach.reopened) == (3, "info", 1)


@pytest.mark.parametrize("kind", ["limit", "data"])
def test_a_threshold_that_is_switched_off_ends_its_breach_and_tells_so(base, kind):
    make_receiver()
    ann = User.objects.create_user("ann")
    silent = {"no_data": "fire", "no_data_for": 0} if kind == "data" else {}
    threshold = make_threshold(now=base, limit=10 * HOUR, window=60, **silent)
    send((base - (1000 if kind == "limit" else 5 * MINUTE), 99 * HOUR))
    evaluate(now=base + MINUTE * (kind == "data") + 1)
    assert Breach.objects.get().kind == kind and send_notices() == 1
    threshold.enabled = False
    save_threshold(threshold, by=ann, reason="works", now=base + 2 * MINUTE)
    breach, state = Breach.objects.get(), ThresholdState.objects.get()
    assert breach.recovered_at == base + 2 * MINUTE
    assert (state.state, state.data_breach) == ("ok", False)
    assert send_notices() == 1 and send_notices() == 0
    assert mail.outbox[1].subject == "– Ended: complaint.latency, switched off by ann"
    assert "Ended: switched off by ann, “works”." in mail.outbox[1].body
    assert "#00a91c" not in mail.outbox[1].alternatives[0].content, "nobody looks: no green"
    assert breach.timeline.last().text == "Duty officers told by mail: ended"
