"""The chain, and finding whoever touched it."""

import re

import pytest
from django.core.management import CommandError, call_command

from pipelines_app.models import AuditEntry, AuditHead, Decision, Pipeline
from pipelines_app.services import approve, propose, reject, verify
from pipelines_app.services.verify import verify_audit

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(approver):
    """Two proposals, one approved, one rejected: four entries."""
    first = propose(title="First", suggestion="Act", kpi=1e22, evidence={"value": 1e22})[0]
    approve(pipeline=first, by=approver, version=1, comment="yes")
    other = propose(title="Other", suggestion="Act")[0]
    reject(pipeline=other, by=approver, version=1, comment="no")
    return first


def test_it_chains_entries_without_a_gap(story):
    entries = list(AuditEntry.objects.all())
    assert [entry.seq for entry in entries] == [1, 2, 3, 4]
    assert [entry.previous for entry in entries[1:]] == [entry.hash for entry in entries[:-1]]


def test_it_finds_nothing_where_nothing_was_touched(story, capsys):
    call_command("verify_audit")
    assert f"4 entries, nothing was edited. The chain ends with {AuditHead.objects.get().hash}" in (
        capsys.readouterr().out
    )


def test_it_verifies_an_empty_chain():
    assert verify_audit().faults == []


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("UPDATE pipelines_app_auditentry SET actor = 'eve' WHERE seq = 2", "entry 2 .* was changed"),
        ("UPDATE pipelines_app_auditentry SET data_text = '5' WHERE seq = 2", "entry 2 .* was changed"),
        ("UPDATE pipelines_app_auditentry SET data_text = '{' WHERE seq = 2", "entry 2 .* was changed"),
        (
            "UPDATE pipelines_app_auditentry SET at = '2020-01-01 00:00:00+00:00' WHERE seq = 1",
            "entry 1 .*changed",
        ),
        ("DELETE FROM pipelines_app_auditentry WHERE seq = 2", "entry 2 is missing: 3 comes next"),
        ("DELETE FROM pipelines_app_auditentry WHERE seq = 4", "should end with entry 4, but ends with 3"),
        ("DELETE FROM pipelines_app_auditentry", "should end with entry 4, but ends with 0"),
        ("UPDATE pipelines_app_pipeline SET state = 'approved'", "is approved, but entry 4 left it rejected"),
        ("UPDATE pipelines_app_pipeline SET evidence_text = '{}'", "the evidence of proposal .* was changed"),
        ("UPDATE pipelines_app_decision SET vote = 'approve'", "the vote of ada on proposal .* was changed"),
        ("UPDATE pipelines_app_decision SET comment = 'hm'", "the vote of ada on proposal .* was changed"),
        ("DELETE FROM pipelines_app_decision", "the vote of ada on proposal .* is gone"),
    ],
)
def test_it_finds_any_edit(story, sql, fault, capsys, touch):
    touch(sql)
    with pytest.raises(CommandError, match="faults in"):
        call_command("verify_audit")
    assert re.search(fault, capsys.readouterr().err)


def test_it_finds_evidence_that_was_changed_together_with_its_hash(story, touch):
    touch("UPDATE pipelines_app_pipeline SET evidence_text = '{}', evidence_sha256 = %s", "0" * 64)
    assert "the evidence of" in verify_audit().faults[0]


def test_it_finds_an_entry_rewritten_with_a_fitting_hash(story, touch):
    entry = AuditEntry.objects.get(seq=2)
    entry.actor = "eve"
    touch("UPDATE pipelines_app_auditentry SET actor = 'eve', hash = %s WHERE seq = 2", entry.compute_hash())
    assert any("entry 3 does not follow" in fault for fault in verify_audit().faults)


def test_it_finds_a_proposal_that_was_slipped_in(story):
    pipeline = Pipeline.objects.get(pk=story.pk)
    pipeline.pk, pipeline.title = None, "Slipped in"
    pipeline.save(force_insert=True)
    assert verify_audit().faults == [f"proposal #{pipeline.pk} is not in the chain"]


def test_it_still_fits_when_the_account_of_a_voter_was_deleted(story, approver):
    approver.delete()
    assert Decision.objects.filter(by=None, by_name="ada").count() == 2
    assert verify_audit().faults == []


def test_it_refuses_to_change_or_delete_an_entry(story):
    entry = AuditEntry.objects.first()
    for act in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(actor="eve"),
        lambda: AuditEntry.objects.bulk_update([entry], ["actor"]),
    ):
        with pytest.raises(TypeError):
            act()


def test_it_takes_no_decision_of_this_very_moment_for_an_edit(story, monkeypatch):
    check_head = verify.check_head

    def decide_meanwhile(report, using):
        monkeypatch.setattr(verify, "check_head", check_head)
        propose(title="Meanwhile", suggestion="Act")
        check_head(report, using)

    monkeypatch.setattr(verify, "check_head", decide_meanwhile)
    report = verify_audit()
    assert (report.entries, report.faults) == (5, [])


@pytest.mark.django_db(transaction=True)
def test_it_keeps_one_chain_when_many_write_at_once(race):
    race(*[lambda n=n: propose(title=f"Proposal {n}", suggestion="Act") for n in range(8)])
    report = verify_audit()
    assert (report.entries, report.faults) == (8, [])
