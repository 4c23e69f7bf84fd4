"""`manage.py wait_until_ready URL`: ends once the site answers and thresholds are judged."""

import json
import time
import urllib.error
import urllib.request

from django.core.management.base import BaseCommand, CommandError

BEHIND = 5  # seconds; what is from before a restart lies further back


def check_site(url):
    """What the site still lacks, in words, or an empty string."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as response:
            parts = json.load(response)["parts"]
    except urllib.error.HTTPError as error:
        return f"{url}/readyz answers {error.code}: {error.read(500).decode(errors='replace')}"
    except (OSError, ValueError) as error:
        return f"{url} does not answer: {error}"
    behind, age = parts["collector"]["behind_seconds"], parts["evaluator"].get("age_seconds", 0)
    if behind > BEHIND:
        return f"the collector is {behind} s behind"
    return f"nothing was judged for {age} s" if age > BEHIND else ""


class Command(BaseCommand):
    help = "Waits until the site answers, its collector runs and its thresholds are judged."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("url")
        parser.add_argument("--timeout", type=float, default=60, help="seconds (default 60)")

    def handle(self, *, url, timeout, **options):
        deadline = time.monotonic() + timeout
        while lacks := check_site(url.rstrip("/")):
            if time.monotonic() > deadline:
                raise CommandError(f"Not ready after {timeout:g} s: {lacks}")
            time.sleep(0.2)
