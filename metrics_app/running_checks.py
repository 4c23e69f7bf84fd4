"""What `manage.py check` says of what is not running: Redis, the collector, beat and the workers."""

import sys

from metrics_app import conf
from metrics_app.connection import tell_address
from metrics_app.services import ages
from metrics_app.services.health import check_collector, check_redis, read_ages
from metrics_app.setup_checks import warn

# What has to run, as `/readyz` names it -> how it is started.
WORKERS = "celery -A … worker -B -Q watch,slow"
STARTED = {
    "collector": "manage.py collect",
    ages.EVALUATOR: WORKERS,
    ages.ARCHIVER: WORKERS,
    ages.NOTICES: WORKERS,
}


def check_running(app_configs, **kwargs):
    """Warnings of what does not answer, or was not seen at work.

    Of `manage.py check` alone: every other command, with which nothing may run yet, would wait for Redis.
    """
    if sys.argv[1:2] != ["check"] or not conf.get("REDIS_URL"):
        return []
    if not check_redis()["ok"]:
        hint = "Start it, or set METRICS_APP REDIS_URL."
        return [warn(4, f"No Redis answers at {tell_address()}: no point is taken.", hint)]
    return [
        warn(5, f"The {part} {message}.", f"Start `{STARTED[part]}`; `manage.py doctor` says more.")
        for part, message in find_idle().items()
    ]


def find_idle():
    """``{part: why}`` of each that should run beside the pages and was not seen at work."""
    worked = read_ages()
    parts = {"collector": check_collector()}
    parts |= {part: ages.describe_age(part, worked) for part in STARTED if part in ages.BOUNDS}
    return {
        part: found.get("message", f"is {found.get('behind_seconds', 0):.0f} s behind")
        for part, found in parts.items()
        if not found["ok"]
    }
