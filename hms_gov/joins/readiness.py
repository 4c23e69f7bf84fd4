"""What ``/readyz`` tells of proposals, beside the parts of ``metrics_app``."""

from django.db import DEFAULT_DB_ALIAS

from pipelines_app.services.errands import read_errand_health
from pipelines_app.services.verify import read_head


def list_parts():
    """``{part: {"ok": bool, …}}``: errands that wait, how long the oldest is due, the head of the chain.

    Whoever keeps that has what ``verify_audit --head`` compares with. Only the last row is read.
    """
    health = read_errand_health()
    part = {"ok": True, "due": health.due, "overdue_seconds": round(health.overdue, 3)}
    entries, head = read_head(DEFAULT_DB_ALIAS)
    return {
        "errands": part | ({"warning": health.warning} if health.warning else {}),
        "audit": {"ok": True, "head": head, "entries": entries},
    }
