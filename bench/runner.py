"""Measures ours and its reference in turn, in the same run, and sets them side by side."""

import json
import os
import platform
import statistics
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

PACKAGES = (
    "Django",
    "channels",
    "channels_redis",
    "daphne",
    "uvicorn",
    "uvloop",
    "redis",
    "hiredis",
    "numpy",
)


@dataclass(frozen=True)
class Sample:
    """The rounds of one measurement, in the unit of its row."""

    rounds: tuple

    @property
    def median(self):
        """The middle round: what the tables show."""
        return statistics.median(self.rounds)

    @property
    def noise(self):
        """Half the distance between the best and the worst round, as a share of the median."""
        return (max(self.rounds) - min(self.rounds)) / 2 / self.median if self.median else 0.0


@dataclass(frozen=True)
class Row:
    """One line of the table: ours, the reference and how many times better ours is."""

    case: str
    unit: str
    ours: Sample
    reference: Sample
    reference_name: str
    more_is_better: bool = True
    note: str = ""

    @property
    def ratio(self):
        """How many times better ours is; 0 when one of the two could not be measured."""
        above, below = self.ours.median, self.reference.median
        if not self.more_is_better:
            above, below = below, above
        return above / below if below else 0.0


def compare(*, ours, reference, rounds, first="ours", **words):
    """A ``Row`` from two functions that return one number each, called in turn ``rounds`` times.

    In turn, so that what else the machine does weighs on both alike; ``first`` says who begins.
    """
    if first == "reference":
        right, left = zip(*((reference(), ours()) for _ in range(rounds)), strict=True)
    else:
        left, right = zip(*((ours(), reference()) for _ in range(rounds)), strict=True)
    return Row(ours=Sample(left), reference=Sample(right), **words)


def describe_machine(redis_version):
    """What the figures depend on: cores, processor, versions, and how busy the machine already was."""
    names = [line.split(":", 1)[1].strip() for line in read_cpuinfo() if line.startswith("model name")]
    return {
        "cores": os.cpu_count(),
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "redis": redis_version,
        "load_before": round(os.getloadavg()[0], 2),
        "packages": {name: version(name) for name in PACKAGES},
    }


def read_cpuinfo():
    """The lines of /proc/cpuinfo; none where there is no such file."""
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def format_number(number):
    """A figure for people: three significant digits, thousands apart."""
    if number >= 100:
        return f"{number:,.0f}".replace(",", " ")
    return f"{number:.3g}"


def format_sample(sample):
    """The median and, of more than one round, the noise."""
    noise = f" ± {sample.noise:.0%}" if len(sample.rounds) > 1 else ""
    return format_number(sample.median) + noise


def write_markdown(results, machine):
    """The results as a Markdown table with the machine under it; ``results`` maps names to rows."""
    lines = [
        "| benchmark | case | unit | ours | reference | ratio | note |",
        "|---|---|---|---:|---:|---:|---|",
    ]
    for name, rows in results.items():
        for row in rows:
            cells = [
                name,
                row.case,
                row.unit,
                format_sample(row.ours),
                f"{format_sample(row.reference)} ({row.reference_name})",
                f"{row.ratio:.1f} ×" if row.ratio else "–",
                row.note,
            ]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", write_machine(machine), ""])


def write_machine(machine):
    """The machine in one paragraph."""
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    return (
        f"Machine: {machine['cores']} cores ({machine['processor']}), {machine['system']}, "
        f"Python {machine['python']}, Redis {machine['redis']}, {packages}. "
        f"Load before the run: {machine['load_before']}."
    )


def write_json(results, machine):
    """Everything measured, every round of it, as JSON text."""
    rows = {
        name: [asdict(row) | {"ratio": round(row.ratio, 2)} for row in rows] for name, rows in results.items()
    }
    return json.dumps({"machine": machine, "results": rows}, indent=2, ensure_ascii=False) + "\n"
