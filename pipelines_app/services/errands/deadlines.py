"""While a proposal waits: a reminder at half of its time, an escalation at four fifths."""

from datetime import datetime

from django.db import transaction

from pipelines_app.core.counts import count_words
from pipelines_app.queries import list_deciders
from pipelines_app.queries.versions import peek_version
from pipelines_app.services.audit import append_audit
from pipelines_app.services.errands.plan import describe_mails, end_errand, plan_errand, plan_mails
from pipelines_app.services.moves import lock_pipeline, tell_later

REMIND, ESCALATE = "remind", "escalate"
BY = "the deadline"


def plan_deadlines(pipeline, *, event, people, now):
    """Plans what comes while the present version waits, and the mails that tell ``people`` why it does.

    ``event`` is that of the audit entry, which names them too: ``describe_mails``.
    """
    frozen = peek_version(pipeline)
    plan_mails(pipeline, event, people, due_at=now)
    for kind, at in find_deadlines(frozen, now).items():
        plan_errand(pipeline, kind, due_at=at)


def find_deadlines(frozen, made_at):
    """``{kind of errand: when it is due}`` of a version made then; empty for one from before they were.

    Its times are datetimes, or texts as they are stored.
    """
    kinds = {REMIND: "remind_at"} | ({ESCALATE: "escalate_at"} if frozen.get("escalation_id") else {})
    times = {kind: frozen.get(name) for kind, name in kinds.items()}
    times = {kind: datetime.fromisoformat(at) if isinstance(at, str) else at for kind, at in times.items()}
    return {kind: at for kind, at in times.items() if at and at > made_at}


def remind(errand, now):
    """Mails those who may decide and have not."""
    return tell_people(errand, "reminded", now)


def escalate(errand, now):
    """Mails the group that may decide from now on, and all others who have not."""
    return tell_people(errand, "escalated", now)


def tell_people(errand, event, now):
    """Plans the mails of a deadline, with its audit entry, and ends the errand: all of it or nothing."""
    with transaction.atomic():
        pipeline = lock_pipeline(errand.pipeline_id)
        if not pipeline.is_open or pipeline.version != errand.version:
            return f"not done: it is {pipeline.standing}, version {pipeline.version}"
        votes = pipeline.decisions.filter(version=pipeline.version).values_list("by", "instead_of")
        voted = {person for pair in votes for person in pair}
        people = [user for user in list_deciders(pipeline, now=now) if user.pk not in voted]
        plan_mails(pipeline, event, people, due_at=now)
        data = {"version": pipeline.version, "people": len(people)} | describe_mails(people)
        append_audit(pipeline=pipeline, actor=BY, event=event, data=data, at=now)
        outcome = tell_outcome(event, len(people))
        if not end_errand(errand, outcome, at=now):
            # Another worker took it over, and has done so itself.
            transaction.set_rollback(True)
        tell_later(pipeline)
    return outcome


def tell_outcome(event, people):
    """``reminded: 3 people to be mailed``."""
    return f"{event}: {count_words(people, 'person', 'people')} to be mailed"
