"""A database of an earlier release, brought to this one."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from pipelines_app.core.chain import GENESIS, digest, encode, link
from pipelines_app.models import AuditEntry, Pipeline, Version
from pipelines_app.services import approve
from pipelines_app.services.verify import verify_audit

BEFORE = ("pipelines_app", "0002_units_of_quantities")


@pytest.fixture
def before(transactional_db):
    """The models of the release before, in a database that is as it was then; brought back afterwards."""
    executor = MigrationExecutor(connection)
    latest = [node for node in executor.loader.graph.leaf_nodes() if node[0] == "pipelines_app"]
    executor.migrate([BEFORE])
    yield MigrationExecutor(connection).loader.project_state([BEFORE]).apps
    MigrationExecutor(connection).migrate(latest)


def migrate():
    """To this release."""
    executor = MigrationExecutor(connection)
    executor.migrate([node for node in executor.loader.graph.leaf_nodes() if node[0] == "pipelines_app"])


def add_old(apps, seq, previous, **fields):
    """A proposal with its audit entry, as the release before wrote them; the entry's hash."""
    now = timezone.now()
    row = apps.get_model("pipelines_app", "Pipeline").objects.create(
        suggestion="Act",
        evidence_text="{}",
        evidence_sha256=digest("{}"),
        created_at=now,
        due_at=now + timedelta(hours=4),
        **fields,
    )
    data = encode({"evidence_sha256": row.evidence_sha256, "state": row.state, "version": 1})
    told = {"seq": seq, "at": now, "actor": "ada", "event": "proposed"}
    end = link(previous, **told, pipeline=row.pk, data=data)
    entries = apps.get_model("pipelines_app", "AuditEntry").objects
    entries.create(**told, pipeline=row, data_text=data, previous=previous, hash=end)
    return end


def test_existing_proposals_get_their_versions_and_chained_entries(before):
    params = {"amount": 1e22, "on": True}
    end = add_old(before, 1, GENESIS, title="Open", quorum=2, action="pay", action_params=params)
    end = add_old(before, 2, end, title="Over", state="expired", version=3)
    before.get_model("pipelines_app", "AuditHead").objects.create(pk=1, seq=2, hash=end)
    migrate()
    assert list(Version.objects.values_list("pipeline__title", "number")) == [("Open", 1), ("Over", 3)]
    assert list(AuditEntry.objects.filter(event="frozen").values_list("seq", flat=True)) == [3, 4]
    assert verify_audit().faults == []
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pipelines_app_pipeline SET quorum = 1")
    assert "quorum of proposal" in verify_audit().faults[0]


def test_an_existing_proposal_is_decided_as_before(before, django_user_model):
    end = add_old(before, 1, GENESIS, title="Open")
    before.get_model("pipelines_app", "AuditHead").objects.create(pk=1, seq=1, hash=end)
    migrate()
    pipeline = Pipeline.objects.get()
    root = django_user_model.objects.create_superuser("root")
    assert approve(pipeline=pipeline, by=root, version=1).state == "approved"
    assert verify_audit().faults == []


def test_a_database_without_proposals_starts_without_entries(before):
    migrate()
    assert not AuditEntry.objects.exists() and not Version.objects.exists()
