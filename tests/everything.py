"""Tests that start what tests start, say so, and wait: ``test_orphans.py`` runs them and kills the run."""

import os
import shutil
import signal
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.demos import RunningDemo
from tests.metrics_app.streams.servers import Server
from tests.postgres import start_postgres

FLAGS = ["--no-sandbox", "--disable-gpu"]


def wait_to_be_killed():
    """Says that all is running."""
    Path(os.environ["ORPHANS_READY"]).touch()
    signal.pause()


@pytest.mark.django_db(transaction=True)
def test_with_servers(redis_url):
    Server("daphne"), Server("uvicorn")
    with start_postgres():
        wait_to_be_killed()


def test_with_a_demo_and_a_browser(tmp_path):
    with RunningDemo(tmp_path / "data", "--port", "0", "--no-traffic"), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        browser.new_page()
        wait_to_be_killed()
