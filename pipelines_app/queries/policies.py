"""Which policy a new proposal comes under."""

from pipelines_app.core.topics import is_listed
from pipelines_app.models import Policy


def find_policy(topic, severity):
    """The first policy by rank that fits, or None: then the settings say it."""
    rows = Policy.objects.filter(severity__in=("", severity)).select_related("deciders", "escalation")
    return next((row for row in rows if is_listed(topic, [row.topics])), None)
