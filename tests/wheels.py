"""Which wheels the pins come in: ``python tests/wheels.py`` asks pip and writes ``docs/wheels.md``.

A pin without a wheel is built on the reader's machine, which fails where no compiler
is; so each is asked for once for every Python and platform, and the answer is
committed. Nothing is installed. ``tests/test_wheels.py`` reads the table, offline.
"""

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlparse

from packaging.tags import compatible_tags, cpython_tags, mac_platforms
from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs/wheels.md"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
GLIBC = 28  # 2.28: Debian 10, Ubuntu 20.04, RHEL 8 and what came after
PIN = re.compile(r"^([\w.-]+)==([^\s;]+)", re.MULTILINE)
INTRODUCTION = (
    "# Wheels of the pins\n"
    "Every pin of `requirements*.txt`, and the wheels it comes in for CPython {pythons} on each platform: "
    "nothing is ever compiled. Linux means glibc 2.28 or newer, macOS means 14 or newer. Written by "
    "`make wheels`; a test compares it with the pins. What was tried stands in [install.md](install.md).\n"
    "\n"
    "| pin | {platforms} |\n"
    "|---|{rules}|\n"
)


def list_linux(machine):
    """The platform tags of a Linux with glibc 2.28, best first."""
    legacy = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
    for minor in range(GLIBC, 4, -1):
        yield f"manylinux_2_{minor}_{machine}"
        if minor in legacy:
            yield f"{legacy[minor]}_{machine}"
    yield f"linux_{machine}"


PLATFORMS = {
    "Linux x86-64": tuple(list_linux("x86_64")),
    "Linux arm64": tuple(list_linux("aarch64")),
    "macOS arm64": tuple(mac_platforms((14, 0), "arm64")),
}


def read_pins():
    """All pins of all requirement files: {canonical name: version}."""
    texts = [path.read_text() for path in sorted(ROOT.glob("requirements*.txt"))]
    return {canonicalize_name(name): version for text in texts for name, version in PIN.findall(text)}


def list_tags(python, platform):
    """The set of tags that a Python on a platform takes."""
    version = tuple(int(part) for part in python.split("."))
    interpreter, platforms = f"cp{version[0]}{version[1]}", PLATFORMS[platform]
    return {
        *cpython_tags(version, platforms=platforms),
        *compatible_tags(version, interpreter, platforms),
    }


def ask_pip(python, platform):
    """The wheels that pip would take there: {pin: file name}; ends with pip's words where one has none."""
    files = [part for path in sorted(ROOT.glob("requirements*.txt")) for part in ("-r", str(path))]
    platforms = [part for tag in PLATFORMS[platform] for part in ("--platform", tag)]
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps",
        "--only-binary", ":all:", "--python-version", python, *platforms, "--report", "-", *files,
    ]  # fmt: skip
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"Not every pin has a wheel for Python {python} on {platform}: see above.")
    items = json.loads(done.stdout)["install"]
    names = [urlparse(item["download_info"]["url"]).path.rpartition("/")[2] for item in items]
    return {name_pin(name): name for name in names}


def name_pin(file_name):
    """The pin of a wheel: ``name==version``."""
    name, version, _, _ = parse_wheel_filename(file_name)
    return f"{name}=={version}"


def write_table(answers):
    """Writes the table; ``answers`` maps (python, platform) to what pip said there."""
    pins = sorted({pin for found in answers.values() for pin in found})
    rows = []
    for pin in pins:
        cells = []
        for platform in PLATFORMS:
            names = {answers[python, platform][pin]: None for python in PYTHONS}
            cells.append(" ".join(f"`{'-'.join(name[:-4].split('-')[-3:])}`" for name in names))
        rows.append(f"| {pin} | {' | '.join(cells)} |")
    head = INTRODUCTION.format(
        pythons=f"{', '.join(PYTHONS[:-1])} and {PYTHONS[-1]}",
        platforms=" | ".join(PLATFORMS),
        rules="|".join("---" for _ in PLATFORMS),
    )
    TABLE.write_text(head + "\n".join(rows) + "\n")


if __name__ == "__main__":
    places = itertools.product(PYTHONS, PLATFORMS)
    write_table({place: ask_pip(*place) for place in places})
