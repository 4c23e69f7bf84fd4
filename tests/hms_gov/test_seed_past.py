"""The seeded past: history says what its cases say, and what comes after is counted once."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from django.core.management import call_command
from django.test import Client

from hms_gov.management.commands.simulate_traffic import find_start, live_through
from hms_gov.past import TOPICS, TROUBLES, live_cases
from hms_gov.seed import seed, seed_past
from hms_gov.traffic import Complaints, read_waiting
from metrics_app import queries
from metrics_app.client import flush
from metrics_app.collector import collect_all
from metrics_app.core.durations import DAY_MS, DAY_S, HOUR_MS, MINUTE_MS, MINUTE_S
from metrics_app.models import DayRollup, HourRollup, Import, MinuteRollup, Note, Topic
from metrics_app.services.archive import archive
from metrics_app.services.compact import compact_history
from pipelines_app.models import Pipeline
from tests.metrics_app.points import publish

# What it asks of SQL is what imports, the archive and proposals ask, whose tests run on both.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]
DAYS, KEPT = 40, 10


@pytest.fixture
def seeded(settings, tmp_path):
    """``(end in s, waiting, facts)`` of a seeded past of 40 days with minutes of the last ten."""
    settings.METRICS_APP = {**settings.METRICS_APP, "MINUTES_DAYS": KEPT}
    facts = seed()
    assert seed_past(tmp_path / "waiting.json", days=DAYS) > 0
    collect_all()
    return *read_waiting(tmp_path / "waiting.json"), facts


def sum_up(model, topic, start, end):
    """``(count, sum)`` of the rows of a topic in [start, end) ms."""
    number = Topic.objects.get(name=topic).pk
    rows = model.objects.filter(topic=number, start__gte=start, start__lt=end).values_list("count", "sum")
    return tuple(np.array(list(rows)).sum(axis=0)) if rows else (0, 0)


def test_a_day_says_what_its_cases_say(seeded):
    end, _, _ = seeded
    created, answered = live_cases(end, days=DAYS)
    day = (end // DAY_S - 5) * DAY_S
    filed = ((created >= day) & (created < day + DAY_S)).sum()
    done = (answered >= day) & (answered < day + DAY_S)
    found = {t: queries.span(t, day * 1000, (day + DAY_S) * 1000, percentiles=True) for t in TOPICS}
    assert found["complaint.received"].count == filed
    latency = found["complaint.latency"]
    assert latency.count == done.sum()
    assert latency.mean == pytest.approx((answered - created)[done].mean(), abs=0.001)
    for q in (0.5, 0.95):
        assert latency.quantile(q) == pytest.approx(np.quantile((answered - created)[done], q), rel=0.01)
    minutes = np.arange(day, day + DAY_S, MINUTE_S)
    opened = [((created < at) & (answered >= at)).sum() for at in minutes]
    assert found["complaint.open"].count == len(minutes)
    assert found["complaint.open"].mean == pytest.approx(np.mean(opened))


@pytest.mark.parametrize("topic", TOPICS)
def test_minutes_hours_and_days_agree(seeded, topic):
    end, _, _ = seeded
    today = end * 1000 // DAY_MS * DAY_MS
    # The past may end yesterday, an hour before now, and is pruned by today.
    for back in (1, 4, KEPT - 1):
        day = today - back * DAY_MS
        whole = sum_up(DayRollup, topic, day, day + DAY_MS)
        assert whole[0] > 0
        for model in (HourRollup, MinuteRollup):
            assert sum_up(model, topic, day, day + DAY_MS) == pytest.approx(whole)
    old = today - (KEPT + 5) * DAY_MS
    assert sum_up(HourRollup, topic, old, today) == pytest.approx(sum_up(DayRollup, topic, old, today))
    assert sum_up(MinuteRollup, topic, 0, today - (KEPT + 1) * DAY_MS) == (0, 0)


def test_the_night_finds_nothing_to_mend_write_or_prune(seeded):
    assert compact_history() == (0, 0, 0)


def test_charts_of_a_day_a_week_and_a_quarter_are_full(seeded):
    end, _, _ = seeded
    # Too short to learn from: nobody has proposed anything in it.
    assert not Pipeline.objects.exists()
    for topic in TOPICS:
        for span, step in ((DAY_MS, 5 * MINUTE_MS), (7 * DAY_MS, HOUR_MS), (DAYS * DAY_MS, DAY_MS)):
            until = end * 1000 // step * step
            columns = queries.series(topic, until - span + step, until, step)
            empty = columns["count"].count(0)
            # Nobody complains in some five minutes of a Sunday night; gauges and hours are never empty.
            quiet = step == 5 * MINUTE_MS and topic in TOPICS[:2]
            assert empty <= (0.15 * len(columns["ts"]) if quiet else 0)


def test_what_comes_after_is_counted_once(seeded, settings):
    end, waiting, _ = seeded
    before = {topic: queries.span(topic, 0, end * 1000).count for topic in TOPICS}
    begin = queries.redis_now() / 1000
    complaints = Complaints(end, rng=np.random.default_rng(8), known=(end, waiting))
    sent = dict.fromkeys(TOPICS, 0)
    real = complaints.advance

    def count(now):
        for topic, value in real(now):
            sent[topic] += 1
            yield topic, value

    complaints.advance = count
    live_through(complaints, begin)
    assert flush(30)
    for _ in range(2):
        collect_all()
        archive()
    for topic in TOPICS:
        assert queries.span(topic, 0, end * 1000).count == before[topic]
        found = queries.span(topic, end * 1000, int(begin * 1000) + MINUTE_MS)
        assert found.count == sent[topic]
    assert min(sent.values()) > 0


def test_the_traffic_goes_on_where_the_past_ended_unless_that_is_long_ago():
    now = 1_795_887_600
    assert find_start(now, (now - 4_200, [])) == now - 4_200
    assert find_start(now, (now - 3 * DAY_S, [])) == now - 3_600
    assert find_start(now, None) == now - 3_600


def test_after_three_days_off_it_goes_on_with_a_gap_and_no_older_case_than_the_past_left(seeded):
    end, waiting, _ = seeded
    later = end + 3 * DAY_S
    complaints = Complaints(later, rng=np.random.default_rng(8), known=(end, waiting))
    left = {tuple(case) for case in waiting if case[0] >= later}
    assert left and left <= set(complaints.open)
    assert all(created >= end for answered, created in set(complaints.open) - left)


def test_a_second_time_seeds_nothing(seeded, tmp_path):
    before = sum_up(HourRollup, "complaint.received", 0, 2**62), Note.objects.count()
    assert seed_past(tmp_path / "again.json", days=DAYS) == 0
    assert (sum_up(HourRollup, "complaint.received", 0, 2**62), Note.objects.count()) == before
    assert not (tmp_path / "again.json").exists()


@pytest.mark.parametrize("topic", TOPICS)
def test_where_anything_was_counted_no_past_is_made_up(tmp_path, topic):
    seed()
    publish(topic, queries.redis_now())
    collect_all()
    assert seed_past(tmp_path / "waiting.json", days=DAYS) == 0
    assert not Import.objects.exists()
    assert not HourRollup.objects.exists()


def test_killed_in_the_middle_it_leaves_nothing_and_begins_again(tmp_path, monkeypatch):
    seed()
    with monkeypatch.context() as patch:
        patch.setattr("hms_gov.seed.note_past", lambda *arguments: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            seed_past(tmp_path / "waiting.json", days=DAYS)
    assert not HourRollup.objects.exists()
    assert seed_past(tmp_path / "waiting.json", days=DAYS) > 0


def test_every_chart_says_that_it_is_simulated_and_why_it_was_bad(seeded, django_user_model):
    client = Client()
    client.force_login(django_user_model.objects.get(username="approver"))
    storm = TROUBLES[-1]
    assert storm.before + 7 < 30
    for topic in TOPICS:
        for span in ("24h", "7d", "90d"):
            page = client.get(f"/kpis/{topic}/?span={span}&compare=week").content.decode()
            assert "Simulated: the demo made these days up." in page
            assert (f"Simulated: {storm.what}." in page) == (span == "90d")
            assert "not watched then" not in page
        assert "Simulated" not in client.get(f"/kpis/{topic}/").content.decode()


def test_without_being_asked_for_nothing_is_seeded(tmp_path):
    call_command("seed_demo", credentials=tmp_path / "credentials.json")
    assert not HourRollup.objects.exists()
    assert not Note.objects.exists()


def test_the_command_seeds_it_and_says_so(tmp_path, settings, capsys, monkeypatch):
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(
        "hms_gov.management.commands.seed_demo.seed_past", lambda path: seed_past(path, days=3)
    )
    for said in ("days of complaints were made up", "No past was made up: complaints were counted before."):
        call_command("seed_demo", credentials=tmp_path / "credentials.json", past=True)
        assert said in capsys.readouterr().out
    kept = json.loads((tmp_path / "complaints.json").read_text())
    assert datetime.fromtimestamp(kept["moment"], UTC).second == 0
    assert (tmp_path / "complaints.json").stat().st_mode & 0o077 == 0
