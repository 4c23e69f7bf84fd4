"""``manage.py doctor`` says what ails the site and what to do; its code says whether somebody must act."""

import io
import json
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from metrics_app import clock
from metrics_app.collector import collect_all
from metrics_app.connection import get_redis, key
from metrics_app.models import ApiKey, Kpi, Receiver
from metrics_app.services import beats
from metrics_app.services.doctor import machines, store
from metrics_app.tasks import watch
from tests.metrics_app.watching import let_all_work

pytestmark = pytest.mark.django_db
WELL = {"maxmemory-policy": "noeviction", "appendonly": "yes", "appendfsync": "always"}


@pytest.fixture
def healthy(monkeypatch):
    """A site of which there is nothing to say."""
    let_all_work()
    collect_all()
    monkeypatch.setattr(store, "read_config", lambda: WELL)
    monkeypatch.setattr(machines, "list_places", list)


def examine():
    """``(exit code, {part: (level, message)}, what the command printed)``."""
    output, code = io.StringIO(), 0
    try:
        call_command("doctor", "--json", stdout=output)
    except SystemExit as error:
        code = error.code
    found = json.loads(output.getvalue())
    assert (found["status"] == "todo") is (code == 1)
    assert all(row["todo"].endswith((".", "operations.md.")) for row in found["findings"])
    return code, {row["part"]: (row["level"], row["message"]) for row in found["findings"]}, found


def test_a_site_that_is_well_has_nothing_to_do(healthy):
    code, findings, found = examine()
    assert (code, findings) == (0, {})
    assert set(found["behind_seconds"]) == {str(shard) for shard in range(8)}
    output = io.StringIO()
    call_command("doctor", stdout=output)
    assert output.getvalue() == "All is well.\n"


def stop_shard():
    get_redis().hincrby(key(3, "meta"), "through", -90_000)


def never_collect():
    get_redis().hdel(key(3, "meta"), "through")


def forget_archiver():
    get_redis().delete(f"{key(0, '')[1:].split(':')[0]}:worked")


def run_two_beats():
    for origin in ("gen12@one", "gen7@two"):
        beats.note_beat(origin)


def add_receiver():
    Receiver.objects.create(name="duty", down_since=timezone.now() - timedelta(minutes=40))


def leave_office():
    ada = User.objects.create_user("ada", is_active=False)
    ApiKey.objects.create(name="importer", prefix="hms_12345678", hash="a", created_by=ada)
    ApiKey.objects.create(name="old", prefix="hms_1", hash="b", created_by=ada, revoked_at=timezone.now())


def own_one_of_two():
    Kpi.objects.create(topic="er.wait", owner=Group.objects.create(name="er"))
    Kpi.objects.create(topic="er.doors")


def unapply():
    MigrationRecorder.Migration.objects.filter(app="metrics_app").order_by("-id").first().delete()


def find_off(skew):
    """Another machine whose clock was found off."""
    return lambda: get_redis().hset(clock.name_hash(), "other", f"{skew}:{clock.redis_now()}")


@pytest.mark.parametrize(
    ("ail", "part", "level", "message"),
    [
        (stop_shard, "collector", "todo", "Shard 3 was collected up to 90 s ago"),
        (never_collect, "collector", "todo", "Shard 3 was never collected"),
        (
            forget_archiver,
            "evaluator",
            "todo",
            "The part evaluator is not ready: has never worked: see whether",
        ),
        (run_two_beats, "beat", "note", "2 beats ask for work: gen12@one, gen7@two"),
        (
            add_receiver,
            "receivers",
            "todo",
            "The receiver duty has taken nothing for 40 min, no notice",
        ),
        (leave_office, "keys", "note", "account of who made them is off: importer (hms_12345678…)."),
        (own_one_of_two, "kpis", "note", "The KPI er.doors has no owner."),
        (unapply, "database", "todo", "Migrations are not applied: metrics_app.00"),
        (find_off(-9_400), "clocks", "todo", "The clock of other is 9.4 s behind Redis'."),
        (find_off(1_200), "clocks", "note", "The clock of other is 1.2 s ahead of Redis'."),
    ],
)
def test_it_tells_what_ails_and_whether_somebody_must_act(healthy, ail, part, level, message):
    ail()
    code, findings, _ = examine()
    assert findings[part][0] == level and message in findings[part][1]
    assert code == (level == "todo")


@pytest.mark.parametrize(
    ("change", "level", "message"),
    [
        (
            {"maxmemory-policy": "allkeys-lru"},
            "todo",
            "maxmemory-policy is allkeys-lru: once its memory is full",
        ),
        ({"appendonly": "no"}, "todo", "appendonly is off"),
        ({"appendfsync": "everysec"}, "note", "appendfsync is everysec"),
    ],
)
def test_it_tells_how_redis_should_be_set_up(change, level, message):
    [finding] = store.judge_config(WELL | change)
    assert (finding.level, message in finding.message) == (level, True)
    assert store.judge_config(WELL) == [] and "does not tell" in store.judge_config({})[0].message


def test_it_tells_of_a_redis_that_is_full_or_cannot_write():
    assert store.judge_memory({"used_memory": 79, "maxmemory": 100}) == []
    assert store.judge_memory({"used_memory": 10**9, "maxmemory": 0}) == []
    [full] = store.judge_memory({"used_memory": 850_000_000, "maxmemory": 1_000_000_000})
    assert "uses 850 of 1,000 MB" in full.message
    assert store.judge_persistence({"aof_last_write_status": "ok"}) == []
    [failed] = store.judge_persistence({"aof_last_write_status": b"err"})
    assert "aof_last_write_status" in failed.message


def test_a_disk_that_is_nearly_full_is_told_once(monkeypatch, tmp_path):
    usage = SimpleNamespace(total=100e9, used=99.6e9, free=0.4e9)
    monkeypatch.setattr(machines.shutil, "disk_usage", lambda path: usage)
    monkeypatch.setattr(machines, "list_places", lambda: [("SQLite", tmp_path), ("Redis", tmp_path)])
    [finding] = machines.judge_disks()
    assert f"The disk of SQLite ({tmp_path}) has 400 MB left." == finding.message
    usage.free = 30e9
    assert machines.judge_disks() == []


def test_while_redis_is_away_it_says_so_and_tells_the_rest(settings):
    Kpi.objects.create(topic="er.doors")
    settings.METRICS_APP = {**settings.METRICS_APP, "REDIS_URL": "redis://127.0.0.1:1/0"}
    code, findings, found = examine()
    assert (code, found["behind_seconds"]) == (1, None)
    assert findings["redis"] == ("todo", "The part redis is not ready: does not answer.")
    assert findings["kpis"][1] == "The KPI er.doors has no owner."


def test_a_worker_notes_which_beat_sent_the_message_it_got():
    watch.push_request(origin="gen4@here")
    try:
        watch()
    finally:
        watch.pop_request()
    assert beats.read_beats() == ["gen4@here"]
    watch()  # called by hand, which is no beat
    assert beats.read_beats() == ["gen4@here"]


def test_a_machine_whose_clock_is_off_notes_it_for_the_others(monkeypatch):
    monkeypatch.setattr(clock, "measure_skew", lambda: 2_500)
    monkeypatch.setattr(clock, "_looks", {})
    clock.find_skew()
    assert list(clock.read_skews().values()) == [2_500]
