"""What the release before writes while the new tables are there already."""

import pytest
from django.db import connection

from metrics_app.models import Receiver
from tests.metrics_app.telling import make_receiver

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
