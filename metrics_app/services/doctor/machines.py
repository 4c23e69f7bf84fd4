"""Beats, clocks and disks."""

import shutil
import socket
from pathlib import Path
from urllib.parse import urlsplit

from django.db import connection
from redis.exceptions import ResponseError

from metrics_app import clock, conf
from metrics_app.connection import get_redis, guard
from metrics_app.core.durations import SECOND_MS
from metrics_app.services.beats import read_beats
from metrics_app.services.doctor.findings import NOTE, TODO, Finding
from metrics_app.services.health import as_text

LEAST_FREE, LEAST_SHARE = 1e9, 0.1  # bytes, share of a disk: below both somebody must act
LOOPBACK = {None, "localhost", "127.0.0.1", "::1"}


def judge_beats():
    """Whether several beats ask for the same work. BusUnavailable."""
    beats = read_beats()
    if len(beats) < 2:
        return []
    message = f"{len(beats)} beats ask for work: {', '.join(sorted(beats))} (within the last minute)."
    todo = "Two are harmless, and one takes over for the other; stop those that nobody meant to run."
    return [Finding(NOTE, "beat", message, todo)]


def judge_clocks():
    """Machines whose clock is a second and more away from Redis', this one first. BusUnavailable."""
    skews = clock.read_skews()
    skews[socket.gethostname()] = clock.measure_skew()
    findings = []
    for host, skew in sorted(skews.items()):
        if abs(skew) < clock.TOLD:
            continue
        most = conf.get("MAX_FUTURE") * SECOND_MS
        level = TODO if abs(skew) > most else NOTE
        away = f"{abs(skew) / SECOND_MS:.1f} s {'ahead of' if skew > 0 else 'behind'} Redis'"
        message = f"The clock of {host} is {away}."
        findings.append(
            Finding(level, "clocks", message, "Let chrony or systemd-timesyncd keep it and that of Redis.")
        )
    return findings


def judge_disks():
    """Disks of this machine that are nearly full: of SQLite, and of a Redis that runs here."""
    findings, seen = [], set()
    for name, path in list_places():
        usage, device = shutil.disk_usage(path), path.stat().st_dev
        if device in seen or usage.free > min(LEAST_FREE, LEAST_SHARE * usage.total):
            continue
        seen.add(device)
        message = f"The disk of {name} ({path}) has {usage.free / 1e6:,.0f} MB left."
        todo = "Make room: MINUTES_DAYS keeps less of history, and old backups belong elsewhere."
        findings.append(Finding(TODO, "disk", message, todo))
    return findings


def list_places():
    """``[(what, directory), …]`` of what this machine can see."""
    places = []
    if connection.vendor == "sqlite":
        places.append(("SQLite", Path(connection.settings_dict["NAME"]).resolve().parent))
    if urlsplit(conf.get("REDIS_URL")).hostname in LOOPBACK and (directory := read_directory()):
        places.append(("Redis", Path(directory)))
    return [(name, path) for name, path in places if path.is_dir()]


@guard()
def read_directory():
    """Where Redis writes; "" where it does not tell."""
    try:
        found = get_redis().config_get("dir")
    except ResponseError:
        return ""
    return as_text(next(iter(found.values()), ""))
