"""`python -m bench --quick` runs on real parts and leaves its figures behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def quick_run(tmp_path_factory):
    """A quick run of the benchmarks that take seconds: (its temporary folder, its output, its files)."""
    passing, path = tmp_path_factory.mktemp("passing"), tmp_path_factory.mktemp("bench") / "figures.json"
    names = ("emit", "names", "mean", "memory")
    command = [sys.executable, "-m", "bench", *names, "--quick", "--json", str(path)]
    environment = os.environ | {"TMPDIR": str(passing)}
    process = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert process.returncode == 0, process.stdout + process.stderr
    return passing, process.stdout, json.loads(path.read_text()), path.with_suffix(".md").read_text()


def test_it_measures_each_beside_a_reference_in_the_same_run(quick_run):
    _, _, figures, _ = quick_run
    rows = [row for rows in figures["results"].values() for row in rows]
    assert list(figures["results"]) == ["emit", "names", "mean", "memory"]
    assert [row for row in rows if min(*row["ours"]["rounds"], *row["reference"]["rounds"], 1) <= 0] == []


def test_it_beats_what_it_is_held_against_even_on_few_points(quick_run):
    _, _, figures, _ = quick_run
    memory = figures["results"]["memory"]
    emit = figures["results"]["emit"][0]
    assert all(row["note"] == "none lost" for row in memory)
    assert emit["ratio"] > 5 and emit["note"].startswith("0 dropped")


def test_it_says_on_which_machine(quick_run):
    _, output, figures, table = quick_run
    assert figures["machine"]["cores"] and figures["machine"]["redis"]
    assert "Machine: " in table and table in output


def test_it_leaves_no_server_and_no_directory_behind(quick_run):
    passing, *_ = quick_run
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(str(passing).encode() in command for command in commands)
    assert not list(passing.iterdir())


def test_it_names_the_benchmarks_when_asked_for_another():
    process = subprocess.run(
        [sys.executable, "-m", "bench", "speed"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert process.returncode == 2
    names = "emit, ingest, names, collect, mean, memory, sockets, steady, thresholds, effect"
    assert f"no benchmark speed: choose from {names}" in process.stderr
