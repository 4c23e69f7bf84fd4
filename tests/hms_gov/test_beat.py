"""Beat begins without its database, goes on without it, and ends for neither."""

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import InterfaceError, OperationalError
from redis import Redis

from hms_gov.celery import app
from hms_gov.ties import Tied
from metrics_app import schedule as ours
from pipelines_app import schedule as theirs

pytest.importorskip("django_celery_beat", reason="the scheduler has no tables here")
from hms_gov.beat import DatabaseScheduler, PatientScheduler

# Of those of the night it reads only what is due within two hours.
EACH_SECONDS = {
    name for name, entry in (ours.SCHEDULE | theirs.SCHEDULE).items() if isinstance(entry["schedule"], int)
}
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def sent(monkeypatch):
    """The names of the tasks that beat has asked for."""
    names = []
    monkeypatch.setattr(PatientScheduler, "producer", None)  # there is no broker here
    monkeypatch.setattr(
        PatientScheduler, "apply_async", lambda self, entry, **options: names.append(entry.task)
    )
    return names


@pytest.fixture
def kept(db, monkeypatch):
    """The database of a test is in a transaction: closed as one that may be stale it would be gone."""
    monkeypatch.setattr("django_celery_beat.schedulers.close_old_connections", lambda: None)
    # With the process, which outlives this database, it would write when it last asked for what.
    monkeypatch.setattr("django_celery_beat.schedulers.Finalize", lambda *args, **options: None)


def be_away(self):
    """What reading the rows brings while the database is away."""
    raise OperationalError("connection refused")


def test_it_begins_without_its_database_and_takes_up_its_rows_once_that_comes(
    monkeypatch, kept, sent, caplog
):
    with monkeypatch.context() as away:
        away.setattr(DatabaseScheduler, "enabled_models", be_away)
        scheduler = PatientScheduler(app)
        assert [scheduler.tick() <= 1 for _ in range(3)] == [True] * 3 and not sent
    assert len(caplog.records) == 1 and "cannot be read" in caplog.text
    scheduler.tick()
    assert scheduler.schedule.keys() >= EACH_SECONDS
    for entry in scheduler.schedule.values():
        entry.last_run_at -= timedelta(seconds=10)
    scheduler.populate_heap()
    for _ in range(20):
        scheduler.tick()
    assert {"metrics_app.tasks.watch", "metrics_app.tasks.archive_history"} <= set(sent)


@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("connection already closed")])
def test_it_goes_by_what_it_read_while_its_database_is_away(monkeypatch, kept, error):
    scheduler = PatientScheduler(app)
    known = scheduler.schedule.keys()
    assert known >= EACH_SECONDS

    def fail(self):
        raise error

    with monkeypatch.context() as away:
        away.setattr(DatabaseScheduler, "enabled_models", fail)
        away.setattr(DatabaseScheduler, "schedule_changed", lambda self: True)
        assert scheduler.schedule.keys() == known and scheduler.is_unread
    assert scheduler.schedule.keys() == known and not scheduler.is_unread


def wait_for(condition, process, patience=60):
    """Returns once a condition holds; fails where the process ended before."""
    deadline = time.monotonic() + patience
    while not condition():
        assert process.poll() is None, "beat ended"
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.long
def test_the_process_sends_its_tasks_once_a_database_comes_that_was_not_there_at_its_start(
    tmp_path, redis_url, metrics_settings
):
    prefix = metrics_settings.METRICS_APP["REDIS_PREFIX"]
    environment = os.environ | {
        "HMS_DATA_DIR": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path}/later/db.sqlite3",
        "REDIS_URL": redis_url,
        "REDIS_PREFIX": prefix,
        "PYTHONUNBUFFERED": "1",
    }
    log, redis = tmp_path / "beat.log", Redis.from_url(redis_url)
    command = [sys.executable, "-m", "celery", "-A", "hms_gov", "beat", "--pidfile=", "--loglevel", "WARNING"]
    with log.open("wb") as output:
        process = Tied(command, env=environment, cwd=ROOT, stdout=output, stderr=output)
    try:
        wait_for(lambda: "is away" in log.read_text(), process)
        (tmp_path / "later").mkdir()
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(migrate, env=environment, cwd=ROOT, check=True)
        wait_for(lambda: redis.llen(f"{prefix}:celery:watch") > 0, process)
        wait_for(lambda: redis.llen(f"{prefix}:celery:slow") > 0, process)
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in log.read_text()
