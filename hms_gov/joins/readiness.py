"""What ``/readyz`` tells of proposals, beside the parts of ``metrics_app``."""

from django.db import DEFAULT_DB_ALIAS

from metrics_app.services.ages import Bound, describe_age
from metrics_app.services.health import read_ages
from pipelines_app.services.errands import read_errand_health
from pipelines_app.services.errands.drain import PART as ERRANDS
from pipelines_app.services.verify import read_head

# An action, or a mail server, that does not answer holds an errand up for half a minute.
BOUND = Bound(180, "beat and the worker of the queue slow")


def list_parts():
    """``{part: {"ok": bool, …}}``: how long the oldest errand is due, when one was last looked for, and
    the head of the chain.

    Whoever keeps that has what ``verify_audit --head`` compares with. Only the last row is read.
    """
    health = read_errand_health()
    part = {"overdue_seconds": round(health.overdue, 3)} | describe_age(ERRANDS, read_ages(), BOUND)
    _, head = read_head(DEFAULT_DB_ALIAS)
    return {
        ERRANDS: part | ({"warning": health.warning} if health.warning else {}),
        "audit": {"ok": True, "head": head},
    }
