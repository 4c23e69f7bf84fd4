"""When Celery runs what: as its own schedule, and as the rows of beat that say the same."""

import pytest
from django.apps import apps
from django.core.management import call_command
from django.utils.module_loading import import_string

from metrics_app.schedule import SCHEDULE, register_tasks

BY_TASK = {entry["task"].rpartition(".")[2]: entry for entry in SCHEDULE.values()}
with_beat = pytest.mark.skipif(
    not apps.is_installed("django_celery_beat"), reason="the scheduler has no tables here"
)


def get_task(name):
    """The row of beat of a task."""
    tasks = apps.get_model("django_celery_beat", "PeriodicTask").objects
    return tasks.get(task=f"metrics_app.tasks.{name}")


def test_every_task_it_names_exists():
    for entry in SCHEDULE.values():
        assert import_string(entry["task"]).name == entry["task"]


def test_it_judges_and_tells_each_second_and_no_message_outlives_the_next():
    for name, queue in (("watch", "watch"), ("send_notices", "slow")):
        entry = BY_TASK[name]
        assert (entry["schedule"], entry["options"]) == (1, {"queue": queue, "expires": 1})


def test_history_is_compacted_at_night():
    assert BY_TASK["compact_history"]["schedule"].hour == {3}


def test_a_project_without_tables_runs_it_as_celerys_own(settings):
    if apps.is_installed("django_celery_beat"):
        assert not hasattr(settings, "CELERY_BEAT_SCHEDULE")
    else:
        assert SCHEDULE.items() <= settings.CELERY_BEAT_SCHEDULE.items()


@with_beat
@pytest.mark.django_db
def test_the_rows_of_beat_say_the_same():
    for name, entry in BY_TASK.items():
        task = get_task(name)
        assert (task.queue, task.expire_seconds) == tuple(entry["options"].values())
        assert task.enabled
    assert (get_task("watch").interval.every, get_task("watch").interval.period) == (1, "seconds")
    assert (get_task("prune_evaluations").crontab.hour, get_task("prune_evaluations").crontab.minute) == (
        "3",
        "17",
    )


@with_beat
@pytest.mark.django_db
def test_migrate_registers_the_tasks_once_and_keeps_what_people_changed():
    task = get_task("watch")
    type(task).objects.filter(pk=task.pk).update(enabled=False)
    register_tasks(using="default")
    call_command("migrate", verbosity=0)
    assert get_task("watch").enabled is False
