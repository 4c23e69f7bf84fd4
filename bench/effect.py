"""Whether effects are judged honestly: simulated years, in which the true effect is known.

For each kind of year (bench/years.py) and each true effect: how often the 95 % interval covers it,
and how often the verdict is the right one. The reference is the plain comparison of the week before
with the week after, on the same years. The last rows are the time that one judgement takes, alone and
with all that it reads (bench/reading.py).
`python -m bench.effect [--cases N]` prints a smaller table with all figures.
"""

import argparse
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from bench import reading
from bench.reading import ALLOWED_MS
from bench.references import before_after
from bench.runner import Row, Sample
from bench.years import ASIDE, FIRST_H, HISTORY_H, KINDS, ZONE, simulate
from pipelines_app.core.durations import HOUR_MS
from pipelines_app.core.effect import judge, make_plan
from pipelines_app.core.hours import History

EFFECTS = (0.0, -0.2, 0.2, -0.1, -0.4)
SURE = 12.0  # per cent: the promised half-width up to which ±20 % should be seen
SEED = 9
TOGETHER = "together"


@dataclass
class Tally:
    """What was counted over the cases of a kind: of each true effect how many, covered, and each verdict."""

    cases: Counter = field(default_factory=Counter)
    covered: Counter = field(default_factory=Counter)
    verdicts: Counter = field(default_factory=Counter)
    sure: Counter = field(default_factory=Counter)
    sure_verdicts: Counter = field(default_factory=Counter)

    def add(self, truth, low, high, verdict, *, sure):
        """Counts a case; ``low`` and ``high`` as logarithms, nan where there is no interval."""
        self.cases[truth] += 1
        self.covered[truth] += low <= np.log1p(truth) <= high
        self.verdicts[truth, verdict] += 1
        self.sure[truth] += sure
        self.sure_verdicts[truth, verdict] += sure

    def update(self, other):
        """Adds another tally to this one."""
        for name, counter in vars(self).items():
            counter.update(getattr(other, name))

    def coverage(self):
        """The share of intervals that cover the true effect, in per cent, over all true effects."""
        return 100 * self.covered.total() / self.cases.total()

    def share(self, truth, verdict):
        """How often a verdict was given where the effect was this, in per cent."""
        return 100 * self.verdicts[truth, verdict] / self.cases[truth]

    def right(self):
        """How often ±20 % was seen among the cases that promised it, in per cent; nan without one."""
        seen = self.sure_verdicts[-0.2, "effective"] + self.sure_verdicts[0.2, "harmful"]
        asked = self.sure[-0.2] + self.sure[0.2]
        return 100 * seen / asked if asked else np.nan


def run(stage, *, quick):
    """A row for each kind and figure, and those for the time."""
    ours, plain, durations = measure(20 if quick else 500)
    rows = [row for kind in ours for row in make_rows(kind, ours[kind], plain[kind])]
    return [*rows, make_time_row(durations), *reading.run(stage, quick=quick)]


def measure(cases):
    """``(ours, plain, ms)``: a Tally by kind, those of the plain comparison, the times of judgements."""
    ours, plain, durations = {}, {}, []
    for number, kind in enumerate(KINDS + ASIDE):
        ours[kind], plain[kind] = Tally(), Tally()
        for case in range(cases):
            # Each year has its own numbers, so that a case can be looked at alone.
            year = simulate(kind, np.random.default_rng((SEED, number, case)))
            durations += judge_year(year, ours[kind], plain[kind])
    for tallies in (ours, plain):
        whole = Tally()
        for kind in KINDS:
            whole.update(tallies[kind])
        tallies[TOGETHER] = whole
    return ours, plain, durations


def judge_year(year, ours, plain):
    """Judges each true effect in a year, both ways; returns how long ours took, in ms."""
    fired, started = ((FIRST_H + at) * HOUR_MS for at in (year.fired, year.started))
    words = {
        "actions": [(FIRST_H + at) * HOUR_MS for at in year.actions],
        "breaches": [(FIRST_H + at) * HOUR_MS for at in year.breaches],
    }
    durations = []
    plan = make_plan(History(FIRST_H, year.sums, year.counts), fired, zone=ZONE, **words)
    sure = plan.half_width_percent <= SURE
    for truth in EFFECTS:
        sums = year.sums.copy()
        sums[year.started :] *= 1 + truth
        begun = time.perf_counter()
        effect = judge(History(FIRST_H, sums, year.counts), plan, started, **words)
        durations.append((time.perf_counter() - begun) * 1000)
        ends = (np.log1p(effect.percent_low / 100), np.log1p(effect.percent_high / 100))
        ours.add(truth, *ends, effect.verdict, sure=sure)
        ends = compare_plainly(sums, year.counts, year.started)
        plain.add(truth, *ends, before_after.find_verdict(*ends), sure=sure)
    return durations


def compare_plainly(sums, counts, started):
    """The interval of the plain comparison."""
    spans = (slice(started - 168, started), slice(started + 24, started + 192))
    hours = [(sums[span], counts[span]) for span in spans]
    return before_after.compare(*(total[count > 0] / count[count > 0] for total, count in hours))


def make_rows(kind, ours, plain):
    """The rows of a kind, ours beside the plain comparison's."""
    figures = (
        ("95 % interval covers the effect", Tally.coverage, True),
        ("none: called harmful", lambda tally: tally.share(0.0, "harmful"), False),
        ("none: called effective", lambda tally: tally.share(0.0, "effective"), False),
        (f"±20 %: seen where ≤ {SURE:.0f} % was promised", Tally.right, True),
        ("−40 %: called effective", lambda tally: tally.share(-0.4, "effective"), True),
    )
    return [
        Row(
            case=f"{kind}, {case}",
            unit="%",
            ours=Sample((figure(ours),)),
            reference=Sample((figure(plain),)),
            reference_name="before and after",
            more_is_better=more_is_better,
            note=f"{ours.cases[0.0]} years",
        )
        for case, figure, more_is_better in figures
        if not np.isnan(figure(ours))
    ]


def make_time_row(durations):
    """The row of the time of one judgement."""
    return Row(
        case=f"judging {HISTORY_H // 24} days",
        unit="ms",
        ours=Sample((statistics.median(durations),)),
        reference=Sample((ALLOWED_MS,)),
        reference_name="at most",
        more_is_better=False,
        note=f"longest of {len(durations)}: {max(durations):.1f} ms",
    )


def write_table(ours, plain):
    """All figures as Markdown, ours / the plain comparison's."""
    heads = ["covers", "0: harmful", "0: effective", "−10: effective", "−20: effective", "+20: harmful"]
    heads += ["−40: effective", f"±20 seen where ≤ {SURE:.0f} % was promised", "so many"]
    lines = [f"| year | {' | '.join(heads)} |", "|---|" + "---:|" * len(heads)]
    for kind in ours:
        pairs = [
            (tally.coverage(),)
            + tuple(
                tally.share(*what)
                for what in (
                    (0.0, "harmful"),
                    (0.0, "effective"),
                    (-0.1, "effective"),
                    (-0.2, "effective"),
                    (0.2, "harmful"),
                    (-0.4, "effective"),
                )
            )
            + (tally.right(), 100 * tally.sure[0.0] / tally.cases[0.0])
            for tally in (ours[kind], plain[kind])
        ]
        cells = [f"{left:.1f} / {right:.1f}" for left, right in zip(*pairs, strict=True)]
        cells[-1] = f"{pairs[0][-1]:.0f}"
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main():
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.effect", description=__doc__)
    parser.add_argument("--cases", type=int, default=500, help="years of each kind (default: %(default)s)")
    cases = parser.parse_args().cases
    begun = time.perf_counter()
    ours, plain, durations = measure(cases)
    print(f"{cases} years of each kind, in per cent, ours / before and after\n\n{write_table(ours, plain)}\n")
    row = make_time_row(durations)
    print(f"{row.case}: {row.ours.median:.2f} ms, {row.note}; all in {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
