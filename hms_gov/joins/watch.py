"""What the pipelines may know of how a KPI is watched today."""

from hms_gov.joins.quantities import RULE
from metrics_app.models import Threshold
from metrics_app.registry import get_kpi
from metrics_app.services.silences import list_acting
from metrics_app.services.watch.states import tell_silence


def describe_watch(topic):
    """Name, aggregate, window (seconds), since when (ms) and enabled rules of a KPI; or nothing.

    A rule's ``silenced`` says until when, by whom and why, in the reader's zone; "" where nothing does.
    """
    kpi = get_kpi(topic)
    if kpi is None:
        return {}
    names = ("id", *RULE)
    rules = Threshold.objects.filter(kpi__topic=topic, enabled=True, kind=Threshold.Kind.LIMIT)
    rules, acting = rules.select_related("kpi").order_by("pk"), list_acting()
    told = [
        {name: getattr(rule, name) for name in names} | {"silenced": tell_silence(rule, acting)}
        for rule in rules
    ]
    facts = {"name": str(kpi), "aggregate": kpi.aggregate, "window": kpi.window}
    facts["watched_since"] = int(kpi.created_at.timestamp() * 1000)
    return facts | {"rules": told}
