"""`manage.py wait_until_ready URL`: ends once the site answers and thresholds are judged."""

import json
import time
import urllib.error
import urllib.request

from celery.exceptions import CeleryError
from django.core.management.base import BaseCommand, CommandError
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from hms_gov.celery import app

WATCH = "metrics_app.tasks."
BEHIND = 5  # seconds; a mark from before a restart lies further back


def check_site(url):
    """What the site still lacks, in words, or an empty string."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as response:
            parts = json.load(response)["parts"]
    except urllib.error.HTTPError as error:
        return f"{url}/readyz answers {error.code}: {error.read(500).decode(errors='replace')}"
    except (OSError, ValueError) as error:
        return f"{url} does not answer: {error}"
    behind = parts["collector"]["behind_seconds"]
    return f"the collector is {behind} s behind" if behind > BEHIND else ""


def check_watch():
    """What the evaluation of thresholds still lacks, in words, or an empty string."""
    try:
        workers = app.control.inspect(timeout=1).stats() or {}
    except (CeleryError, KombuError, RedisError, OSError) as error:
        return f"the workers cannot be asked: {error}"
    done = [task for stats in workers.values() for task in stats["total"] if task.startswith(WATCH)]
    return "" if done else f"no threshold is judged yet; workers: {', '.join(workers) or 'none'}"


class Command(BaseCommand):
    help = "Waits until the site answers, its collector runs and its thresholds are judged."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("url")
        parser.add_argument("--timeout", type=float, default=60, help="seconds (default 60)")

    def handle(self, *, url, timeout, **options):
        deadline = time.monotonic() + timeout
        while lacks := check_site(url.rstrip("/")) or check_watch():
            if time.monotonic() > deadline:
                raise CommandError(f"Not ready after {timeout:g} s: {lacks}")
            time.sleep(0.2)
