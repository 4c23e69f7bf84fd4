"""The unit for systemd and the Procfile start what is there, with options that it takes."""

import configparser
import shlex
import shutil
import subprocess

import pytest
from django.core.management import get_commands, load_command_class

from tests.demos import ROOT

UNIT = ROOT / "deploy" / "hms-gov.service"


def read_unit():
    """The sections of the unit; of what stands twice the last."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(UNIT)
    return unit


def list_command_lines():
    """All that either of them starts, without the interpreter."""
    service = read_unit()["Service"]
    yield shlex.split(service["ExecStartPre"])[1:]
    yield shlex.split(service["ExecStart"])[1:]
    for line in (ROOT / "Procfile").read_text().splitlines():
        yield shlex.split(line.partition(":")[2].replace("$PORT", "8000"))[1:]


@pytest.mark.parametrize("words", list(list_command_lines()), ids=" ".join)
def test_what_is_started_is_a_command_that_takes_its_options(words):
    assert words[0] == "manage.py"
    command = load_command_class(get_commands()[words[1]], words[1])
    command.create_parser("manage.py", words[1]).parse_args(words[2:])


def test_the_unit_reloads_by_what_the_supervisor_hears_and_lets_it_end_its_parts():
    service = read_unit()["Service"]
    assert service["ExecReload"].endswith("kill -HUP $MAINPID")
    assert (service["Type"], service["KillMode"]) == ("notify", "mixed")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_understands_the_unit(tmp_path):
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/hms-gov/.venv/bin/python", shutil.which("true")))
    done = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True)
    assert "Unknown" not in done.stderr and "Invalid" not in done.stderr, done.stderr
