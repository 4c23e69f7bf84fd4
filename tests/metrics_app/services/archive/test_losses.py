"""What a flush of Redis took along is counted, also while no archiver runs."""

import logging
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from metrics_app import queries
from metrics_app.connection import get_redis, key
from metrics_app.models import Generation
from metrics_app.services.archive import archive, losses, note_collected
from metrics_app.tasks import watch
from tests.metrics_app.histories import Clockwork
from tests.metrics_app.points import publish
from tests.metrics_app.watching import let_all_work

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def look_at_once(monkeypatch):
    """Every test looks for the first time."""
    monkeypatch.setattr(losses, "looks", {})


def flush():
    """Redis loses everything of this test."""
    client, prefix = get_redis(), key(0, "").split(":")[0].strip("{")
    for name in client.scan_iter(f"*{prefix}:*"):
        client.delete(name)


def lose(points=270):
    """Points that no archiver saw, a look of the watch, a flush, and life after it."""
    clockwork = Clockwork()
    publish("er.wait", [clockwork.now] * points, 3.0)
    clockwork.collect()
    watch()
    flush()
    publish("er.wait", clockwork.now, 5.0)
    clockwork.collect()


def test_points_that_no_archiver_ever_saw_are_counted_when_redis_loses_them(caplog):
    lose()
    shard = queries.shard_for("er.wait")
    with caplog.at_level(logging.ERROR):
        archive()
    assert [row.lost for row in Generation.objects.filter(shard=shard).order_by("id")] == [270, None]
    assert "270 points that are known of it were not archived" in caplog.text
    assert "after anybody last looked is unknown" in caplog.text


def test_the_watch_counts_a_loss_by_itself_while_the_archiver_is_away():
    lose()
    note_collected(every=0)
    assert not losses.read_losses().recent  # too soon: it looks every few seconds
    losses.looks.clear()
    note_collected()
    assert losses.read_losses().by_shard == {queries.shard_for("er.wait"): 270}


def test_a_loss_of_which_nothing_is_known_is_not_called_none(caplog):
    clockwork = Clockwork()
    publish("er.wait", [clockwork.now] * 4, 3.0)
    clockwork.collect()
    archive()
    flush()
    publish("er.wait", clockwork.now, 5.0)
    clockwork.collect()
    with caplog.at_level(logging.ERROR):
        archive()
    assert "All points that are known of it are archived (4)" in caplog.text and "is unknown" in caplog.text


@pytest.mark.parametrize(
    ("seen_and_archived", "lost"),
    [
        ([(100, 100), (150, 50)], [0, 0]),  # a restart that kept the counter: nothing counts twice
        ([(100, 70), (150, 20)], [30, 30]),
        ([(100, 110), (150, 40)], [0, 0]),  # ten more were archived than had been noted
        ([(100, 100), (20, 5)], [0, 15]),  # the counter began anew
    ],
)
def test_generations_that_end_together_lose_their_own_points_only(seen_and_archived, lost):
    rows = [Generation(seen=seen, archived=archived) for seen, archived in seen_and_archived]
    assert [row.lost for row in losses.share_out(rows)] == lost


def test_it_writes_only_what_grew_and_never_lowers_it(django_assert_num_queries):
    clockwork = Clockwork()
    publish("er.wait", [clockwork.now] * 7, 3.0)
    clockwork.collect()
    note_collected(every=0)
    row = Generation.objects.get(shard=queries.shard_for("er.wait"), lost=None)
    assert row.seen == 7
    with django_assert_num_queries(1):
        note_collected(every=0)
    losses.raise_seen({row.pk: 3})
    row.refresh_from_db()
    assert row.seen == 7


def test_between_two_looks_it_asks_nobody(django_assert_num_queries):
    note_collected()
    with django_assert_num_queries(0):
        note_collected()


def test_a_loss_is_a_warning_for_a_day_and_counted_for_ever(client):
    lose()
    archive()
    let_all_work()
    response = client.get("/readyz")
    part = response.json()["parts"]["archiver"]
    assert response.status_code == 200 and part["lost_points"] == 270
    assert "270 points that were not archived" in part["warning"]
    client.force_login(User.objects.create_superuser("root"))
    shard = queries.shard_for("er.wait")
    assert f'hms_points_lost_total{{shard="{shard}"}} 270.0' in client.get("/metrics").content.decode()
    Generation.objects.update(created_at=timezone.now() - timedelta(days=1, minutes=1))
    part = client.get("/readyz").json()["parts"]["archiver"]
    assert part["lost_points"] == 270 and "warning" not in part
