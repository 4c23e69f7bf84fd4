"""Ending errands of whose end no other entry of the audit chain tells: the row and its entry, or neither.

What carries out, judges or reminds ends its errand in the transaction of an entry of its own.
"""

from django.db import transaction

from pipelines_app.core.errands import ENDS, SETTLED, describe_end
from pipelines_app.services.audit import append_audit
from pipelines_app.services.errands.plan import LONGEST, end_errand, find_unheld
from pipelines_app.services.moves import lock_pipeline

BY = "the drain"


def settle(errand, outcome, *, at):
    """Ends a claimed errand; nothing where it has ended itself, or another worker has taken it over."""
    with transaction.atomic():
        # First, as everywhere: whoever holds the end of the chain may be about to write this very errand.
        pipeline = lock_pipeline(errand.pipeline_id)
        if end_errand(errand, outcome, at=at):
            tell_ends(pipeline, [describe_end(errand, outcome[:LONGEST], at)], at)


def settle_pointless(pk, outcomes, *, at):
    """Ends errands of one proposal that nobody holds, ``[(errand, outcome)]``, with one entry."""
    with transaction.atomic():
        pipeline, ends = lock_pipeline(pk), []
        for errand, outcome in outcomes:
            # Asked for anew in this very moment, it is due at another time.
            same = find_unheld(at).filter(pk=errand.pk, due_at=errand.due_at)
            if same.update(done_at=at, outcome=outcome[:LONGEST], error="", claimed_until=None):
                ends.append(describe_end(errand, outcome[:LONGEST], at))
        if ends:
            tell_ends(pipeline, ends, at)


def tell_ends(pipeline, ends, at):
    """The audit entry of errands of a locked proposal that ended."""
    append_audit(pipeline=pipeline, actor=BY, event=SETTLED, data={ENDS: ends}, at=at)
