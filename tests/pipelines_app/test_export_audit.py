"""The chain as files that somebody else can read and check."""

import csv
import hashlib
import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from pipelines_app.models import AuditEntry, AuditHead
from pipelines_app.queries.audit import CHUNK
from pipelines_app.services import approve, change_suggestion, propose
from pipelines_app.services.audit import append_audit

pytestmark = pytest.mark.django_db


@pytest.fixture
def proposal(approver, admin_user):
    """A proposal that was changed by one person and approved by another."""
    row = propose(title="=HYPERLINK(1)", suggestion="Hire 2 temp agents", kpi=1e22, evidence={"n": 3})[0]
    row = change_suggestion(pipeline=row, by=admin_user, version=1, suggestion="Hire “1”,\nnot 2")
    approve(pipeline=row, by=approver, version=2, comment="=1+1")
    return row


def export(capsys, *arguments):
    call_command("export_audit", *arguments)
    return capsys.readouterr().out


def read_lines(text):
    return [json.loads(line) for line in text.splitlines()]


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_stranger_can_check_the_chain_and_each_version_from_the_file_alone(proposal, capsys):
    lines, previous = read_lines(export(capsys)), "0" * 64
    for line in lines:
        assert sha256(line["hashed"]) == line["hash"]
        hashed = json.loads(line["hashed"])
        assert hashed == [
            previous,
            *(line[name] for name in ("seq", "at", "actor", "event", "proposal", "data")),
        ]
        previous = line["hash"]
        if line["version_text"]:
            assert sha256(line["version_text"]) == json.loads(line["data"])["version_sha256"]
    assert previous == AuditHead.objects.get().hash
    assert [json.loads(line["version_text"])["suggestion"] for line in lines if line["version_text"]] == [
        "Hire 2 temp agents",
        "Hire “1”,\nnot 2",
    ]


def test_both_formats_say_the_same_and_no_cell_is_a_formula(proposal, capsys):
    append_audit(
        pipeline=None,
        actor="=cmd|' /C calc'!A0",
        event="stopped",
        data={"reason": "x"},
        at=proposal.created_at,
    )
    lines = read_lines(export(capsys))
    rows = list(csv.DictReader(io.StringIO(export(capsys, "--format", "csv"), newline="")))
    assert len(rows) == len(lines) == AuditEntry.objects.count()
    for row, line in zip(rows, lines, strict=True):
        assert {k: v.removeprefix("'") for k, v in row.items()} == {
            name: "" if value is None else str(value) for name, value in line.items()
        }
    assert rows[-1]["actor"].startswith("'=cmd")


def test_it_goes_on_behind_a_number_and_keeps_to_one_proposal(proposal, capsys):
    other = propose(title="Other", suggestion="Act")[0]
    everything = read_lines(export(capsys))
    assert read_lines(export(capsys, "--after", "2")) == everything[2:]
    assert {line["proposal"] for line in read_lines(export(capsys, "--proposal", str(other.pk)))} == {
        other.pk
    }
    with pytest.raises(CommandError, match="no proposal #999"):
        export(capsys, "--proposal", "999")


def test_a_chain_longer_than_it_holds_at_once_comes_whole_and_in_order(proposal, tmp_path):
    for number in range(CHUNK):
        append_audit(pipeline=proposal, actor="a", event="noted", data={"n": number}, at=proposal.created_at)
    path = tmp_path / "audit.jsonl"
    call_command("export_audit", "--output", str(path))
    count = AuditEntry.objects.count()
    assert [line["seq"] for line in read_lines(path.read_text(encoding="utf-8"))] == list(range(1, count + 1))
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_audit", "--output", str(tmp_path / "missing" / "audit.jsonl"))


def test_an_entry_that_somebody_broke_is_written_as_it_stands(proposal, capsys):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pipelines_app_auditentry SET data_text = '{broken' WHERE seq = 1")
    first = read_lines(export(capsys))[0]
    assert first["data"] == "{broken" and sha256(first["hashed"]) != first["hash"]
