"""compose.yaml and the Dockerfile say what the project can do."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, call_command, get_commands

from metrics_app.connection import get_redis
from metrics_app.queries.worked import name_hash
from metrics_app.services.health import read_parts

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
FIXED = {
    "HMS_DATA_DIR": "the image sets it",
    "DEBUG": "never where others can reach it",
    "CHANNEL_REDIS_URL": "the one Redis of this file serves all three",
    "CELERY_BROKER_URL": "the same",
    "REDIS_PREFIX": "nobody else uses that Redis",
    "TEST_SQLITE": "tests only",
}


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


def list_ours(compose):
    """The services that run this project."""
    return {name: fields for name, fields in compose["services"].items() if "build" in fields}


def test_it_has_a_service_for_each_part(compose):
    assert {"metrics", "beat", "ai", "dashboard", "redis", "db"} <= set(compose["services"])


def test_every_lasting_service_has_a_health_check_and_comes_back(compose):
    for name, fields in compose["services"].items():
        if name != "migrate":
            assert fields["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL"), name
            assert fields["restart"] == "unless-stopped", name


def test_it_migrates_before_anything_of_ours_runs(compose):
    for name, fields in list_ours(compose).items():
        if name != "migrate":
            assert fields["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
            assert fields["depends_on"]["redis"]["condition"] == "service_healthy"


def test_it_waits_only_for_services_that_exist(compose):
    for fields in compose["services"].values():
        assert set(fields.get("depends_on", {})) <= set(compose["services"])


def test_it_sets_only_what_the_settings_read(compose):
    read = set(re.findall(r'env\.\w+\("(\w+)"', (ROOT / "hms_gov/settings.py").read_text()))
    read.add("DATABASE_URL")
    for fields in list_ours(compose).values():
        assert set(fields["environment"]) <= read


def test_every_variable_of_the_settings_can_be_set_or_has_a_reason_not_to(compose):
    read = set(re.findall(r'env\.\w+\(\s*"(\w+)"', (ROOT / "hms_gov/settings.py").read_text()))
    missing = read - set(compose["x-app"]["environment"])
    assert missing == FIXED.keys(), missing ^ FIXED.keys()


def test_it_runs_commands_that_exist(compose):
    for fields in list_ours(compose).values():
        words = shlex.split(fields.get("command", "uvicorn"))
        assert words[0] in ("python", "celery", "uvicorn")
        if words[0] == "python":
            assert words[2] in get_commands()


@pytest.mark.django_db
def test_its_health_checks_see_a_part_that_does_not_work(compose):
    """Each by what comes of its work: a worker whose beat is dead still answers pings."""
    parts, asked = read_parts(), {}
    for name, fields in list_ours(compose).items():
        if name in ("migrate", "dashboard"):
            continue
        words = fields["healthcheck"]["test"]
        assert words[1:4] == ["python", "manage.py", "check_ready"]
        asked[name] = set(words[4:])
        with pytest.raises(CommandError, match="worked|run"):
            get_redis().delete(name_hash())
            call_command("check_ready", *words[4:])
    assert asked["beat"] >= {"evaluator"} and set.union(*asked.values()) == parts.keys() - {
        "database",
        "redis",
        "audit",
    }


def test_it_keeps_every_acknowledged_point(compose):
    command = compose["services"]["redis"]["command"]
    assert "--appendfsync always" in command
    assert "--maxmemory-policy noeviction" in command


def test_it_mounts_only_volumes_it_declares(compose):
    for fields in compose["services"].values():
        for volume in fields.get("volumes", []):
            assert volume.split(":")[0] in compose["volumes"]


def test_the_image_does_not_run_as_root():
    last = DOCKERFILE.rpartition("FROM ")[2]
    assert re.search(r"^USER hms$", last, re.MULTILINE)


def test_the_image_copies_files_that_exist():
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
