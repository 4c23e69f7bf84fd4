"""What the pipelines may know of how a KPI is watched today."""

from metrics_app.models import Threshold
from metrics_app.registry import get_kpi


def describe_watch(topic):
    """Name, aggregate, window (seconds), since when (ms) and enabled rules of a KPI; or nothing."""
    kpi = get_kpi(topic)
    if kpi is None:
        return {}
    names = ("id", "limit", "operator", "aggregate", "window")
    rules = Threshold.objects.filter(kpi__topic=topic, enabled=True, kind=Threshold.Kind.LIMIT)
    rules = rules.order_by("pk").values(*names)
    facts = {"name": str(kpi), "aggregate": kpi.aggregate, "window": kpi.window}
    facts["watched_since"] = int(kpi.created_at.timestamp() * 1000)
    return facts | {"rules": list(rules)}
