"""Who may see the proposals of a topic follows who may see the topic."""

from pipelines_app.models import Pipeline


def restrict(*, topic, group):
    """Shows all proposals of ``topic`` to ``group`` only, or to everybody (None); returns how many changed.

    Decided ones too: what was frozen in them is no less secret than the figures of today.
    """
    rows = Pipeline.objects.filter(topic=topic)
    rows = rows.exclude(restricted_to=None) if group is None else rows.exclude(restricted_to=group)
    return rows.update(restricted_to=group)
