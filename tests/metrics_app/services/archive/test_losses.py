"""What a flush of Redis took along is counted, also while no archiver runs."""

import logging
import re
from datetime import UTC, timedelta
from functools import partial
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.db import connection
from django.utils import timezone

from hms_gov.joins.effects import list_events
from metrics_app import queries, registry, window
from metrics_app.connection import get_redis, key
from metrics_app.core.moments import to_ms
from metrics_app.models import Generation, Kpi, Loss
from metrics_app.services.archive import archive, losses, note_collected
from metrics_app.services.explain import describe, explain
from metrics_app.services.moments import write_moment
from metrics_app.tasks import watch
from tests.metrics_app.histories import HOUR, MINUTE, Clockwork
from tests.metrics_app.points import publish
from tests.metrics_app.watching import let_all_work, make_threshold

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


def lose(points=270, *, archived=0, saved=False):
    """Points that no archiver saw, a look of the watch, a flush, and life after it; the time before it (ms).

    ``archived`` points came and were archived before; ``saved``: all were, after the look.
    """
    clockwork = Clockwork()
    for count, do in ((archived, archive), (points, watch)):
        if count:
            publish("er.wait", [clockwork.now] * count, 3.0)
            clockwork.collect()
            do()
    if saved:
        archive()
    flush()
    publish("er.wait", clockwork.now, 5.0)
    clockwork.collect()
    return clockwork.now


def find_lost(topic="er.wait"):
    """The one span in which the topic lost points, once the watch has looked again."""
    note_collected(every=0)
    losses.looks.clear()
    note_collected()
    [lost] = queries.list_losses(topic, 0, queries.redis_now())
    return lost


def test_points_that_no_archiver_ever_saw_are_counted_when_redis_loses_them(caplog):
    lose()
    shard = queries.shard_for("er.wait")
    with caplog.at_level(logging.ERROR):
        archive()
    assert [row.lost for row in Generation.objects.filter(shard=shard).order_by("id")] == [270, None]
    assert "270 points that are known of it were not archived" in caplog.text
    assert "after anybody last looked is unknown" in caplog.text


@pytest.mark.parametrize("count", [archive, note_collected])
def test_a_loss_of_many_shards_is_one_line(caplog, count):
    # One of each shard: of those without points a turn of the collector begins none at once.
    topics = {queries.shard_for(f"er.{number}"): f"er.{number}" for number in range(100)}.values()
    clockwork = Clockwork()
    for do in (watch, flush, count):
        for topic in topics:
            publish(topic, [clockwork.now] * 10, 3.0)
        clockwork.collect()
        losses.looks.clear()
        do()
    count()
    told = [record.getMessage() for record in caplog.records if "Redis lost" in record.getMessage()]
    assert told == [
        "Redis lost data in 8 of 8 shards (0, 1, 2, 3, 4, 5, 6, 7): 80 points that are "
        "known of it were not archived; how many came after anybody last looked is unknown."
    ]


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
    assert "all points that are known of it are archived (4)" in caplog.text and "is unknown" in caplog.text


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
    # The living generations, which of them are free, when they were looked at; and the savepoint's two.
    with django_assert_num_queries(5):
        note_collected(every=0)
    late = losses.describe_look(Generation(seen=0), 3, None, {})
    losses.note_look({row.pk: late}, 1)
    row.refresh_from_db()
    assert row.seen == 7 and late.keys() == {"seen", "waiting"}


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
    told = {name: value for name, value in part.items() if not name.endswith("_seconds")}
    assert response.status_code == 200 and "270" not in str(told)
    assert re.search(
        r"lost its data, last found at 20\d\d-\d\d-\d\d \d\d:\d\d UTC, and with it points", part["warning"]
    )
    client.force_login(User.objects.create_superuser("root"))
    shard = queries.shard_for("er.wait")
    found = client.get("/metrics").content.decode()
    assert f'hms_points_lost_total{{shard="{shard}"}} 270.0' in found and "lost_recently 1.0" in found
    long_ago = timezone.now() - timedelta(days=1, minutes=1)
    Generation.objects.update(created_at=long_ago)
    Loss.objects.update(end=to_ms(long_ago))
    part = client.get("/readyz").json()["parts"]["archiver"]
    found = client.get("/metrics").content.decode()
    assert "warning" not in part and "270.0" in found and "lost_recently 0.0" in found


def test_a_loss_of_which_no_point_is_known_is_a_warning_too(client):
    """The evaluator and the pages know of it; whoever watches the site has to."""
    client.force_login(User.objects.create_superuser("root"))
    assert "hms_redis_lost_timestamp_seconds 0.0" in client.get("/metrics").content.decode()
    lose(saved=True)
    archive()
    let_all_work()
    response = client.get("/readyz")
    part = response.json()["parts"]["archiver"]
    at = max(Loss.objects.values_list("end", flat=True))
    assert response.status_code == 200 and part["ok"]
    assert f"lost its data, and began anew at {write_moment(at, UTC)}: no point is known" in part["warning"]
    found = client.get("/metrics").content.decode()
    [told] = re.findall(r"^hms_redis_lost_timestamp_seconds (.+)$", found, re.MULTILINE)
    assert float(told) == at / 1000 and "lost_recently 0.0" in found
    Loss.objects.update(end=to_ms(timezone.now() - timedelta(days=1, minutes=1)))
    assert "warning" not in client.get("/readyz").json()["parts"]["archiver"]


def find_neighbour():
    """Another topic of the same shard."""
    names = (f"er.wait{number}" for number in range(1000))
    return next(name for name in names if queries.shard_for(name) == queries.shard_for("er.wait"))


@pytest.mark.parametrize(
    ("options", "points"),
    [({}, 270), ({"archived": 4}, 270), ({"saved": True}, 0), ({"archived": 4, "saved": True}, 0)],
)
def test_of_each_topic_is_known_how_many_were_lost_from_when_to_when(options, points):
    now = lose(**options)
    lost = find_lost()
    assert lost.points == points and lost.start <= lost.end <= queries.redis_now()
    if points:
        assert lost.start == now // MINUTE * MINUTE, "from the minute that SQL lacks"
    else:
        assert lost.start >= now // 1000 * 1000, "from the last look on"


def test_what_a_topic_lost_is_not_told_of_others_of_its_shard():
    lose()
    assert find_lost().points == 270
    assert find_lost(find_neighbour()).points == 0
    assert set(map(str, Loss.objects.all())) == {f"270 points of shard {queries.shard_for('er.wait')}"} | {
        f"no point of shard {row.shard}" for row in Loss.objects.filter(points=0)
    }


def test_where_too_many_minutes_wait_to_list_them_nobody_guesses_whose_points_were_lost(monkeypatch):
    monkeypatch.setattr(window, "read_waiting", partial(window.read_waiting, most=0))
    now = lose()
    assert find_lost()[0::2] == (now // MINUTE * MINUTE, None) == find_lost(find_neighbour())[0::2]


def test_minutes_that_are_sealed_and_wait_are_counted_too():
    clockwork = Clockwork()
    minute = clockwork.now // MINUTE * MINUTE
    publish("er.wait", [clockwork.now] * 3, 3.0)
    clockwork.collect()
    clockwork.seal(clockwork.now + 2 * HOUR)
    assert window.read_waiting()[queries.shard_for("er.wait")] == (minute, {"er.wait": {minute: 3}})
    archive()
    assert window.read_waiting()[queries.shard_for("er.wait")] == (None, {})


def test_a_generation_that_is_forgotten_beside_many_others_is_no_loss_of_memory(monkeypatch):
    monkeypatch.setattr(losses, "MOST_ENTRIES", 1)
    lose()
    archive()
    assert losses.read_losses().recent == 270 and not Loss.objects.exists()


def test_losses_that_were_counted_before_have_their_moment():
    rows = [
        Generation.objects.create(shard=3, name=name, lost=lost) for name, lost in (("a", 30), ("b", None))
    ]
    Generation.objects.create(shard=4, name="c", lost=0)
    import_module("metrics_app.migrations.0020_losses").place_losses(
        apps, SimpleNamespace(connection=connection)
    )
    at = round(rows[1].created_at.timestamp() * 1000)
    assert list(Loss.objects.values_list("shard", "start", "end", "points", "topics")) == [
        (3, at, at, 30, None)
    ]


def test_every_page_and_the_api_tell_where_points_were_lost(client):
    lose(3217)
    find_lost()
    group = Group.objects.create(name="owners")
    Kpi.objects.update_or_create(topic="er.wait", defaults={"restricted": True, "owner": group})
    neighbour = find_neighbour()
    Kpi.objects.create(topic=neighbour)
    registry.forget()
    owner, stranger = (User.objects.create_user(name) for name in ("ann", "bob"))
    owner.groups.add(group)
    client.force_login(owner)
    page = client.get("/kpis/er.wait/?table=1").content.decode()
    assert "3,217 points of this KPI were lost: the server lost its memory" in page
    assert page.count('<li class="lost">') == 1 and '<span class="soft">so far, points lost</span>' in page
    plot = client.get("/kpis/er.wait/chart/").json()["plot"]
    assert [one["label"] for one in plot["losses"]] == ["3,217 points lost"]
    assert "3,217 points of this KPI were lost" in plot["sentence"] and "points lost" in plot["lost"]
    assert "points lost" in client.get("/kpis/er.wait/values.csv").content.decode()
    assert "points of 1 KPI were lost at" in client.get("/").content.decode()
    assert "3,217 points lost at" in client.get("/tiles/").json()["tiles"][0]["facts"]
    for path in ("series/", "stats/", "calendar/"):
        [lost] = client.get(f"/api/v1/kpis/er.wait/{path}").json()["losses"]
        assert lost["points"] == 3217 and lost["start"] <= lost["end"]
    assert "this KPI were lost" in client.get("/kpis/er.wait/live/").json()["html"]["comparisons"]
    client.force_login(stranger)
    for path in ("/", "/tiles/", f"/kpis/{neighbour}/?table=1", f"/api/v1/kpis/{neighbour}/series/"):
        text = client.get(path).content.decode()
        assert not re.search(r"\b3,?217\b", text) and "er.wait<" not in text
    assert client.get("/api/v1/kpis/er.wait/series/").status_code == 404


def test_explain_effects_and_open_data_say_that_points_are_missing(client):
    now = lose(3217)
    find_lost()
    kpi, _ = Kpi.objects.update_or_create(topic="er.wait", defaults={"open_data": True})
    registry.forget()
    told = "3,217 points of this KPI were lost: the server lost its memory"
    # Judged behind the loss, also where that is at the very beginning of a minute.
    rule = make_threshold("er.wait", now=now + 2000, window=600)
    found = describe(explain(rule, queries.redis_now()), rule)
    assert f"Its window reaches over a loss: {told}" in found["reason"]
    [void] = list_events("er.wait", now - HOUR, now + HOUR)["voids"]
    assert void["text"].startswith(told) and void["at"] == now // MINUTE * MINUTE
    assert "<dt>Missing</dt><dd>3,217 points lost, " in client.get("/open-data/").content.decode()
