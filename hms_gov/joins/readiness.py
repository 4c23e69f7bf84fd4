"""What ``/readyz`` tells of proposals, beside the parts of ``metrics_app``."""

from pipelines_app.services.errands import read_errand_health


def list_parts():
    """``{part: {"ok": bool, …}}``: errands that wait, and for how long the oldest is due."""
    health = read_errand_health()
    part = {"ok": True, "due": health.due, "overdue_seconds": round(health.overdue, 3)}
    return {"errands": part | ({"warning": health.warning} if health.warning else {})}
