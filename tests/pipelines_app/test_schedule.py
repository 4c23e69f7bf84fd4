"""The rows of beat."""

import pytest
from django.apps import apps

from pipelines_app.schedule import EXPIRE, SCHEDULE, get_task_model, register_tasks

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        not apps.is_installed("django_celery_beat"), reason="the scheduler has no tables here"
    ),
]


def test_it_is_there_after_migrate_and_goes_to_the_slow_queue():
    task = get_task_model().objects.get(name=EXPIRE)
    assert (task.task, task.queue, task.expire_seconds) == ("pipelines_app.tasks.expire", "slow", 5)
    assert (task.interval.every, task.interval.period) == (SCHEDULE[EXPIRE]["schedule"], "seconds")


def test_it_is_made_once_and_keeps_what_an_administrator_changed():
    get_task_model().objects.filter(name=EXPIRE).update(enabled=False)
    register_tasks(using="default")
    assert not get_task_model().objects.get(name=EXPIRE).enabled


def test_it_is_made_again_where_it_is_missing():
    get_task_model().objects.filter(name=EXPIRE).delete()
    register_tasks(using="default")
    assert get_task_model().objects.filter(name=EXPIRE).count() == 1


def test_it_does_without_beat_in_a_project_that_has_none(monkeypatch):
    get_task_model().objects.filter(name=EXPIRE).delete()
    monkeypatch.setattr(apps, "is_installed", lambda name: False)
    register_tasks(using="default")
    assert not get_task_model().objects.filter(name=EXPIRE).exists()
