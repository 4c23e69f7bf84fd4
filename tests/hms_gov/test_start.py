"""What a process that has no pages loads before it works: each module is time in which nobody judges."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = (
    "hms_gov.urls",
    "metrics_app.api.urls",
    "metrics_app.pages.tiles",
    "metrics_app.admin.kpis",
    "pipelines_app.admin.proposals",
    "django_celery_beat.admin",
    "drf_spectacular.views",
    "pyarrow",
    "twisted",
)
# A worker or beat, then what a collector asks besides; at last the whole check of the admin.
LOAD = """
import json, sys
from hms_gov.celery import app
app.loader.init_worker()
import celery.apps.beat, celery.apps.worker, hms_gov.beat
from metrics_app.management.commands.collect import Command
Command().check(tags=Command.requires_system_checks)
loaded = [name for name in sys.argv[1:] if name in sys.modules]
from django.core.checks import run_checks
faults = run_checks(tags=["admin"])
print(json.dumps([loaded, list(map(str, faults)), "metrics_app.admin.kpis" in sys.modules, len(app.tasks)]))
"""


def test_workers_beat_and_collector_load_no_pages_and_the_check_of_the_admin_loads_its_own(tmp_path):
    environment = os.environ | {"HMS_DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "hms_gov.settings"}
    command = [sys.executable, "-c", LOAD, *PAGES]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    loaded, faults, is_checked, tasks = json.loads(done.stdout.splitlines()[-1])
    assert (loaded, faults, is_checked) == ([], [], True) and tasks > 10


def test_the_collector_begins_with_no_settings_that_cannot_be(settings):
    settings.METRICS_APP = {**settings.METRICS_APP, "SHARD": 4}
    with pytest.raises(SystemCheckError, match="METRICS_APP has no key 'SHARD'"):
        call_command("collect", skip_checks=False)
    assert run_checks(tags=["metrics_app"])
