"""What an upgrade makes of rows of the release before, and of those that it goes on to write."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from metrics_app.models import Breach, Receiver, Threshold, ThresholdState
from tests.metrics_app.telling import make_receiver, open_breach
from tests.metrics_app.watching import make_threshold

pytestmark = pytest.mark.django_db
NEW = {"down_since", "failures", "try_after", "held_until"}


def test_a_receiver_written_by_a_release_that_knows_no_queues_can_be_asked_at_once():
    row = make_receiver()
    names = [
        field.column for field in Receiver._meta.concrete_fields if field.name not in NEW | {"id", "name"}
    ]
    columns = ", ".join(names)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {Receiver._meta.db_table} (name, {columns}) "
            f"SELECT 'old', {columns} FROM {Receiver._meta.db_table} WHERE id = %s",
            [row.pk],
        )
    old = Receiver.objects.get(name="old")
    assert (old.failures, old.try_after, old.held_until, old.down_since) == (0, None, None, None)


def test_a_release_that_knows_no_zone_saves_thresholds_beside_this_one(base):
    made = make_threshold(now=base)
    table = connection.ops.quote_name(Threshold._meta.db_table)
    known = [
        field.column
        for field in Threshold._meta.local_fields
        if field.column not in {"id", "zone", "judge_partial"}
    ]
    columns = ", ".join(connection.ops.quote_name(name) for name in known)
    values = columns.replace(connection.ops.quote_name("key"), "'older'")
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table} WHERE id = %s", [made.pk]
        )
    found = Threshold.objects.get(key="older")
    assert (found.zone, found.judge_partial) == ("", False)


def test_the_state_keeps_the_longest_class(base):
    made = make_threshold(now=base)
    ThresholdState.objects.filter(threshold=made).update(slot_class="incomparable", data="incomparable")
    found = ThresholdState.objects.get(threshold=made)
    assert found.slot_class == found.data == "incomparable"


def test_an_open_breach_takes_the_severity_that_its_rule_was_given_while_it_fired(base):
    rows = [open_breach(f"topic.{n}", fired_at=base, severity="critical") for n in range(3)]
    Breach.objects.filter(pk__in=[row.pk for row in rows[:2]]).update(severity="info")
    Breach.objects.filter(pk=rows[1].pk).update(recovered_at=base + 60_000)
    upgrade = import_module("metrics_app.migrations.0025_severity_of_open_breaches")
    upgrade.follow_rules(apps, SimpleNamespace(connection=connection))
    found = list(Breach.objects.order_by("pk").values_list("severity", flat=True))
    assert found == ["critical", "info", "critical"], "what is over stays as it was"
