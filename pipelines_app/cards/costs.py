"""What the waiting costs, in a plain sentence; where nothing adds up, why."""

from pipelines_app.cards.writing import tell_time, to_local, write
from pipelines_app.core.durations import SECOND_MS
from pipelines_app.core.moments import to_ms

SURE_AFTER = 10 * 60 * SECOND_MS  # of waiting, before its cost is told per hour


def describe_cost(basis, present, now):
    """What the waiting costs, as the project counts it: ``{"amount", "text"}``; None where it does not.

    Together they are a sentence: ``About 15 h`` and ``so far, 30 h more each hour at this pace: over …``.
    """
    cost = present and present.get("cost")
    if not cost:
        return None
    since = tell_time(to_local(cost["since"]), now)
    nothing = write(0, cost["unit"])
    amount, pace = write(cost["value"], cost["unit"]), write(cost["per_hour"], cost["unit"])
    if amount == nothing:
        return {"amount": "Nothing yet", "text": f"counted since {since}"}
    limit = "today's limit" if basis.limit is None else "the limit"
    words = cost["words"].replace("{limit}", limit).replace("{since}", since)
    # Over a few minutes a rate per hour would be a guess.
    is_sure = to_ms(now) - cost["since"] >= SURE_AFTER and pace != nothing
    rate = f", {pace} more each hour at this pace" if is_sure else ""
    return {"amount": f"About {amount}", "text": f"so far{rate}: {words}"}


def tell_no_cost(pipeline, basis, present):
    """Why the waiting has no cost that can be told."""
    if not pipeline.topic:
        return "no KPI measures it"
    if basis is None or present is None:
        return "nothing measures its KPI"
    if present.get("fault"):
        return present["fault"]
    if present["rule"].get("limit") is None:
        return "no limit is set that a cost could count from"
    return f"the {present['label']} has no cost that adds up"
