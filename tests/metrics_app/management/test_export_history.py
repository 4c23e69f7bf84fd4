"""`manage.py export_history`: several topics in one file, and what can be done with it."""

import csv
import io
import sys
import uuid
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command

from metrics_app import queries
from metrics_app.queries import exports
from metrics_app.services.archive import archive
from tests.metrics_app.histories import DAY, HOUR, MINUTE, Clockwork
from tests.metrics_app.points import publish

pytestmark = pytest.mark.django_db
TOPICS = ("er.beds", "er.wait")


@pytest.fixture
def clockwork():
    """Points of two topics over two days, one of which fell silent a day ago."""
    clockwork = Clockwork()
    publish("er.wait", range(clockwork.now - 2 * DAY, clockwork.now, 20 * MINUTE), 4)
    publish("er.beds", range(clockwork.now - 2 * DAY, clockwork.now - DAY, HOUR), -3)
    clockwork.collect()
    archive()
    return clockwork


def call(*arguments):
    """What the command says on standard error."""
    said = io.StringIO()
    call_command("export_history", *map(str, arguments), stderr=said)
    return said.getvalue()


def test_it_writes_several_topics_into_one_file(clockwork, tmp_path):
    path = tmp_path / "history.csv"
    said = call("er.*", "er.wait", "--output", path)
    assert "of 2 topics written as csv" in said
    rows = list(csv.DictReader(path.open(newline="")))
    assert [row["topic"] for row in rows] == sorted(row["topic"] for row in rows)
    for topic in TOPICS:
        mine = [row for row in rows if row["topic"] == topic]
        span = int(mine[0]["ts"]), int(mine[-1]["end"])
        whole = queries.compare_span([topic], *span)[topic]
        assert sum(int(row["count"]) for row in mine) == whole["count"]
        assert sum(float(row["sum"]) for row in mine) == whole["sum"]
        assert span[1] == clockwork.now // HOUR * HOUR
    assert not list(tmp_path.glob("*.part"))


def test_what_it_writes_by_the_minute_comes_in_again(clockwork, tmp_path):
    path = tmp_path / "minutes.parquet"
    pytest.importorskip("pyarrow")
    end = clockwork.now // HOUR * HOUR
    call("er.wait", "--step", 60, "--start", end - DAY, "--end", end, "--output", path)
    topic = f"t{uuid.uuid4().hex[:8]}"
    call_command("import_points", path, topic=topic, value_column="mean", skip_bad=True, stdout=io.StringIO())
    clockwork.collect()
    archive()
    before, after = queries.compare_span(["er.wait", topic], end - DAY, end).values()
    assert (after["count"], after["sum"]) == (before["count"], before["sum"]) == (72, 288.0)


def test_local_days_and_standard_output(clockwork, monkeypatch):
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=out))
    call("er.wait", "--by", "day", "--zone", "Asia/Kolkata", "--format", "jsonl", "--start", "-259200")
    lines = out.getvalue().splitlines()
    assert len(lines) in (3, 4) and all(b"T00:00:00+05:30" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["never.seen"], "'never.seen' names no topic with points"),
        (["er.wait", "--zone", "Mars"], "'Mars' is no time zone"),
        (["er.wait", "--step", "61"], "61 s is no step of an export: expected a multiple of 60"),
        (["er.wait", "--step", "0"], "0 s is no step of an export"),
        (["er.wait", "--start", "soon"], "is not a time"),
        (["er.wait", "--start", "-60", "--end", "-120"], "is not before the end"),
        (["er.wait", "--output", "/no/such/folder/file.csv"], "cannot be written: No such file"),
    ],
)
def test_it_says_what_is_wrong_and_leaves_nothing(clockwork, arguments, message):
    with pytest.raises(CommandError) as caught:
        call(*arguments)
    assert message in str(caught.value)


def test_a_file_that_was_not_finished_is_none(clockwork, tmp_path, monkeypatch):
    path = tmp_path / "history.csv"
    path.write_text("as it was")
    monkeypatch.setattr(exports, "ROLLUPS", 5)
    real, calls = exports.read_buckets, []

    def stop(*args, **options):
        calls.append(1)
        if len(calls) > 3:
            raise KeyboardInterrupt
        return real(*args, **options)

    monkeypatch.setattr(exports, "read_buckets", stop)
    with pytest.raises(CommandError, match="Stopped. Nothing was written."):
        call("er.wait", "--output", path)
    assert [file.name for file in tmp_path.iterdir()] == ["history.csv"] and path.read_text() == "as it was"


def test_an_ending_that_is_no_format_is_refused_unless_the_format_is_given(clockwork, tmp_path):
    path = tmp_path / "history.xlsx"
    with pytest.raises(CommandError, match=r"no format ends in \.xlsx: expected \.csv, .* or give --format"):
        call("er.wait", "--output", path)
    assert not path.exists()
    assert "written as csv" in call("er.wait", "--output", path, "--format", "csv")
    assert "written as jsonl" in call("er.wait", "--output", tmp_path / "history.JSONL")
    assert "written as csv" in call("er.wait", "--output", tmp_path / "history")


def test_a_star_within_a_word_is_explained(clockwork):
    with pytest.raises(
        CommandError, match=r"'er.w\*' names no topic with points: a \* stands for whole words"
    ):
        call("er.w*")
    with pytest.raises(CommandError, match="'no.such' names no topic with points$"):
        call("no.such")
