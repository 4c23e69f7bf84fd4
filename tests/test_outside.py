"""The stranger's test: one of each that can be added, from a package that is not ours."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUTSIDE = ROOT / "tests" / "outside"


def run(tmp_path, redis_url, *command):
    """A command in the city's project, with a database and a city hall of its own."""
    (tmp_path / "hall").mkdir(exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{OUTSIDE}{os.pathsep}{ROOT}",
        "DJANGO_SETTINGS_MODULE": "city.settings",
        "HMS_DATA_DIR": str(tmp_path / "data"),
        "REDIS_URL": redis_url,
        "REDIS_PREFIX": tmp_path.name,
        "CITY_HALL": str(tmp_path / "hall"),
    }
    return subprocess.run(
        [sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )


def test_a_package_outside_adds_one_of_each_without_touching_a_file_of_ours(tmp_path, redis_url):
    done = run(tmp_path, redis_url, str(OUTSIDE / "story.py"))
    assert done.returncode == 0, done.stderr
    assert "the city was told" in done.stdout


def test_the_check_names_the_part_that_is_not_there(tmp_path, redis_url):
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "from city.settings import *\n"
        "METRICS_APP['WIRE_FORMATS'] = {'text/csv': 'city.lines.decoed'}\n"
        "METRICS_APP['AGGREGATES'] = ['city.trimming.trim']\n"
        "METRICS_APP['RECEIVER_KINDS'] = ['city.siren.carry']\n"
        "METRICS_APP['BREACH_HANDLERS'] = ['city.legder.enter']\n"
        "PIPELINES_APP['ACTIONS'] = {'hire_agents': 'city.agency.fire'}\n"
    )
    done = run(
        tmp_path, redis_url, str(ROOT / "manage.py"), "check", "--settings=wrong", f"--pythonpath={tmp_path}"
    )
    assert done.returncode == 1
    for name in (
        "city.lines.decoed",
        "city.trimming.trim",
        "city.siren.carry",
        "city.legder.enter",
        "city.agency.fire",
    ):
        assert name in done.stderr
