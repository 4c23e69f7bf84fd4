"""The chain, and finding whoever touched it."""

import json
import re

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from pipelines_app.core.chain import GENESIS
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
    with pytest.raises(CommandError, match=r"^(1 fault|\d+ faults) in (no|\d+) entr"):
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


def write_chain(change):
    """Rewrites every entry as ``change(data)`` says, with hashes that fit: what SQL and a script can do."""
    previous = GENESIS
    for entry in AuditEntry.objects.order_by("seq"):
        entry.previous, entry.data_text = previous, json.dumps(change(entry.read_data()))
        previous = entry.compute_hash()
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE pipelines_app_auditentry SET previous=%s, data_text=%s, hash=%s WHERE seq=%s",
                [entry.previous, entry.data_text, previous, entry.seq],
            )
    AuditHead.objects.update(hash=previous)


def test_a_head_that_was_kept_is_found_in_a_chain_that_has_grown_and_missed_in_one_rewritten(story, capsys):
    heads = [GENESIS, *AuditEntry.objects.order_by("seq").values_list("hash", flat=True)]
    for seq, head in enumerate(heads):
        assert verify_audit(kept=head).kept_at == seq
    call_command("verify_audit", head=heads[1].upper())
    assert "is entry 1: the chain has only grown" in capsys.readouterr().out
    with pytest.raises(CommandError) as error:
        call_command("verify_audit", head="3f2a")
    assert error.value.returncode == 2
    write_chain(lambda data: data | {"unseen": 1})
    assert verify_audit().faults == []  # nothing inside it shows that
    [fault] = verify_audit(kept=heads[-1]).faults
    assert fault.startswith(f"no entry has the hash {heads[-1]}")


ODD = [None, [], [1], {}, {"a": []}, "x", "\u0000", 10**400, -1, 1.5, True]


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:12])
def test_no_value_in_an_entry_ends_the_check(story, value):
    write_chain(lambda data: dict.fromkeys(data, value))
    assert verify_audit().faults


def rename(data, name):
    """The dict with another key in the place of one."""
    return {f"{key}_" if key == name else key: value for key, value in data.items()}


def test_no_key_that_is_renamed_ends_the_check(story):
    kept = {entry.seq: entry.read_data() for entry in AuditEntry.objects.all()}
    for name in sorted({name for data in kept.values() for name in data}):
        rows = iter([kept[seq] for seq in sorted(kept)])
        write_chain(
            lambda _, rows=rows, old=name: {key + "_" * (key == old): v for key, v in next(rows).items()}
        )
        verify_audit()


def test_a_check_that_cannot_read_a_row_is_a_fault_and_the_others_go_on(story, monkeypatch):
    def stumble(story, report, using):
        raise KeyError("quorum")

    monkeypatch.setattr(verify, "CHECKS", (stumble, *verify.CHECKS))
    assert verify_audit().faults == ["what stumble looks at cannot be read: KeyError ('quorum')"]


def test_an_entry_without_its_version_is_named_as_changed_and_read_all_the_same(story, approver, touch):
    touch("UPDATE pipelines_app_auditentry SET event = 'judged', data_text = '{}' WHERE seq = 2")
    faults = verify_audit().faults
    assert faults[0].startswith("entry 2 (judged") and "cannot be read" not in " ".join(faults)
