"""A backup of a site that runs is one moment of it, and an empty site becomes it: all of it, or nothing."""

import io
import itertools
import json
import re
import stat
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings as project
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection

from hms_gov.backups import restoring, taking
from hms_gov.moving.tables import list_models
from metrics_app import bus, conf, queries
from metrics_app.collector import Collector, collect_all
from metrics_app.connection import get_redis, key
from metrics_app.emitters import note_dropped, read_dropped
from metrics_app.models import Kpi
from metrics_app.queries.worked import name_hash
from metrics_app.services.archive import archive
from metrics_app.services.archive.losses import note_collected
from metrics_app.window import backup, kept
from pipelines_app.models import AuditEntry, StopSwitch
from pipelines_app.services import propose
from pipelines_app.services.verify import verify_audit
from tests.hms_gov.sites import TOPIC, fill_site
from tests.metrics_app.histories import DAY, HOUR, MINUTE
from tests.metrics_app.points import publish

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def call(name, directory):
    """What the command prints."""
    output = io.StringIO()
    call_command(name, str(directory), stdout=output)
    return output.getvalue()


@pytest.fixture
def leave(metrics_settings):
    """Goes to an empty site: another machine with its own database and Redis."""
    names = itertools.count()

    def go():
        call_command("flush", verbosity=0, interactive=False)
        prefix = f"{metrics_settings.METRICS_APP['REDIS_PREFIX']}x{next(names)}"
        metrics_settings.METRICS_APP = {**metrics_settings.METRICS_APP, "REDIS_PREFIX": prefix}

    return go


@pytest.fixture
def small(tmp_path):
    """A backup of a site with one KPI and three points, one of them still on the bus."""
    Kpi.objects.create(topic="er.wait")
    User.objects.create_user("ada")
    now = queries.redis_now()
    publish("er.wait", [now - 2, now - 1], 5.0)
    collect_all()
    publish("er.wait", [now], 7.0, batch_id="third", digest=b"d")
    call("backup", tmp_path / "kept")
    return tmp_path / "kept"


def read_rows():
    """``{table: rows}``, each row as the project reads it."""
    return {
        model._meta.db_table: sorted(map(repr, model._base_manager.values_list())) for model in list_models()
    }


def ask(now):
    """Answers over all of history, hot window included."""
    step = (now - 8 * DAY) // HOUR * HOUR, now // MINUTE * MINUTE + MINUTE, HOUR
    found = [queries.series(topic, *step) for topic in (TOPIC, "er.doors")]
    whole = queries.span(TOPIC, *step[:2], percentiles=True)
    return json.dumps(found), whole[:5], [whole.quantile(q) for q in (0.5, 0.95, 0.99)]


def is_empty():
    """Whether nobody has worked here, as far as database and Redis tell."""
    return not User.objects.exists() and not AuditEntry.objects.exists() and not list(backup.scan_names())


def test_every_figure_is_there_again_and_everything_goes_on(tmp_path, leave):
    clockwork = fill_site()
    # Waits on the bus, late and not; what senders told; what a replay remembers.
    publish(TOPIC, [clockwork.now, clockwork.now - 2 * DAY], 9.0, batch_id="waits", digest=b"d")
    note_dropped(7, 40, batch_id="told")
    get_redis().sadd(f"{project.METRICS_APP['REDIS_PREFIX']}:replayed:{TOPIC}", "case 1")
    before, rows, head = ask(clockwork.now), read_rows(), verify_audit().head
    epoch = get_redis().hget(key(backup_shard(TOPIC), "head"), TOPIC)[:8]
    assert "rows and" in call("backup", tmp_path / "kept")
    leave()
    assert "Actions are stopped" in call("restore", tmp_path / "kept")
    found = read_rows()
    changed = {name for name in rows if found[name] != rows[name]}
    assert changed == {f"pipelines_app_{name}" for name in ("stopswitch", "auditentry", "audithead")}
    assert ask(clockwork.now) == before and read_dropped() == {7: 40}
    # The stop is one more entry of the chain, which holds.
    assert verify_audit().faults == [] and AuditEntry.objects.order_by("-seq")[1].hash == head
    assert StopSwitch.objects.get().reason.startswith("Restored from the backup of 20")
    assert get_redis().sismember(f"{project.METRICS_APP['REDIS_PREFIX']}:replayed:{TOPIC}", "case 1")
    # Who followed a stream of before is told that its position means nothing any more.
    assert get_redis().hget(key(backup_shard(TOPIC), "head"), TOPIC)[:8] != epoch
    # What waited counts once, also if its sender repeats it; what was told of is not told again.
    publish(TOPIC, [clockwork.now, clockwork.now - 2 * DAY], 9.0, batch_id="waits", digest=b"d")
    note_dropped(7, 40, batch_id="told")
    count = queries.span(TOPIC, clockwork.now - 3 * DAY, clockwork.now + MINUTE).count
    collect_all()
    archive()
    assert queries.span(TOPIC, clockwork.now - 3 * DAY, clockwork.now + MINUTE).count == count + 2
    assert read_dropped() == {7: 40}
    propose(title="After", suggestion="Act")
    note_collected(every=0)
    assert verify_audit().faults == []


def backup_shard(topic):
    """The shard of a topic."""
    return bus.shard_of(topic, conf.get("SHARDS"))


class Load:
    """Senders that number their batches, a collector and an archiver, until ``stop``."""

    def __init__(self, topics):
        self.sent, self.acknowledged = dict.fromkeys(topics, 0), dict.fromkeys(topics, 0)
        self.over, self.errors = threading.Event(), []
        works = [*((self.send, topic) for topic in topics), (self.collect,), (self.archive,)]
        self.threads = [threading.Thread(target=self.guard, args=work) for work in works]

    def guard(self, work, *arguments):
        try:
            work(*arguments)
        except Exception as error:
            self.errors.append(error)
        finally:
            connection.close()

    def send(self, topic):
        while not self.over.is_set():
            number = self.sent[topic] = self.sent[topic] + 1
            self.publish(topic, number)
            self.acknowledged[topic] = number

    def publish(self, topic, number):
        """Batch ``number``: one point now, one of two days ago."""
        now = queries.redis_now()
        publish(topic, [now, now - 2 * DAY], float(number), batch_id=f"{topic}{number}", digest=b"d")

    def collect(self):
        collector = Collector(lease=False, idle_ms=1)
        while not self.over.is_set():
            collector.turn(block_ms=20)

    def archive(self):
        while not self.over.is_set():
            archive()

    def wait_for(self, number):
        """Waits until every sender's batch of this number was acknowledged."""
        while min(self.acknowledged.values()) < number and not self.errors:
            self.over.wait(0.01)

    @contextmanager
    def running(self):
        for thread in self.threads:
            thread.start()
        try:
            yield
        finally:
            self.over.set()
            for thread in self.threads:
                thread.join()
            assert not self.errors


def test_under_load_what_was_acknowledged_before_the_moment_is_there_once(tmp_path, leave, monkeypatch):
    topics = ["er.wait", "er.doors", "noise.level"]
    load, directory, take = Load(topics), tmp_path / "kept", backup.take_snapshot

    def take_late():
        # SQL has been read: what an archiver brought there now, Redis would have let go of.
        load.wait_for(max(load.acknowledged.values()) + 30)
        return take()

    monkeypatch.setattr(backup, "take_snapshot", take_late)
    with load.running():
        load.wait_for(30)
        before = dict(load.acknowledged)
        call("backup", directory)
        after = dict(load.sent)
    leave()
    call("restore", directory)
    collect_all()
    archive()
    for topic in topics:
        found = read_all(topic)
        count = found.count // 2
        # Without a hole from the first to the last, and no number twice: 2 × (1 + 2 + … + count).
        assert before[topic] <= count <= after[topic]
        assert (found.count, found.sum, found.max) == (2 * count, count * (count + 1), count)
        # Their senders, who do not know, send all of it again.
        for number in range(1, after[topic] + 1):
            load.publish(topic, number)
    collect_all()
    archive()
    for topic in topics:
        count = after[topic]
        assert (read_all(topic).count, read_all(topic).sum) == (2 * count, count * (count + 1)), topic


def read_all(topic):
    """The Summary of all points of three days."""
    now = queries.redis_now()
    return queries.span(topic, (now - 3 * DAY) // MINUTE * MINUTE, now // MINUTE * MINUTE + MINUTE)


def test_a_mark_is_in_the_backup_where_its_points_are():
    """Whatever comes in the very millisecond of the moment, before or behind it."""
    now, shard = queries.redis_now(), backup_shard("er.wait")
    for number in range(3):
        publish("er.wait", [now], batch_id=f"before{number}", digest=b"d")
    moment, _ = backup.dump_place(str(shard), [])
    for number in range(3):
        publish("er.wait", [now], batch_id=f"behind{number}", digest=b"d")
    marks = [row.name for row in backup.read_marks({str(shard): moment}) if row.place == str(shard)]
    found = {name.split(":")[1] for name in marks}
    assert found == {"before0", "before1", "before2"}


def test_only_its_owner_reads_a_backup(small):
    modes = {stat.S_IMODE(path.stat().st_mode) for path in small.iterdir()}
    assert (stat.S_IMODE(small.stat().st_mode), modes) == (0o700, {0o600})
    with pytest.raises(CommandError, match="is not empty: give a directory that is new"):
        call("backup", small)


def lose_manifest(path):
    (path / "manifest.json").unlink()


def lose_keys(path):
    (path / "redis.msgpack").unlink()


def change_a_byte(path):
    data = bytearray((path / "redis.msgpack").read_bytes())
    data[len(data) // 2] ^= 1
    (path / "redis.msgpack").write_bytes(data)


def rewrite(change):
    """A manifest that says something else."""

    def spoil(path):
        facts = json.loads((path / "manifest.json").read_text())
        change(facts)
        (path / "manifest.json").write_text(json.dumps(facts))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lose_manifest, "holds no whole backup: manifest.json, which is written last, is missing"),
        (lose_keys, "redis.msgpack is missing: the backup is not whole"),
        (change_a_byte, "redis.msgpack is not as it was written"),
        (rewrite(lambda facts: facts.update(format=9)), "has format 9: this version reads 1"),
        (rewrite(lambda facts: facts["redis"].update(shards=3)), "The backup has 3 shards, SHARDS is"),
        (rewrite(lambda facts: facts["database"].update(engine="oracle")), "backup is of oracle, this site"),
        (
            rewrite(lambda facts: facts["database"]["migrations"].pop()),
            "by an older version, whose tables differ .*restore with that version, then upgrade",
        ),
        (
            rewrite(lambda facts: facts["database"]["tables"].update(auth_user=9)),
            "auth_user has 1 row, the manifest says 9",
        ),
    ],
)
def test_what_is_not_a_whole_backup_of_such_a_site_changes_nothing(small, leave, spoil, message):
    spoil(small)
    leave()
    with pytest.raises(CommandError, match=message):
        call("restore", small)
    assert is_empty()


def test_it_restores_into_nothing_that_is_in_use(small, leave):
    leave()
    User.objects.create_user("newcomer")
    with pytest.raises(CommandError, match="database is not empty: auth_user has 1 row. Give an empty one"):
        call("restore", small)
    User.objects.all().delete()
    get_redis().hset(name_hash(), "archiver", 1)
    with pytest.raises(CommandError, match="Redis is not empty: worked. Stop every process of this site"):
        call("restore", small)
    assert not User.objects.exists()


@pytest.mark.parametrize("place", ["check_rows", "stop"])
def test_stopped_anywhere_nothing_is_restored_and_the_next_run_restores_all(small, leave, place, monkeypatch):
    leave()
    with monkeypatch.context() as patch:
        patch.setattr(restoring, place, interrupt)
        with pytest.raises(CommandError, match="Stopped: nothing was restored"):
            call("restore", small)
    assert is_empty()
    call("restore", small)
    assert User.objects.get().username == "ada"


def interrupt(*arguments, **options):
    raise KeyboardInterrupt


def test_killed_while_keys_are_restored_the_next_run_begins_anew(small, leave):
    leave()
    backup.note_unfinished()
    publish("of.a.killed.restore", [1])
    call("restore", small)
    collect_all()
    now = queries.redis_now()
    assert queries.span("er.wait", now - HOUR, now).sum == 17.0
    assert "restoring" not in {name for _, name in backup.scan_names()}


def test_a_dump_that_redis_does_not_read_leaves_nothing(small, leave, monkeypatch):
    leave()
    rows = [backup.Kept("", "recording", -1, b"from a later version")]
    monkeypatch.setattr(restoring.points, "read_keys", lambda directory: rows)
    with pytest.raises(CommandError, match="does not read what the other one wrote: .*or a newer one"):
        call("restore", small)
    assert is_empty()


def test_a_backup_that_fails_is_none(tmp_path, monkeypatch, leave):
    monkeypatch.setattr(taking.points, "write_keys", interrupt)
    with pytest.raises(KeyboardInterrupt):
        call("backup", tmp_path / "kept")
    with pytest.raises(CommandError, match="holds no whole backup"):
        call("restore", tmp_path / "kept")


def test_every_kind_of_key_is_kept_or_left():
    """A new kind of key is not forgotten: whoever makes one says which it is."""
    known = {*kept.OF_SHARD, *kept.OF_TOPIC, *kept.OF_EMITTERS, *kept.MARKS, *kept.OF_SITE, *kept.NAMED}
    known |= set(kept.LEFT)
    patterns = (
        r'[^_\w]key\([\w.]+, f?"([a-z_]+)',
        r'name_key\("([a-z_]+)"',
        r"""REDIS_PREFIX.\)\}:([a-z_]+)""",
        r'name_hash\(f?"([a-z_]+)',
        r"REDIS_PREFIX\}:([a-z_]+)",
        r"base \.\. '([a-z_]+)",
    )
    found = set()
    for app, end in itertools.product(("metrics_app", "pipelines_app", "hms_gov"), ("py", "lua")):
        for path in Path(project.BASE_DIR, app).rglob(f"*.{end}"):
            found |= {name for pattern in patterns for name in re.findall(pattern, path.read_text())}
    assert found - known == set() and {"bus", "ring", "replayed", "told", "celery"} <= found
