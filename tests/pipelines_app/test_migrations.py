"""A database of an earlier release, brought to this one."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from pipelines_app.core.chain import GENESIS, digest, encode, link
from pipelines_app.models import AuditEntry, AuditHead, Pipeline, Policy, Version
from pipelines_app.services import approve, propose, restrict
from pipelines_app.services.verify import verify_audit

BEFORE = ("pipelines_app", "0002_units_of_quantities")


BEFORE_GUARDRAILS = ("pipelines_app", "0011_policy_bounds")


@pytest.fixture
def before(transactional_db):
    """The models of the release before, in a database that is as it was then; brought back afterwards."""
    yield from go_back(BEFORE)


@pytest.fixture
def before_guardrails(transactional_db):
    """The models from before policies said how effects are judged."""
    yield from go_back(BEFORE_GUARDRAILS)


@pytest.fixture
def before_repeats(transactional_db):
    """The models from before the audit chain told of repeats."""
    yield from go_back(("pipelines_app", "0012_guardrails"))


@pytest.fixture
def before_audiences(transactional_db):
    """The models from before a proposal of one group left others free to open theirs."""
    yield from go_back(("pipelines_app", "0013_chain_repeats"))


def go_back(node):
    """Yields the models of a migration in a database that is as it was then; then brings it back."""
    executor = MigrationExecutor(connection)
    latest = [node for node in executor.loader.graph.leaf_nodes() if node[0] == "pipelines_app"]
    executor.migrate([node])
    yield MigrationExecutor(connection).loader.project_state([node]).apps
    MigrationExecutor(connection).migrate(latest)


def migrate():
    """To this release."""
    executor = MigrationExecutor(connection)
    executor.migrate([node for node in executor.loader.graph.leaf_nodes() if node[0] == "pipelines_app"])


def add_old(apps, seq, previous, *, more=(), **fields):
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
    data = {"evidence_sha256": row.evidence_sha256, "state": row.state, "version": 1}
    data = encode(data | dict(more))
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


def test_a_policy_from_before_effects_were_its_matter_is_as_the_chain_tells(before_guardrails):
    old = before_guardrails.get_model("pipelines_app", "Policy").objects.create(name="Old", quorum=2)
    fields = {"id": old.pk, "name": "Old", "rank": 100, "topics": "*", "severity": "", "quorum": 2}
    fields |= {"deciders_id": None, "decide_within": 86400, "escalation_id": None}
    data = encode({"record": "policy", "id": old.pk, "fields": fields})
    told = {"seq": 1, "at": timezone.now(), "actor": "root", "event": "policy saved", "pipeline": None}
    end = link(GENESIS, **told, data=data)
    AuditEntry.objects.create(**told, data_text=data, previous=GENESIS, hash=end)
    AuditHead.objects.create(pk=1, seq=1, hash=end)
    migrate()
    policy = Policy.objects.get()
    assert (policy.settle_hours, policy.span_weeks, policy.guardrails) == (24, 1, "")
    assert verify_audit().faults == []
    Policy.objects.update(span_weeks=2)
    assert verify_audit().faults == ["span_weeks of policy “Old” was changed"]


def test_repeats_from_before_the_chain_told_of_them_are_told_as_they_are(before_repeats):
    end = add_old(before_repeats, 1, GENESIS, title="Open", topic="er.wait")
    AuditHead.objects.create(pk=1, seq=1, hash=end)
    old = before_repeats.get_model("pipelines_app", "Pipeline").objects
    old.update(noted=3, latest_kpi=6.5, latest_at=timezone.now(), latest_origin="breach:4")
    migrate()
    assert not any("noted" in fault or "latest" in fault for fault in verify_audit().faults)
    pipeline = Pipeline.objects.get()
    assert propose(title="Open", suggestion="Act", origin="breach:4") == (pipeline, False)
    Pipeline.objects.update(noted=2)
    assert f"noted of proposal #{pipeline.pk} was changed" in verify_audit().faults


def test_existing_proposals_are_for_whom_they_were_opened_and_those_of_others_are_as_if_not_there(
    before_audiences,
):
    air, water = (Group.objects.create(name=name) for name in ("air", "water"))
    rows = [
        # Title, topic, who reads it now, and what its entry says of that.
        ("Moved", "air.wait", air, {"restricted_to": None}),
        ("Of the KPI", "air.wait", air, {"restricted_to": air.pk}),
        ("Public", "er.wait", None, {"restricted_to": None}),
        ("Named", "er.wait", air, {"restricted_to": air.pk}),
        ("Without a KPI", "", water, {}),
    ]
    end = GENESIS
    for seq, (title, topic, group, told) in enumerate(rows, 1):
        more = {"title": title, "topic": topic, "restricted_to_id": group and group.pk}
        end = add_old(before_audiences, seq, end, more=told, **more)
    AuditHead.objects.create(pk=1, seq=len(rows), hash=end)
    migrate()
    found = Pipeline.objects.order_by("pk").values_list("audience", "reserved_for")
    assert list(found) == [
        (0, None),
        (air.pk, None),
        (0, None),
        (air.pk, air.pk),
        (water.pk, water.pk),
    ]
    assert not any("audience" in fault or "reserved" in fault for fault in verify_audit().faults)
    for topic in ("air.wait", "er.wait"):
        restrict(topic=topic, group=None)
    kept = Pipeline.objects.exclude(restricted_to=None).order_by("pk").values_list("title", flat=True)
    assert list(kept) == ["Named", "Without a KPI"]
    opened = [propose(title=title, suggestion="Act", topic=topic)[1] for title, topic, *_ in rows]
    assert opened == [False, False, False, True, True]


def test_a_database_without_proposals_starts_without_entries(before):
    migrate()
    assert not AuditEntry.objects.exists() and not Version.objects.exists()
