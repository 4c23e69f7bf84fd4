"""A worker of `manage.py run` calls what is due in its own queue, and nothing of it goes over the broker."""

import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest
from celery import Task
from celery.beat import PersistentScheduler
from django.utils import timezone

import hms_gov.schedule
import metrics_app.schedule
import pipelines_app.schedule
from hms_gov import timetable
from hms_gov.celery import app
from hms_gov.timetable import Calls, Timetable, call, make_scheduler
from tests.demos import wait_for

pytest.importorskip("django_celery_beat", reason="the scheduler has no tables here")
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

SCHEDULE = metrics_app.schedule.SCHEDULE | pipelines_app.schedule.SCHEDULE | hms_gov.schedule.SCHEDULE
OFTEN = {entry["task"] for entry in SCHEDULE.values() if isinstance(entry["schedule"], int)}
WATCH = {"metrics_app.tasks.watch"}
MOVED = "metrics_app.tasks.prune_evaluations"


@pytest.fixture(autouse=True)
def tasks():
    """All tasks are known, as to each worker."""
    app.loader.import_default_modules()


@pytest.fixture
def kept(db, monkeypatch):
    """The database of a test is in a transaction: closed as one that may be stale it would be gone."""
    monkeypatch.setattr("django_celery_beat.schedulers.close_old_connections", lambda: None)
    # With the process, which outlives this database, it would write when it last asked for what.
    monkeypatch.setattr("django_celery_beat.schedulers.Finalize", lambda *args, **options: None)
    make_due()


def make_due():
    """All rows were called last a day ago."""
    PeriodicTask.objects.update(last_run_at=timezone.now() - timedelta(days=1))
    PeriodicTasks.update_changed()


@pytest.fixture
def sent(monkeypatch):
    """The names of tasks that went to the broker."""
    sent = []
    monkeypatch.setattr(Task, "apply_async", lambda self, *args, **options: sent.append(self.name))
    monkeypatch.setattr(app, "send_task", lambda name, *args, **options: sent.append(name))
    return sent


def make(queue, called, *, sends=False):
    """A scheduler that notes what it would call."""
    return make_scheduler(app, queue=queue, run=lambda task, entry: called.append(task.name), sends=sends)


def go_on(scheduler, turns=40):
    """All that is due now."""
    scheduler.next_look = 0.0
    for _ in range(turns):
        if scheduler.tick() > 0:
            return


@pytest.mark.parametrize(("queue", "expected"), [("watch", WATCH), ("slow", OFTEN - WATCH)])
def test_each_queue_is_served_by_its_own_process_and_by_no_message(kept, sent, queue, expected):
    called = []
    go_on(make(queue, called, sends=queue == "slow"))
    assert set(called) == expected
    assert not [name for name in sent if name.startswith(timetable.OURS)]


@pytest.fixture
def in_a_file(tmp_path):
    """A project without django-celery-beat: its schedule is in the settings."""
    changed = {
        "beat_scheduler": f"{PersistentScheduler.__module__}:PersistentScheduler",
        "beat_schedule": SCHEDULE,
        "beat_schedule_filename": str(tmp_path / "beat"),
    }
    former = {name: app.conf.get(name) for name in changed}
    app.conf.update(changed)
    yield tmp_path
    app.conf.update(former)


@pytest.mark.parametrize("queue", ["watch", "slow"])
def test_a_schedule_without_rows_goes_the_same_way(in_a_file, sent, queue):
    called = []
    scheduler = make(queue, called, sends=queue == "slow")
    for entry in scheduler.schedule.values():
        entry.last_run_at = entry.last_run_at.replace(year=2000)
    go_on(scheduler)
    everything = {entry["task"] for entry in SCHEDULE.values()}
    watch = {entry["task"] for entry in SCHEDULE.values() if entry["options"]["queue"] == "watch"}
    assert set(called) == (watch if queue == "watch" else everything - watch)
    scheduler.close()
    assert list(in_a_file.glob(f"beat-{queue}*"))


def test_tasks_of_others_are_sent_by_one_of_them(kept, sent):
    every = IntervalSchedule.objects.create(every=1, period="seconds")
    PeriodicTask.objects.create(name="theirs", task="reports.tasks.write", queue="reports", interval=every)
    # One of ours that somebody wants in a queue of their own.
    PeriodicTask.objects.create(name="o", task=MOVED, queue="reports", interval=every)
    make_due()
    called = []
    go_on(make("watch", called))
    assert sent == [] and set(called) == WATCH
    go_on(make("slow", called, sends=True))
    assert {"reports.tasks.write", MOVED} <= set(sent)


def test_what_is_changed_in_the_admin_holds_from_the_next_look_on(kept, sent):
    called = []
    scheduler = make("watch", called)
    go_on(scheduler)
    row = PeriodicTask.objects.get(task="metrics_app.tasks.watch")
    row.enabled = False
    row.save()
    called.clear()
    go_on(scheduler)
    go_on(scheduler)
    assert called == []
    row.enabled = True
    row.save()
    make_due()
    go_on(scheduler)
    go_on(scheduler)
    assert called == ["metrics_app.tasks.watch"]


def make_entry(name, expires=None):
    """An entry of a timetable."""
    return SimpleNamespace(
        name=name, task=f"metrics_app.tasks.{name}", args=[], kwargs={}, options={"expires": expires}
    )


def test_a_task_that_fails_is_told_and_is_called_again_when_due(caplog, monkeypatch):
    monkeypatch.setattr(timetable, "close_old_connections", lambda: None)

    def fail():
        raise ValueError("the disk is full")

    call(fail, make_entry("archive"))
    assert "The task metrics_app.tasks.archive failed" in caplog.text and "the disk is full" in caplog.text


def test_a_task_that_hangs_holds_one_thread_and_others_wait_once_and_not_too_long():
    calls, free, done = Calls(threads=2), threading.Event(), []
    calls.run(lambda: free.wait(60), make_entry("hangs"))
    # In the other thread, while the first hangs.
    calls.run(lambda: done.append("other"), make_entry("other", expires=60))
    wait_for(lambda: done == ["other"])
    calls.run(lambda: free.wait(60), make_entry("hangs too"))
    wait_for(lambda: not calls.waiting)
    for _ in range(3):
        calls.run(lambda: done.append("late"), make_entry("late", expires=60))
        calls.run(lambda: done.append("expired"), make_entry("expired", expires=0))
    free.set()
    wait_for(lambda: "late" in done)
    calls.stop()
    assert done == ["other", "late"]


def test_it_goes_on_after_an_error_and_ends_when_told_to(monkeypatch, caplog):
    ticks = []

    class Scheduler:
        def tick(self):
            ticks.append(len(ticks))
            if len(ticks) == 1:
                raise RuntimeError("no such table")
            return 0.01

        def close(self):
            ticks.append("closed")

    monkeypatch.setattr(timetable, "PAUSE", 0.01)
    monkeypatch.setattr(timetable, "make_scheduler", lambda *args, **options: Scheduler())
    running = Timetable(app, queue="watch")
    running.start()
    wait_for(lambda: len(ticks) > 3)
    running.stop()
    assert ticks[-1] == "closed" and "no such table" in caplog.text
