"""The command line: runs the benchmarks named, or all, and prints and writes the table."""

import argparse
import importlib
import signal
import sys
from pathlib import Path

import django
from django.core.management import call_command

from bench import runner
from bench.stage import ROOT, Stage

NAMES = ("emit", "ingest", "names", "collect", "mean", "memory", "sockets", "steady", "thresholds", "effect")


def parse_arguments(words=None):
    """The command line as a namespace."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; none: all")
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes, rougher figures")
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        default=ROOT / "build" / "bench.json",
        help="where every round is written; the table goes beside it as .md (default: %(default)s)",
    )
    arguments = parser.parse_args(words)
    if unknown := set(arguments.names) - set(NAMES):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}: choose from {', '.join(NAMES)}")
    return arguments


def run_benchmarks(names, *, quick):
    """Runs each on one stage; returns the rows by benchmark and the machine."""
    stage = Stage()
    try:
        machine = runner.describe_machine(stage.redis.info("server")["redis_version"])
        stage.set_environment()
        django.setup()
        call_command("migrate", verbosity=0)
        results = {}
        for name in names:
            stage.clear()
            print(f"{name} …", flush=True)
            # By its name and not on top: the benchmarks need the settings made just above.
            results[name] = importlib.import_module(f"bench.{name}").run(stage, quick=quick)
            print(runner.write_markdown({name: results[name]}, machine).partition("\n\n")[0], flush=True)
        return results, machine
    finally:
        stage.close()


def main(words=None):
    """Runs, prints the whole table and writes both files."""
    arguments = parse_arguments(words)
    # As an exception, so that every server started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    results, machine = run_benchmarks(arguments.names or NAMES, quick=arguments.quick)
    table = runner.write_markdown(results, machine)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(runner.write_json(results, machine))
    arguments.json.with_suffix(".md").write_text(table)
    print(f"\n{table}\nWritten to {arguments.json} and its .md")


if __name__ == "__main__":
    main()
