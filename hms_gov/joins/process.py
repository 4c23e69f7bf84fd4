"""Ready-made: the KPIs by which the process of proposals watches itself, and a threshold for each.

They propose nothing: that decisions take long is for people to talk about, and a proposal about
proposals would wait beside them. Whoever wants one gives the threshold a title.
"""

from django.contrib.auth.models import Group
from django.db import transaction

from metrics_app.core.durations import DAY_S, HOUR_S
from metrics_app.models import Kpi, Threshold
from metrics_app.queries import stats
from metrics_app.services.rules.thresholds import save_threshold
from pipelines_app.core.figures import DECISION, EFFECT, OPEN

OWNER = "Process owners"
REASON = "Ready-made: the process of proposals watches itself."
KPIS = {
    DECISION: {
        "name": "Time to decide",
        "unit": "hours",
        "direction": Kpi.Direction.LOWER,
        "aggregate": "mean",
        "window": 7 * DAY_S,
        "description": "From when a proposal is opened to when it is approved, rejected or has expired.",
        "method": "One point for each decision, also on what only a group may read. What is withdrawn is "
        "none, and no approval that is undone.",
    },
    OPEN: {
        "name": "Proposals waiting",
        "unit": "open",
        "direction": Kpi.Direction.LOWER,
        "aggregate": "mean",
        "window": 300,
        "description": "Proposals that nobody has decided yet.",
        "method": "Counted once a minute, also what only a group may read.",
    },
    EFFECT: {
        "name": "Effect of what was decided",
        "unit": "%",
        "direction": Kpi.Direction.HIGHER,
        "aggregate": "mean",
        "window": 31 * DAY_S,
        "description": "By how many per cent what was approved moved its KPI to the better.",
        "method": "One point for each measured effect, whatever its verdict. What shared its span with "
        "another action is left out, what is no ratio, and what only another group may read.",
    },
}
RULES = {
    DECISION: {
        "name": "Decided within 12 h",
        "aggregate": "mean",
        "window": 7 * DAY_S,
        "operator": "gt",
        "limit": 12,
        "min_count": 3,
        "interval": 300,
    },
    OPEN: {
        "name": "Not more than 10 wait",
        "aggregate": "min",
        "window": HOUR_S,
        "operator": "gt",
        "limit": 10,
        "interval": 60,
    },
    EFFECT: {
        "name": "What is done does no harm",
        "aggregate": "mean",
        "window": 31 * DAY_S,
        "operator": "lt",
        "limit": 0,
        "min_count": 3,
        "interval": 300,
    },
}


@transaction.atomic
def watch_process(*, owner=OWNER, by=None):
    """Makes what is missing of the KPIs and thresholds; ``{name of a threshold: whether it is on}`` of those.

    ``owner`` is the name of a group. What people have given a name, an owner or a threshold stays. A
    threshold whose window holds no point yet is made switched off, since all it could say is that there
    is no data, and switched on by a later call; MetricsError where Redis is away.
    """
    group = Group.objects.get_or_create(name=owner)[0]
    made = {}
    for topic, fields in KPIS.items():
        kpi = save_kpi(topic, fields | {"owner": group})
        # What was deleted stays deleted: its row is kept.
        rule = kpi.thresholds.first() or Threshold(kpi=kpi, **RULES[topic], enabled=False)
        has_points = stats(topic, RULES[topic]["window"])["count"] > 0
        if rule.pk is None or (has_points and is_asleep(rule)):
            rule.enabled = has_points
            save_threshold(rule, by=by, reason=REASON)
            made[str(rule)] = has_points
    return made


def save_kpi(topic, fields):
    """The KPI, with its fields where nobody has given it any: so it comes in with its first point."""
    kpi = Kpi.objects.get_or_create(topic=topic, defaults=fields)[0]
    if not (kpi.name or kpi.unit or kpi.owner):
        for name, value in fields.items():
            setattr(kpi, name, value)
        kpi.save()
    return kpi


def is_asleep(rule):
    """Whether a threshold is as it was made, switched off, and nobody has touched it since."""
    first = rule.versions.filter(version=rule.version, reason=REASON).exists()
    return not rule.enabled and rule.retired_at is None and rule.version == 1 and first
