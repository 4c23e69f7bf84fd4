"""Rows of the KPIs that somebody may see."""

from metrics_app.models import Kpi
from metrics_app.registry import may_read


def limit_to_visible(rows, who, path):
    """``rows`` without those whose topic, at ``path``, is not for ``who``."""
    if who is not None and who.is_superuser:
        return rows
    topics = Kpi.objects.order_by().values_list("topic", flat=True)
    hidden = [topic for topic in topics if not may_read(who, topic)]
    return rows.exclude(**{f"{path}__in": hidden}) if hidden else rows
