"""What the pipelines may know of how a KPI is watched today."""

from metrics_app.models import Threshold
from metrics_app.registry import get_kpi


def describe_watch(topic):
    """Name, aggregate, window (seconds) and enabled rules of a KPI; empty where there is none."""
    kpi = get_kpi(topic)
    if kpi is None:
        return {}
    names = ("id", "limit", "operator", "aggregate", "window")
    rules = Threshold.objects.filter(kpi__topic=topic, enabled=True, kind=Threshold.Kind.LIMIT)
    rules = rules.order_by("pk").values(*names)
    facts = {"name": str(kpi), "aggregate": kpi.aggregate, "window": kpi.window}
    return facts | {"rules": list(rules)}
