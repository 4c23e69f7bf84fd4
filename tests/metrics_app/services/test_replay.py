"""A replay sends each point once, in order, whatever happens on the way."""

import numpy as np
import pytest

from metrics_app import queries
from metrics_app.bus import join_entries, read
from metrics_app.collector import collect_all
from metrics_app.exceptions import BusUnavailable
from metrics_app.files.cases import Case
from metrics_app.services import replay
from metrics_app.services.replay import build_events, drop_known, plan_batches, send_events

pytestmark = pytest.mark.django_db

START = 1_700_000_000_000
TOPICS = {"received": "complaint.received", "latency": "complaint.latency"}


def make_case(number, created=0, closed=None, kind=""):
    """A case; times are seconds after START."""
    closed = None if closed is None else START + closed * 1000
    return Case(number + 2, str(number), START + created * 1000, closed, kind)


def count_points(topic):
    """How many points of a topic have been collected."""
    collect_all()
    head = queries.get_head(topic)
    return head.total if head else 0


def test_it_puts_the_events_in_the_order_they_happened():
    events = build_events([make_case(0, 0, 90), make_case(1, 60, 60), make_case(2, 30)], **TOPICS)
    assert [events.topics[place] for place in events.topic] == [
        "complaint.received",
        "complaint.received",
        "complaint.received",
        "complaint.latency",
        "complaint.latency",
    ]
    assert events.values.tolist() == [1, 1, 1, 0, 90]
    assert np.all(np.diff(events.ts) >= 0)


def test_it_also_sends_to_the_kinds_when_asked():
    events = build_events([make_case(0, 0, 5, kind="noise")], **TOPICS, split=True)
    assert sorted(events.topics) == [
        "complaint.latency",
        "complaint.latency.noise",
        "complaint.received",
        "complaint.received.noise",
    ]


def test_it_leaves_together_what_fits_a_batch_as_fast_as_it_goes(settings):
    settings.METRICS_APP = {**settings.METRICS_APP, "MAX_POINTS": 4}
    assert list(plan_batches(np.arange(10), None)) == [(0, 4, 0), (4, 8, 0), (8, 10, 0)]


def test_it_keeps_the_pace_it_was_told():
    ts = np.array([0, 10, 60_000, 60_010, 3_600_000]) + START
    assert list(plan_batches(ts, 60)) == [(0, 2, 0), (2, 4, 1), (4, 5, 60)]


def test_it_waits_between_batches_with_a_pace():
    waits = []
    events = build_events([make_case(0), make_case(1, 3600)], **TOPICS)
    send_events(events, speed=60, pause=waits.append)
    assert waits == [pytest.approx(60, abs=1)]
    assert count_points("complaint.received") == 2


def test_it_stamps_points_as_they_are_sent():
    before = queries.redis_now()
    send_events(build_events([make_case(0, 0, 3600)], **TOPICS))
    assert count_points("complaint.latency") == 1
    stats = queries.stats("complaint.latency", 60)
    assert stats["mean"] == 3600
    assert stats["last_point_at"] >= before - 1000


def test_it_keeps_the_times_of_old_points():
    send_events(build_events([make_case(0, 0, 3600)], **TOPICS), original=True)
    assert published()["complaint.latency"][0].tolist() == [START + 3_600_000]


def published():
    """Everything on the bus: topic → (ts, values)."""
    found = read(dict.fromkeys(range(8), b"0-0")).entries.values()
    return join_entries([entry for entries in found for _, entry in entries])


def test_it_sends_a_case_with_its_own_times_once_across_runs():
    events = build_events([make_case(0, 0, 3600), make_case(1, 5)], **TOPICS)
    send_events(events, original=True)
    assert len(drop_known(events).ts) == 0
    # The file of the next week: case 1 is closed by now, case 2 is new.
    events = build_events([make_case(0, 0, 3600), make_case(1, 5, 7200), make_case(2, 9)], **TOPICS)
    fresh = drop_known(events)
    assert [
        (fresh.topics[topic], fresh.ids[case]) for topic, case in zip(fresh.topic, fresh.case, strict=True)
    ] == [
        ("complaint.received", "2"),
        ("complaint.latency", "1"),
    ]


def test_without_ids_a_point_is_known_by_topic_time_and_value_and_how_often_they_came():
    def name(*cases):
        rows = [make_case(0, *case)._replace(id="") for case in cases]
        events = build_events(rows, **TOPICS, split=True)
        pairs = zip(events.topic.tolist(), events.case.tolist(), strict=True)
        found = [(events.topics[topic], events.ids[case]) for topic, case in pairs]
        assert len(set(found)) == len(found)
        return set(found)

    noise, light, answered = (0, None, "noise"), (0, None, "light"), (0, 5, "light")
    first = name(noise, noise, light)
    assert name(light, noise, noise) == first and len(first) == 6
    # Answered since: each answer is new, in its topic and in its kind; the complaints are not.
    assert {topic for topic, _ in name(noise, answered, noise) - first} == {
        "complaint.latency",
        "complaint.latency.light",
    }
    assert first < name(noise, noise, light, noise)


def test_it_counts_once_what_a_run_sent_but_could_not_note(monkeypatch):
    events = build_events([make_case(number) for number in range(20)], **TOPICS)
    with monkeypatch.context() as patch:
        patch.setattr(replay, "remember", lambda events: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            send_events(events, original=True)
    send_events(drop_known(events), original=True)
    assert len(published()["complaint.received"][0]) == 20


def test_it_repeats_a_batch_whose_answer_was_lost_without_counting_it_twice(monkeypatch):
    failures, record = iter([True, True, False]), replay.record_batch

    def lose_the_answer(*args, **kwargs):
        record(*args, **kwargs)
        if next(failures):
            raise BusUnavailable("the answer was lost")

    monkeypatch.setattr(replay, "record_batch", lose_the_answer)
    send_events(build_events([make_case(n) for n in range(50)], **TOPICS), pause=lambda seconds: None)
    assert count_points("complaint.received") == 50


def test_it_gives_up_when_redis_stays_away(settings):
    settings.METRICS_APP = {**settings.METRICS_APP, "REDIS_URL": "redis://127.0.0.1:1/0"}
    with pytest.raises(BusUnavailable, match="Redis does not answer"):
        send_events(build_events([make_case(0)], **TOPICS), pause=lambda seconds: None)


def test_it_sends_nothing_of_an_empty_file():
    events = build_events([], **TOPICS)
    send_events(drop_known(events))
    assert count_points("complaint.received") == 0
