"""A site that was in use for a week, so that hardly a table is empty."""

from datetime import time, timedelta

import numpy as np
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.utils import timezone

from hms_gov.joins.wiring import propose_for_breach
from hms_gov.seed import seed
from metrics_app.models import (
    Breach,
    BreachEvent,
    EvaluationRecord,
    Note,
    Notice,
    Receiver,
    Silence,
    Threshold,
)
from metrics_app.services.archive import archive
from metrics_app.services.compact import compact_history
from metrics_app.services.corrections import void
from metrics_app.services.notes import save_note
from metrics_app.services.silences import save_silence
from pipelines_app.models import Pipeline, Policy
from pipelines_app.services import approve, confirm, delegate, propose, run_errands, stop
from pipelines_app.services.errands import measure
from pipelines_app.services.records import save_record
from tests.metrics_app.histories import DAY, HOUR, MINUTE, Clockwork
from tests.metrics_app.points import publish

TOPIC = "complaint.latency"


def fill_site():
    """Fills the database; the Clockwork of its points."""
    seed()
    fill_rules()
    return fill_history()


def fill_rules():
    """A breach with notice, proposal and decision, policy, delegation, silence, note, changed schedules."""
    admin, approver = (User.objects.get(username=name) for name in ("admin", "approver"))
    admin.groups.add(Group.objects.create(name="air quality — Zürich"))
    rule, now = Threshold.objects.get(), 1_760_000_000_000
    breach = Breach.objects.create(threshold=rule, version=1, since=now, fired_at=now, value=1e22, n=3)
    BreachEvent.objects.create(breach=breach, at=now, text="Fired: “sehr hoch”\nline two\twith \\N")
    Notice.objects.create(
        receiver=Receiver.objects.get(), breach=breach, event="firing", at=now, text="Fired"
    )
    EvaluationRecord.objects.create(interval=10, slot=now, packed=bytes(range(256)))
    save_record(Policy(name="Lärm", topics="noise.*", quorum=2), by=admin)
    starts = timezone.now()
    delegate(by=approver, to=admin, starts_at=starts, ends_at=starts + timedelta(days=9))
    propose_for_breach(breach)
    approved = approve(pipeline=Pipeline.objects.get(), by=approver, version=1, comment="ja")
    fill_effect(approved, approver)
    stop(reason="the house is moved", by=admin)
    propose(title="Other", suggestion="Act", evidence={"value": 1e22, "b": {"z": 1, "a": [1.0, None]}})
    ends = timezone.now() + timedelta(hours=1)
    hours = {"days": "mon", "opens": time(22), "closes": time(6, 30), "zone": "Europe/Berlin"}
    # So long that its hours come, whatever day it is.
    save_silence(Silence(topic="er.*", reason="works", ends_at=starts + timedelta(days=9), **hours), by=admin)
    save_note(Note(topic=TOPIC, at=now, text="New form went live"), by=admin)
    if apps.is_installed("django_celery_beat"):
        fill_schedules(ends)


def fill_effect(approved, by):
    """An effect that could not be judged: the history of this site begins with what is sent now."""
    now = approved.decided_at + timedelta(seconds=10)
    run_errands(now=now)
    day = f"{timezone.localdate(now)}"
    confirm(pipeline=approved, by=by, version=1, day=day, now=now)
    [errand] = approved.errands.filter(kind="measure")
    measure.give_up(errand, "away", errand.due_at)


def fill_schedules(ends):
    """Rows in the scheduler's own tables, where the project has them."""
    from django_celery_beat.models import ClockedSchedule, PeriodicTask, SolarSchedule

    PeriodicTask.objects.filter(task="metrics_app.tasks.watch").update(enabled=False)
    ClockedSchedule.objects.create(clocked_time=ends)
    SolarSchedule.objects.create(event="sunset", latitude="52.520008", longitude="-13.404954")


def fill_history():
    """A week of points, some of them late, compacted, with a correction and an import; the Clockwork."""
    clockwork, rng = Clockwork(), np.random.default_rng(1)
    for back in (7 * DAY, 3 * DAY, 50 * MINUTE):
        ts = clockwork.now - back + np.sort(rng.integers(0, min(back, DAY), 2_000))
        publish(TOPIC, ts, rng.lognormal(5, 1, len(ts)))
        clockwork.collect()
        archive()
    publish("er.doors", clockwork.now - 3 * DAY + np.arange(3), [1e308, 1e308, -5.0])
    clockwork.collect()
    archive()
    compact_history(now=clockwork.now)
    admin = User.objects.get(username="admin")
    spans = {"start": clockwork.now - 6 * DAY, "end": clockwork.now - 6 * DAY + HOUR}
    void(topic=TOPIC, **spans, reason="a test", by=admin)
    return clockwork
