"""Who may see the proposals of a topic follows who may see the topic."""

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from pipelines_app.models import Pipeline
from pipelines_app.services.audit import append_audit

BY = "the restriction of the topic"


@transaction.atomic
def restrict(*, topic, group):
    """Shows all proposals of ``topic`` to ``group`` only, or to everybody (None); returns how many changed.

    Decided ones too: what was frozen in them is no less secret than the figures of today. With None those
    that their proposer reserved for a group go back to that one: only what came from the topic ends with
    it. The audit chain keeps to whom, in one entry for all of them.
    """
    rows = Pipeline.objects.filter(topic=topic)
    if group is None:
        ours = Q(reserved_for=None, restricted_to__isnull=False)
        theirs = Q(reserved_for__isnull=False) & (Q(restricted_to=None) | ~Q(restricted_to=F("reserved_for")))
        changed = rows.filter(ours | theirs).update(restricted_to=F("reserved_for"))
    else:
        others = Q(restricted_to=None) | ~Q(restricted_to=group)
        changed = rows.filter(others).update(restricted_to=group)
    if changed:
        data = {"topic": topic, "restricted_to": group and group.pk, "group": group.name if group else ""}
        append_audit(pipeline=None, actor=BY, event="restricted", data=data, at=timezone.now())
    return changed
