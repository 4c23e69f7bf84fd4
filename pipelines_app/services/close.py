"""Closing an effect that proved nothing: a person says what to make of it, and the verdict stays."""

from django.db import transaction
from django.utils import timezone

from pipelines_app.core.fields import check_text, check_version
from pipelines_app.core.states import State
from pipelines_app.exceptions import Conflict
from pipelines_app.models import Effect
from pipelines_app.queries import name_of
from pipelines_app.services.audit import append_audit
from pipelines_app.services.change import refuse_other_version, refuse_strangers
from pipelines_app.services.moves import lock_pipeline, tell_later


def close(*, pipeline, by, version, comment, now=None):
    """Closes an inconclusive effect; ``comment`` says why. For its proposer and for whoever may decide.

    BadInput, NotAllowed, VersionChanged; Conflict where there is none to close, or it is closed.
    """
    now, version = now or timezone.now(), check_version(version)
    comment = check_text(comment, field="comment", limit=2000)
    with transaction.atomic():
        locked = lock_pipeline(pipeline.pk)
        refuse_strangers(locked, by, now)
        refuse_other_version(locked, version)
        effect = Effect.objects.filter(pipeline=locked).first()
        if refuse_closing(locked, effect, by, comment):
            return locked
        effect.closed_at, effect.closed_by, effect.closed_by_name = now, by, name_of(by)
        effect.closed_reason = comment
        effect.save(update_fields=["closed_at", "closed_by", "closed_by_name", "closed_reason"])
        data = {"by": by.pk, "comment": comment, "version": version}
        append_audit(pipeline=locked, actor=name_of(by), event="closed", data=data, at=now)
        tell_later(locked)
    return locked


def refuse_closing(pipeline, effect, by, comment):
    """Conflict where there is nothing to close; True for a second click of the same person."""
    if pipeline.state != State.INCONCLUSIVE or effect is None:
        told = f"Proposal #{pipeline.pk} is {pipeline.standing}: there is nothing to close."
        raise Conflict(told, pipeline=pipeline)
    if effect.closed_at is None:
        return False
    if (effect.closed_by_id, effect.closed_reason) == (by.pk, comment):
        return True
    raise Conflict(f"{effect.closed_by_name} closed it: “{effect.closed_reason}”.", pipeline=pipeline)
