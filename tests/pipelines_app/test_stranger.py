"""The app alone, in a project that has never heard of metrics."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_it_works_alone_in_a_strangers_project(tmp_path):
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "tests.pipelines_app.stranger.settings",
        "STRANGER_DB": str(tmp_path / "db.sqlite3"),
    }
    story = [sys.executable, "-W", "error::DeprecationWarning", "-m", "tests.pipelines_app.stranger.story"]
    result = subprocess.run(story, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "2 entries, nothing was edited" in result.stdout
