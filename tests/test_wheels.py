"""docs/wheels.md: nothing that is pinned is ever compiled, on any Python and platform that is promised."""

import re

import pytest
from packaging.tags import parse_tag

from tests.wheels import PLATFORMS, PYTHONS, ROOT, TABLE, list_tags, read_pins


def read_table():
    """The table as {name: (version, {platform: set of tags})}."""
    rows = re.findall(r"^\| ([\w.-]+)==(\S+) \| (.+) \|$", TABLE.read_text(), re.MULTILINE)
    found = {}
    for name, version, cells in rows:
        tags = [
            {tag for text in re.findall(r"`([^`]+)`", cell) for tag in parse_tag(text)}
            for cell in cells.split("|")
        ]
        found[name] = (version, dict(zip(PLATFORMS, tags, strict=True)))
    return found


def test_the_table_is_of_the_current_pins():
    listed = {name: version for name, (version, _) in read_table().items()}
    assert listed == read_pins(), "the pins have changed: run `make wheels`"


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_every_pin_has_a_wheel(python, platform):
    taken = list_tags(python, platform)
    without = [name for name, (_, wheels) in read_table().items() if not wheels[platform] & taken]
    assert without == []


def test_every_line_of_the_requirements_is_a_pin():
    for path in ROOT.glob("requirements*.txt"):
        lines = [line for line in path.read_text().splitlines() if line and not line.startswith(("#", "-r"))]
        assert [line for line in lines if not re.match(r"[\w.-]+==[\w.]+( ;.*)?$", line)] == []


def test_the_pythons_are_those_of_the_readme_and_the_makefile():
    assert f"Python {PYTHONS[0]} to {PYTHONS[-1]}" in (ROOT / "README.md").read_text()
    choice = re.search(r"for p in (.*?); do", (ROOT / "Makefile").read_text(), re.DOTALL)[1]
    assert {f"python{version}" for version in PYTHONS} <= set(choice.split())
