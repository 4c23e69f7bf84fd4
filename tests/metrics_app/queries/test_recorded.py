"""Whether no points means that none came: what was recorded of a topic, and by whom that is known."""

import time
from datetime import UTC, datetime
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection

from metrics_app import queries, window
from metrics_app.connection import get_redis
from metrics_app.models import Correction, Generation, HourRollup, Kpi, Loss, Recording, Topic
from metrics_app.queries import recordings
from metrics_app.queries.lives import find_recorded, list_lives
from metrics_app.services.archive import keep_recording
from metrics_app.window.recording import BREAK, name_recording
from tests.metrics_app.histories import DAY, HOUR, MINUTE
from tests.metrics_app.watching import let_all_work, send

pytestmark = pytest.mark.django_db
TOPIC = "er.seen"


@pytest.fixture
def now():
    """A whole hour of today (ms), not later than now."""
    return time.time_ns() // 1_000_000 // HOUR * HOUR


def make_kpi(made, **fields):
    kpi = Kpi.objects.create(topic=TOPIC, **{"aggregate": "rate_per_hour", "window": 3600} | fields)
    Kpi.objects.update(created_at=datetime.fromtimestamp(made / 1000, UTC))
    kpi.refresh_from_db()
    return kpi


def write_hours(*starts):
    """Hours of history with a point each."""
    topic, _ = Topic.objects.get_or_create(name=TOPIC)
    zeros = {"generation": 1, "sum": 1, "m2": 0, "min": 1, "max": 1, "sketch": b""}
    HourRollup.objects.bulk_create(HourRollup(topic=topic.pk, start=at, count=1, **zeros) for at in starts)


def record(*spans):
    """What the site noted of itself."""
    Recording.objects.bulk_create(Recording(start=start, end=end) for start, end in spans)
    recordings._recordings = (0.0, [])


def test_nothing_is_recorded_before_the_first_point_whoever_made_the_kpi(now):
    make_kpi(now - 9 * HOUR)
    assert queries.list_recorded(TOPIC, now - DAY, now) == []
    write_hours(now - 4 * HOUR)
    assert queries.list_recorded(TOPIC, now - DAY, now) == [(now - 4 * HOUR, now)]


def test_from_the_making_of_a_kpi_whose_points_had_come_all_is_recorded(now):
    make_kpi(now - 9 * HOUR)
    write_hours(now - 30 * DAY)
    assert queries.list_recorded(TOPIC, now - 3 * DAY, now) == [(now - 9 * HOUR, now)]


def test_of_a_past_that_came_by_file_the_days_without_points_are_not_known(now):
    make_kpi(now - 2 * HOUR)
    first, last = now - 200 * DAY, now - 100 * DAY
    night = first + 9 * HOUR
    write_hours(first, night, last, last + HOUR)
    found = queries.list_recorded(TOPIC, now - 300 * DAY, now)
    assert found == [(first, night + HOUR), (last, last + 2 * HOUR), (now - 2 * HOUR, now)]
    # Wherever the span begins, what is known of a moment is the same.
    assert queries.list_recorded(TOPIC, first + HOUR, first + 3 * HOUR) == [(first + HOUR, first + 3 * HOUR)]


def test_what_came_just_before_the_kpi_was_made_belongs_to_its_life(now):
    make_kpi(now - 2 * HOUR)
    write_hours(now - 5 * HOUR)
    assert queries.list_recorded(TOPIC, now - DAY, now) == [(now - 5 * HOUR, now)]


def test_a_break_of_the_site_is_not_recorded_but_between_points_that_came_for_it_later(now):
    make_kpi(now - 30 * DAY)
    write_hours(now - 29 * DAY)
    down, up = now - 20 * HOUR, now - 4 * HOUR
    record((now - 40 * DAY, down), (up, now))
    assert queries.list_recorded(TOPIC, now - DAY, now) == [(now - DAY, down), (up, now)]
    write_hours(down + 2 * HOUR, down + 5 * HOUR)
    assert queries.list_recorded(TOPIC, now - DAY, now) == [
        (now - DAY, down),
        (down + 2 * HOUR, down + 6 * HOUR),
        (up, now),
    ]


def test_a_count_over_a_break_of_the_site_is_known_in_part_only(now):
    make_kpi(now - 30 * DAY)
    write_hours(now - 29 * DAY)
    record((now - 40 * DAY, now - 20 * HOUR), (now - 4 * HOUR, now + DAY))

    def is_partial(start, end, aggregate="count"):
        return bool(queries.find_partial(queries.Asked.of([(TOPIC, start, end, aggregate)]))[0])

    assert is_partial(now - DAY, now) and is_partial(now - DAY, now, "rate_per_hour")
    assert not is_partial(now - DAY, now, "mean"), "of a mean points are missing, not a number"
    assert not is_partial(now - 3 * HOUR, now) and not is_partial(now - 3 * DAY, now - DAY)
    assert not is_partial(now - 50 * DAY, now - 49 * DAY), "before the site began to note it, files tell"
    record()
    Recording.objects.filter(start__gt=now - DAY).delete()
    record()
    assert is_partial(now - HOUR, now), "right after it came back, before anybody has noted that"


def test_what_was_lost_or_voided_is_not_recorded(now, django_user_model):
    make_kpi(now - 30 * DAY)
    write_hours(now - 29 * DAY)
    lost, void = (now - 9 * HOUR, now - 8 * HOUR), (now - 5 * HOUR, now - 4 * HOUR)
    shard = queries.shard_for(TOPIC)
    Loss.objects.create(shard=shard, start=lost[0], looked_at=lost[0], end=lost[1], points=0, topics={})
    ada = django_user_model.objects.create_user("ada")
    Correction.objects.create(topic=TOPIC, start=void[0], end=void[1], reason="test", author=ada)
    assert queries.list_recorded(TOPIC, now - 10 * HOUR, now) == [
        (now - 10 * HOUR, lost[0]),
        (lost[1], void[0]),
        (void[1], now),
    ]


def test_years_of_a_file_are_read_by_days(now):
    make_kpi(now)
    write_hours(now - 3000 * DAY)
    found = queries.list_recorded(TOPIC, now - 5000 * DAY, now)
    assert found == [(now - 3000 * DAY, now - 3000 * DAY + HOUR)], "no day is written yet: its hours"


def test_points_that_are_still_hot_begin_it(now):
    begin = queries.redis_now() // MINUTE * MINUTE
    make_kpi(begin)
    send((begin - 5 * MINUTE, 1.0), (begin - 2 * MINUTE, 1.0), topic=TOPIC)
    found = queries.list_recorded(TOPIC, begin - HOUR, begin)
    assert found == [(begin - 5 * MINUTE, begin)]


def test_whoever_works_notes_it_and_a_long_silence_begins_anew():
    let_all_work()
    since, noted = window.read_recording()
    assert since <= noted
    get_redis().hset(name_recording(), mapping={"since": 1000, "noted": noted - BREAK // 2})
    window.note_recording(every=0)
    assert window.read_recording()[0] == 1000, "a pause between two notes is no break"
    get_redis().hset(name_recording(), "noted", noted - BREAK - 5000)
    window.recording.noted.clear()
    window.note_recording(every=0)
    assert window.read_recording()[0] >= noted


def test_what_is_taken_in_is_recorded_also_while_nobody_judges():
    let_all_work()
    noted = window.read_recording()[1]
    get_redis().hset(name_recording(), "since", noted - HOUR)
    record((noted - HOUR, noted - 20 * MINUTE))
    assert queries.is_site_recording(noted - 30 * MINUTE, noted)
    get_redis().hset(name_recording(), "noted", noted - 20 * MINUTE)
    recordings._recordings = (0.0, [])
    assert not queries.is_site_recording(noted - 30 * MINUTE, noted)


def test_sql_learns_each_span_and_up_to_where_it_was_counted():
    let_all_work()
    keep_recording(every=0)
    row = Recording.objects.get()
    assert row.start == window.read_recording()[0] <= row.end
    get_redis().hset(name_recording(), "noted", row.end - 5000)
    keep_recording(every=0)
    assert Recording.objects.get().end == row.end, "it never shrinks"
    get_redis().hset(name_recording(), "noted", row.end + 5000)
    keep_recording(every=0)
    assert Recording.objects.get().end == row.end + 5000
    get_redis().hset(name_recording(), "since", row.end + 100_000)
    keep_recording(every=0)
    assert Recording.objects.count() == 2


def test_a_site_that_is_upgraded_has_recorded_since_its_first_generation(now):
    migration = import_module("metrics_app.migrations.0023_recordings")
    editor = type("Editor", (), {"connection": connection})
    migration.begin(apps, editor)
    assert not Recording.objects.exists(), "a new site has recorded nothing"
    Generation.objects.create(shard=0, name="a")
    migration.begin(apps, editor)
    row = Recording.objects.get()
    assert 0 < row.start <= row.end


def test_a_quiet_window_of_a_topic_that_was_there_before_costs_few_questions(django_assert_max_num_queries):
    now = time.time_ns() // 1_000_000
    make_kpi(now - DAY)
    send((now - 30 * MINUTE, 1.0), topic=TOPIC)
    record((now - DAY, now))
    start, end = now - 10 * MINUTE, now - MINUTE
    assert recordings.is_site_recording(start, end)
    with django_assert_max_num_queries(3):
        assert queries.list_recorded(TOPIC, start, end) == [(start, end)]
    lives = list_lives([(TOPIC, start, end)])
    assert lives[0].is_whole
    find_recorded(lives)
    assert lives[0].recorded == [(start, end)], "the long way says the same"
    author = User.objects.create_user("ann")
    Correction.objects.create(topic=TOPIC, start=start, end=start + MINUTE, reason="x", author=author)
    assert queries.list_recorded(TOPIC, start, end) == [(start + MINUTE, end)]
    Kpi.objects.update(created_at=datetime.fromtimestamp((start + 5 * MINUTE) / 1000, UTC))
    assert not list_lives([(TOPIC, start, end)])[0].is_whole
