"""What a proposal needs to pass, in words."""

from django.utils import timezone

from pipelines_app.cards.writing import tell_time
from pipelines_app.core.counts import agree, count_words
from pipelines_app.queries.deciding import count_approvals, is_escalated, read_terms


def tell_needs(pipeline, now):
    """``Needs 2 approvals of the group Housing; 1 is in.``; empty where one of anybody's will do."""
    frozen = read_terms(pipeline)
    quorum, group, more = frozen["quorum"], frozen.get("deciders_name"), frozen.get("escalation_name")
    told = []
    if quorum > 1 or group:
        told.append(f"Needs {count_words(quorum, 'approval')}{f' of the group {group}' if group else ''}")
        told[0] += f"; {count_in(pipeline)}." if quorum > 1 else "."
    if remark := frozen.get("policy_remark"):
        told.append(f"Somebody edited policies in the database, which changed nothing here: {remark}.")
    eligible = frozen.get("eligible")
    if eligible is not None and eligible < quorum:
        people = "nobody" if not eligible else f"only {count_words(eligible, 'person', 'people')}"
        told.append(f"When it was opened, {people} could decide on it.")
    if more and is_escalated(frozen, now):
        told.append(f"Escalated: the group {more} may decide too.")
    elif more and frozen["escalate_at"]:
        at = tell_time(timezone.localtime(frozen["escalate_at"]), now)
        told.append(f"From {at} on the group {more} may decide too.")
    return " ".join(told)


def count_in(pipeline):
    """``1 is in``."""
    found = count_approvals(pipeline)
    return f"{found or 'none'} {agree(found)} in"
