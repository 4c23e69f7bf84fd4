"""What one judgement costs with all that it reads: 400 days of hours in a database, in milliseconds.

The errand of measuring, up to the effect that it would store, in a process of its own (bench/judge.py).
The reference reads the same rows into pandas and fits the same moments by statsmodels.
"""

import os
import statistics
import subprocess
import sys
from dataclasses import replace

from bench.runner import compare
from bench.stage import ROOT
from bench.thresholds import open_database
from hms_gov.ties import Tied

ALLOWED_MS = 50.0


class Judge:
    """A process with a year on a database; a line to it is one judgement."""

    def __init__(self, url):
        self.process = Tied(
            [sys.executable, "-m", "bench.judge"],
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": url},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        told = self.process.stdout.readline().split()
        if told[:1] != ["ready"]:
            raise RuntimeError("the judge ended before it was ready")
        self.hours, self.worked = int(told[1]), []
        # What is read once per process is not what each judgement costs.
        for name in ("ours", "reference"):
            self.measure(name)
        self.worked.clear()

    def measure(self, name):
        """Milliseconds of one judgement; ``worked`` keeps those of our processor time."""
        self.process.stdin.write(f"{name}\n")
        self.process.stdin.flush()
        wall, worked = map(float, self.process.stdout.readline().split())
        if name == "ours":
            self.worked.append(worked)
        return wall

    def close(self):
        """Ends it."""
        self.process.stdin.close()
        self.process.wait()


def run(stage, *, quick):
    """A row for each database."""
    return [run_database(stage, name, 3 if quick else 31) for name in ("SQLite", "PostgreSQL")]


def run_database(stage, name, rounds):
    """The row of one database."""
    stage.clear()
    with open_database(stage, name, file="effect") as url:
        judge = Judge(url)
        try:
            row = compare(
                ours=lambda: judge.measure("ours"),
                reference=lambda: judge.measure("reference"),
                rounds=rounds,
                case=f"reading and judging 400 days, {name}",
                unit="ms",
                reference_name="pandas and statsmodels",
                more_is_better=False,
            )
        finally:
            judge.close()
    told = (
        f"at most {ALLOWED_MS:.0f}; {judge.hours} hours; processor {statistics.median(judge.worked):.0f} ms"
    )
    return replace(row, note=told)
