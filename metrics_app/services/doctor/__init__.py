"""What ails the site, in words, and what to do about each: for ``manage.py doctor``.

Nothing is measured here that another module knows: parts are those of ``/readyz``, receivers those of
``/metrics``. What cannot be asked is a finding too, and keeps nobody from telling the rest.
"""

import logging

from django.db import DatabaseError

from metrics_app.exceptions import BusUnavailable
from metrics_app.services.doctor import machines, parts, records, store
from metrics_app.services.doctor.findings import NOTE, TODO, Finding
from metrics_app.services.health import read_parts

__all__ = ["NOTE", "TODO", "Finding", "examine", "read_lags"]

logger = logging.getLogger(__name__)


def examine():
    """``[Finding, …]``, what must be done first."""
    found = read_parts()
    findings = parts.judge_parts(found)
    if found["redis"]["ok"]:
        findings += ask(parts.judge_shards, store.judge_store, machines.judge_beats, machines.judge_clocks)
    if found["database"]["ok"]:
        findings += ask(machines.judge_disks, records.judge_migrations, records.judge_receivers)
        findings += ask(records.judge_keys, records.judge_kpis)
    return sorted(findings, key=lambda finding: finding.level != TODO)


def read_lags():
    """``{shard: seconds}`` that each lies behind (None: never collected); None while Redis is away."""
    try:
        return parts.read_lags()
    except BusUnavailable:
        return None


def ask(*questions):
    """What some answer; one whose server has gone meanwhile, or that it refuses, is a finding itself."""
    findings = []
    for question in questions:
        try:
            findings += question()
        except (BusUnavailable, DatabaseError) as error:
            logger.error("%s could not be asked: %s", question.__name__, error)
            told = question.__name__.removeprefix("judge_")
            findings.append(
                Finding(TODO, told, f"The {told} could not be asked.", "Read the log, and try again.")
            )
    return findings
