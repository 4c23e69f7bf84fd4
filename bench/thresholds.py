"""10,000 thresholds that are due at once: milliseconds of the tick that judges them all.

Each asks "mean over 30 minutes above 10" of a KPI of its own, and one in a hundred is
beyond. The reference is Prometheus with as many rules `avg_over_time(m[30m]) > 10`, on the
same machine in the same run; where its package is missing the row says so. The last row is
a year of backtest at one-minute steps, beside stepping every slot.
"""

import os
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np

from bench.references import prometheus
from bench.runner import Row, Sample, compare
from bench.stage import ROOT
from bench.tick import BEYOND
from hms_gov.ties import Tied
from metrics_app.core.backtest import backtest
from metrics_app.core.durations import DAY_MS
from metrics_app.core.seen import see
from metrics_app.core.watch import Rule, State, step
from metrics_app.core.windows import list_slots, make_pieces, view_windows
from tests.postgres import start_postgres

RULE = Rule("mean", 1_800, "gt", 172_800, pending_for=600, keep_firing_for=600)
START = 1_735_689_600_000  # 2025-01-01
POINTS = 24_000  # of a year: as many as the complaints of a large city on one subject


class Evaluator:
    """A process with thresholds on a database; a line to it is one tick."""

    def __init__(self, size, url):
        self.process = Tied(
            [sys.executable, "-m", "bench.tick", str(size), str(size)],
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": url},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.size = size
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("the evaluator ended before it was ready")
        # Rules are read once per process; what is measured is what each minute costs after that.
        self.measure()

    def measure(self):
        """Milliseconds of one tick that judges every threshold."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        duration, advanced = self.process.stdout.readline().split()
        if int(advanced) != self.size:
            raise RuntimeError(f"{advanced} of {self.size} thresholds were judged")
        return float(duration)

    def close(self):
        """Ends it."""
        self.process.stdin.close()
        self.process.wait()


def run(stage, *, quick):
    """A row for each database, and one for the backtest."""
    size, rounds = (1_000, 2) if quick else (10_000, 7)
    beside = None
    if prometheus.is_installed():
        beside = prometheus.Prometheus(stage.directory / "prometheus", size, size, BEYOND)
    try:
        rows = [run_database(stage, name, size, rounds, beside) for name in ("SQLite", "PostgreSQL")]
    finally:
        if beside:
            beside.close()
    return [*rows, run_backtest(rounds, days=30 if quick else 365)]


@contextmanager
def open_database(stage, name, *, file="thresholds"):
    """The address of a fresh database."""
    if name == "SQLite":
        yield f"sqlite:///{stage.directory / file}.sqlite3"
        return
    with start_postgres(durable=True) as server:
        yield server.name_url()


def run_database(stage, name, size, rounds, beside):
    """The row of one database."""
    stage.clear()
    words = {
        "case": f"{size:,} due at once".replace(",", " ") + f", {name}",
        "unit": "ms",
        "reference_name": "Prometheus" if beside else "Prometheus is not installed",
        "more_is_better": False,
    }
    with open_database(stage, name) as url:
        evaluator = Evaluator(size, url)
        try:
            if beside:
                # In turn: it evaluates first, and rests while ours does.
                return compare(
                    reference=beside.measure,
                    ours=evaluator.measure,
                    rounds=rounds,
                    first="reference",
                    **words,
                )
            ours = Sample(tuple(evaluator.measure() for _ in range(rounds)))
            return Row(ours=ours, reference=Sample((0.0,)), **words)
        finally:
            evaluator.close()


def run_backtest(rounds, days):
    """The row of the backtest; both must find the same breaches."""
    rng = np.random.default_rng(5)
    ts = START + np.sort(rng.integers(0, days * DAY_MS, POINTS * days // 365))
    pieces = make_pieces(ts, rng.exponential(RULE.limit, len(ts)))
    if backtest(RULE, pieces).state != step_each(pieces):
        raise RuntimeError("the backtest and its reference end in different states")
    return compare(
        ours=lambda: time_call(lambda: backtest(RULE, pieces)),
        reference=lambda: time_call(lambda: step_each(pieces)),
        rounds=rounds,
        case=f"backtest of {days} days at 60 s",
        unit="ms",
        reference_name="every slot stepped",
        more_is_better=False,
    )


def step_each(pieces):
    """The state after every slot, each stepped by itself."""
    slots = list_slots(pieces, RULE.interval, RULE.window)
    seen = see(RULE, slots, view_windows(pieces, slots, RULE.aggregate, RULE.window))
    state = State()
    for at, slot in enumerate(slots.tolist()):
        state, _ = step(state, RULE, seen.observe(at), slot)
    return state


def time_call(call):
    """Milliseconds of one call."""
    begun = time.perf_counter()
    call()
    return (time.perf_counter() - begun) * 1000
