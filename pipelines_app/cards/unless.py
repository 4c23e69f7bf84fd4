"""“No, unless” on a card: what the form offers, what a rejected proposal waits for, what brought it back."""

from datetime import timedelta

from django.utils import timezone

from pipelines_app import queries
from pipelines_app.cards.figures import tell_newest
from pipelines_app.cards.writing import tell_when, to_local
from pipelines_app.core.limits import SIDES
from pipelines_app.core.states import State
from pipelines_app.core.unless import LONGEST_D, tell_history
from pipelines_app.queries.unless import find_acting, find_judged, find_unless


def describe_offer(pipeline, now):
    """What the form of a rejection asks for: ``{"asks", "opened", "first_day", "last_day"}``, or None.

    None where no rule opened the proposal: nothing says then which way a value is worse.
    """
    quantity, _ = find_judged(pipeline) if pipeline.is_open else (None, "")
    if quantity is None:
        return None
    side = SIDES[quantity["rule"]["operator"]]
    today = timezone.localtime(now, timezone.get_default_timezone()).date()
    return {
        "asks": f"{quantity['label']} is {side}",
        "opened": quantity["text"],
        "first_day": str(today),
        "last_day": str(today + timedelta(days=LONGEST_D)),
    }


def tell_unless(pipeline, present, now):
    """`` unless above 60 h, until 3 March; now 54 h``: what a rejected proposal waits for; "" for nothing."""
    unless = find_unless(pipeline) if pipeline.state == State.REJECTED else None
    if unless is None:
        return ""
    if find_acting(pipeline, now=now) is None:
        return f" {unless.said}; no longer waited for"
    newest = tell_newest(present, now) if present else ""
    return f" {unless.said}; {newest[:1].lower()}{newest[1:]}" if newest else f" {unless.said}"


def describe_watched(pipeline, user, now, find_stop):
    """What follows while it is waited for, and the way to end that, for those who decide."""
    unless = find_acting(pipeline, now=now)
    if unless is None:
        return {}
    told = (
        f"It waits for a decision again once the {unless.label} is {unless.beyond}. "
        "Until then, or the end, nothing is proposed in its place."
    )
    steps = () if user.pk is None or queries.why_not_decide(pipeline, user, now=now) else ("withdraw",)
    return {"progress": told, "steps": steps}


def tell_reopened(pipeline, now):
    """Who rejected the version before, unless what, and what has come since; "" for any other proposal."""
    found = queries.find_reopening(pipeline)
    if not found:
        return ""
    rejected, came = (tell_when(to_local(found[name]), now) for name in ("rejected_at", "at"))
    return tell_history(found, rejected=rejected, came=came)
