"""`manage.py import_points`: every point once, whatever happens on the way."""

import io
import uuid

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from metrics_app import queries
from metrics_app.collector import collect_all
from metrics_app.core.rows import Columns
from metrics_app.files.tables import BLOCK, digest_file, read_blocks
from metrics_app.models import Import, Kpi
from metrics_app.services import imports
from metrics_app.services.archive import archive
from metrics_app.services.compact import compact_history
from metrics_app.services.imports import begin_import, run_import
from tests.metrics_app.histories import DAY, MINUTE, check
from tests.metrics_app.points import select

pytestmark = pytest.mark.django_db
ROWS = 3 * BLOCK + 17


def call(*arguments):
    """What the command prints."""
    output = io.StringIO()
    call_command("import_points", *map(str, arguments), stdout=output, stderr=io.StringIO())
    return output.getvalue()


@pytest.fixture
def points():
    """Times and values of one topic, over 40 days and up to now."""
    collect_all()
    rng, now = np.random.default_rng(3), queries.redis_now()
    ages = np.sort(rng.exponential(6 * DAY, ROWS).astype(np.int64))[::-1] % (40 * DAY)
    return f"t{uuid.uuid4().hex[:8]}", now - ages, rng.lognormal(3, 1, ROWS)


@pytest.fixture
def file(tmp_path, points):
    """The points as CSV with ids."""
    topic, ts, values = points
    path = tmp_path / "points.csv"
    rows = [
        f"{topic},{at},{value!r},id{n}" for n, (at, value) in enumerate(zip(ts, values.tolist(), strict=True))
    ]
    path.write_text("\n".join(["topic,ts,value,id", *rows]) + "\n")
    return path


def settle():
    """Collects and archives what went over the bus."""
    collect_all()
    archive()


def check_history(points):
    """History and hot window together say what the points say."""
    topic, ts, values = points
    end = queries.redis_now() // MINUTE * MINUTE
    for back in (40 * DAY, 3 * DAY, 20 * MINUTE):
        check(
            queries.span(topic, end - back, end, percentiles=True),
            select(ts, values, end - back, end),
            rel=0.02,
        )


def test_history_and_hot_window_hold_every_point_once(file, points):
    output = call(file)
    assert f"{ROWS:,} rows checked" in output and f"Imported {ROWS:,} points of {ROWS:,} rows" in output
    settle()
    check_history(points)
    compact_history()
    check_history(points)
    assert Kpi.objects.filter(topic=points[0]).exists()


def test_the_same_file_again_does_nothing_and_another_with_the_same_ids_adds_none(file, points):
    call(file)
    assert "Nothing to do: this very file was imported" in call(file)
    file.write_text(file.read_text() + f"{points[0]},{points[1][0]},5,new\n")
    again = call(file)
    assert f"{ROWS:,} points were skipped: the id had come before." in again and "Imported 1 point " in again


@pytest.mark.parametrize("where", ["before", "behind"])
def test_killed_anywhere_it_goes_on_and_counts_nothing_twice(file, points, where, monkeypatch):
    real, done = imports.write_blocks, 0

    def die(job, blocks):
        nonlocal done
        done += 1
        if done == 2 and where == "before":
            raise KeyboardInterrupt
        job = real(job, blocks)
        if done == 2:
            raise KeyboardInterrupt
        return job

    with monkeypatch.context() as patch:
        patch.setattr(imports, "write_blocks", die)
        with pytest.raises(CommandError, match="Stopped. Run the command again"):
            call(file)
    left = Import.objects.get()
    assert 0 < left.position < ROWS and left.finished_at is None
    assert f"Going on behind row {left.position:,}." in call(file)
    settle()
    check_history(points)


def test_killed_between_bus_and_sql_the_young_points_count_once(file, points, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(imports, "add_old", lambda parts: (_ for _ in ()).throw(KeyboardInterrupt))
        patch.setattr(imports, "adapt", lambda size, seconds: 50)
        with pytest.raises(CommandError):
            call(file)
    call(file)
    settle()
    check_history(points)


def test_two_importers_of_one_file_count_each_point_once(file, points):
    columns = Columns()
    first, second = (begin_import(digest_file(file, columns), "points.csv") for _ in range(2))
    blocks = list(read_blocks(file, columns, now=queries.redis_now()))
    run_import(first, blocks[:2])
    job = run_import(second, blocks)
    assert (job.position, job.added) == (ROWS, ROWS)
    settle()
    check_history(points)


def test_with_a_bad_row_nothing_is_imported_unless_it_is_left_out(file, points):
    file.write_text(file.read_text() + f"{points[0]},soon,5,bad1\n{points[0]},{points[1][0]},much,bad2\n")
    with pytest.raises(CommandError, match=f"Nothing was imported: 2 of {ROWS + 2:,} rows are bad"):
        call(file)
    assert not Import.objects.exists()
    output = call(file, "--skip-bad")
    assert f"  line {ROWS + 2}: ts 'soon': 'soon' is not a time" in output
    assert f"  line {ROWS + 3}: value 'much': 'much' is not a number" in output
    assert Import.objects.get().bad == 2
    settle()
    check_history(points)


def test_an_unclosed_quote_swallows_no_row_and_is_told(file, points):
    topic, ts, _ = points
    file.write_text(file.read_text() + f'"{topic},{ts[0]},5,bad\n{topic},{ts[0]},5,good\n')
    with pytest.raises(CommandError, match=f"Nothing was imported: 1 of {ROWS + 2:,} rows is bad"):
        call(file)
    output = call(file, "--skip-bad")
    assert f"  line {ROWS + 2}: row" in output and f"Imported {ROWS + 1:,} points" in output


def test_a_table_of_which_too_little_can_be_read_is_not_imported(tmp_path):
    path = tmp_path / "points.csv"
    good, bad = "er.wait,1700000000000,1", "er.wait,soon,1"
    for rows, options, words in (
        ([bad, bad], ["--skip-bad"], "Nothing was imported: not one of its 2 rows can be read"),
        (
            [good, bad],
            ["--max-bad", "40"],
            "Nothing was imported: 1 of 2 rows cannot be read, more than 40 %",
        ),
        ([], [], "Nothing was imported: it holds no row at all"),
    ):
        path.write_text("\n".join(["topic,ts,value", *rows]) + "\n")
        with pytest.raises(CommandError, match=words):
            call(path, *options)
    assert not Import.objects.exists()


def test_without_ids_the_file_again_is_nothing_and_with_new_rows_it_is_these(tmp_path):
    collect_all()
    topic, path = f"t{uuid.uuid4().hex[:8]}", tmp_path / "points.csv"

    def bring(*values):
        rows = [f"{topic},{1_700_000_000_000 + int(value)},{value}" for value in values]
        path.write_text("\n".join(["topic,ts,value", *rows]) + "\n")
        return call(path)

    assert "Imported 3 points of 3 rows" in bring(1, 1, 2)
    again = bring(2, 1, 1)
    assert "3 points were skipped: as many of the same time and value had come before." in again
    assert "Imported no point" in again
    assert "Imported 2 points of 5 rows" in bring(3, 1, 2, 1, 1)
    found = queries.span(topic, 1_700_000_000_000 - MINUTE, 1_700_000_000_000 + MINUTE)
    assert (found.count, found.sum) == (5, 8)


def test_a_check_imports_nothing(file):
    assert "no bad one" in call(file, "--check")
    assert not Import.objects.exists()


def test_columns_and_topic_come_from_the_command_where_the_file_has_others(tmp_path):
    path = tmp_path / "doors.csv"
    path.write_text("at,what\n" + "".join(f"{1_700_000_000_000 + n * MINUTE},{n}\n" for n in range(5)))
    collect_all()
    call(path, "--topic", "er.doors", "--ts-column", "at", "--value-column", "")
    found = queries.span("er.doors", 1_700_000_000_000, 1_700_000_000_000 + DAY)
    assert (found.count, found.sum) == (5, 5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["/nowhere.csv"], "/nowhere.csv cannot be read: No such file"),
        (["FILE", "--topic", "er wait"], "'er wait' is not a topic"),
        (["FILE", "--ts-column", "when"], "no column 'when'"),
        (["FILE", "--ts-column", ""], "no column ''"),
        (["FILE", "--id-column", "TYPO"], "no column 'TYPO', only 'topic', .*--id-column"),
    ],
)
def test_it_says_in_one_line_what_is_wrong(file, arguments, message):
    with pytest.raises(CommandError, match=message):
        call(*(file if argument == "FILE" else argument for argument in arguments))


def test_names_of_another_encoding_stay_apart(tmp_path):
    collect_all()
    path, topic = tmp_path / "points.csv", f"t{uuid.uuid4().hex[:8]}"
    rows = "".join(f"{topic},1700000000000,1,{name}\n" for name in ("Müller", "Möller"))
    path.write_bytes(f"topic,ts,value,id\n{rows}".encode("latin-1"))
    with pytest.raises(CommandError, match="line 2 is not UTF-8"):
        call(path)
    assert "Imported 2 points of 2 rows" in call(path, "--encoding", "latin-1")
