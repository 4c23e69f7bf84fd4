"""What a proposal's card shows, ready to be written on a page."""

from dataclasses import dataclass

from django.utils import timezone

from pipelines_app import queries
from pipelines_app.cards.basis import find_basis, find_today, read_present
from pipelines_app.cards.figures import tell_opening, tell_present, tell_time, to_local, write
from pipelines_app.core.record import tell_counts
from pipelines_app.core.states import LABELS, State

SECOND, HOUR = 1000, 3_600_000
SQUARES = 12
CLAIM_WINDOW = 600  # seconds; the chart of an hour frozen with what somebody says
SURE_AFTER = 10 * 60 * SECOND  # of waiting, before its cost is told per hour
LOWER = ("lt", "lte")  # the limit is a floor
# How an effect looks on the track record; what is not measured yet stays empty.
EFFECTS = {State.EFFECTIVE.value: "good", State.HARMFUL.value: "bad", State.INEFFECTIVE.value: "none"}


def describe_waiting(user, *, now=None):
    """What waits, among what this person may see: ``count``, ``order`` (ids) and it in words.

    ``count`` is of those that this person may decide; nobody else's are theirs to hurry with.
    ``oldest`` (ms) lets a page count on: the texts have an age between ``before`` and ``after``.
    """
    now = now or timezone.now()
    waiting = queries.list_inbox(queries.visible_to(user), now=now)
    mine = sum(not queries.why_not_decide(pipeline, user) for pipeline in waiting)
    told = {"count": mine, "headline": tell_headline(mine, len(waiting), user)}
    if not waiting:
        none = {"sentence": "No proposal waits for a decision", "order": [], "oldest": None}
        return told | none | {"lead": "", "before": "", "after": ""}
    oldest = min(pipeline.created_at for pipeline in waiting)
    age = write(round_age((now - oldest).total_seconds()), "seconds")
    since = "for " if len(waiting) == 1 else "the oldest for "
    after = " · sorted by severity, then by what the waiting costs"
    return told | {
        "sentence": f"{count_waiting(len(waiting))} for a decision, {since}{age}",
        "lead": f"{since.capitalize()}{age}{after}",
        "before": since.capitalize(),
        "after": after,
        "oldest": queries.to_ms(oldest),
        "order": [pipeline.pk for pipeline in waiting],
    }


def tell_headline(mine, count, user):
    """``1 proposal waits for you · 2 wait for others``; without "you" for who decides on none."""
    if not queries.may_decide_any(user):
        return f"{count_waiting(count)} for a decision"
    others = count - mine
    rest = f" · {others} {'waits' if others == 1 else 'wait'} for others" if others else ""
    return f"{count_waiting(mine)} for you{rest}"


def count_waiting(count):
    """``2 proposals wait``."""
    few = {0: "No proposal waits", 1: "1 proposal waits"}
    return few.get(count, f"{count} proposals wait")


def tell_today(user, *, now=None):
    """What was decided today, among what this person may see, in a sentence."""
    since = queries.start_of_day(now or timezone.now())
    today = queries.count_decided(queries.visible_to(user), since=since)
    names = ("approved", "rejected", "expired")
    return "Decided today: " + ", ".join(f"{today[name]} {name}" for name in names)


def round_age(seconds):
    """Whole minutes from one minute on: below it the seconds, which the page counts on."""
    return seconds // 60 * 60 if seconds >= 60 else max(0, int(seconds))


@dataclass(frozen=True)
class Card:
    """A proposal with the words around it."""

    pipeline: object
    why_not: str
    cost: dict | None
    no_cost: str
    record: dict
    opening: str
    present: str
    verdict: str
    chart: dict | None
    name: str


def make_card(pipeline, user, *, now=None):
    """The ``Card`` of a proposal as this person may see it."""
    now = now or timezone.now()
    watch = queries.describe_watch(pipeline.topic)
    basis = find_basis(pipeline, pipeline.evidence, watch)
    return Card(
        pipeline=pipeline,
        why_not=queries.why_not_decide(pipeline, user),
        cost=describe_cost(pipeline, basis, watch, now) if pipeline.is_open else None,
        no_cost=tell_no_cost(pipeline, basis),
        record=describe_record(pipeline, user),
        opening=tell_opening(pipeline, basis),
        present=tell_present(pipeline, basis, watch, now),
        verdict="" if pipeline.is_open else tell_verdict(pipeline, now),
        chart=describe_chart(pipeline, basis),
        name=watch.get("name", pipeline.topic),
    )


def describe_cost(pipeline, basis, watch, now):
    """What the waiting costs in the KPI's own unit: ``{"amount", "text"}``; None where none can tell."""
    limit, rule = "the limit", basis
    if basis.get("limit") is None:
        limit, rule = "today's limit", find_today(basis, watch)[1]
    cost = queries.find_cost(pipeline, now=now, rule=rule) if rule else None
    if cost is None:
        return None
    since = tell_time(to_local(cost.since), now)
    unit = "" if cost.kind == "excess" else pipeline.unit
    if cost.kind == "excess":
        text = f"beyond what {limit} allows since {since}"
    else:
        side = "under" if rule.get("operator") in LOWER else "over"
        text = f"{side} {limit}, all points since {since} together"
    # Over a few minutes a rate per hour would be a guess.
    if queries.to_ms(now) - cost.since >= SURE_AFTER:
        text += f"; {write(cost.per_hour, unit)} more each hour"
    return {"amount": write(cost.value, unit), "text": text}


def tell_no_cost(pipeline, basis):
    """Why the waiting has no cost that can be told."""
    if not pipeline.topic:
        return "no KPI measures it"
    if not basis:
        return "nothing measures its KPI yet"
    return (
        "no limit is set that a cost could count from" if basis["limit"] is None else "its cost is not known"
    )


def describe_record(pipeline, user):
    """The track record of this suggestion: squares, newest last, and a sentence."""
    visible = queries.visible_to(user)
    like = queries.list_like(pipeline, among=visible).values_list("state", flat=True)[:SQUARES]
    squares = [EFFECTS.get(state, "open") for state in reversed(like)]
    counts = queries.count_like(pipeline, among=visible)
    return {"squares": squares, "sentence": tell_counts(counts)}


def tell_verdict(pipeline, now):
    """Who decided what, and when: ``Approved by Ada at 10:12.``"""
    decision = queries.find_deciding_vote(pipeline)
    at = tell_time(pipeline.decided_at, now) if pipeline.decided_at else ""
    if decision is None:
        return f"{LABELS[State(pipeline.state)]} at {at}."
    said = f" “{decision.comment}”" if decision.comment else ""
    return f"{queries.PAST[decision.vote].capitalize()} by {decision.by_name} at {at}.{said}"


def tell_outcome(pipeline):
    """What a vote just cast has led to, in a sentence."""
    if not pipeline.is_open:
        return tell_verdict(pipeline, timezone.now())
    votes = pipeline.decisions.filter(version=pipeline.version, vote="approve").count()
    return f"{votes} of {pipeline.quorum} approvals are in; it still waits for the others."


def describe_chart(pipeline, basis):
    """The frozen minutes for the spark-line, with the rule they were judged by; None without minutes."""
    minutes = basis.get("minutes")
    if not minutes:
        return None
    return {
        "rows": list_rows(minutes),
        "end": basis["measured_to"],
        "value": basis["value"],
        "sentence": tell_opening(pipeline, basis),
    } | describe_rule(pipeline, shorten_window(basis))


def shorten_window(basis):
    """The basis with a window that leaves a line: no more minutes than the span were frozen with a claim."""
    if not basis.get("said"):
        return basis
    return basis | {"window": min(basis["window"], CLAIM_WINDOW)}


def list_rows(columns):
    """``[[ts, count, mean], …]`` of columns."""
    return [list(row) for row in zip(*(columns[name] for name in ("ts", "count", "mean")), strict=True)]


def find_silenced(pipeline):
    """What silences the rule behind a proposal today (that of its evidence, else any), in words, or ""."""
    rules = queries.describe_watch(pipeline.topic).get("rules", [])
    fired = pipeline.evidence.get("threshold")
    wanted = fired.get("id") if isinstance(fired, dict) else None
    told = [rule.get("silenced", "") for rule in rules if wanted in (None, rule.get("id"))]
    return next(filter(None, told), "")


def describe_since(pipeline, *, now=None):
    """The live panel beside the evidence: its chart, or None where nothing measures the KPI."""
    now = now or timezone.now()
    watch = queries.describe_watch(pipeline.topic)
    basis = find_basis(pipeline, pipeline.evidence, watch)
    if not basis:
        return None
    end = queries.to_ms(now)
    start = min(queries.to_ms(pipeline.created_at), end - HOUR)
    step = 60 * SECOND * max(1, (end - start) // (240 * 60 * SECOND))
    # One window earlier than the chart begins, so that its first value has a whole one.
    columns = queries.measure(pipeline.topic, start - basis["window"] * SECOND, end, step)
    if not columns:
        return None
    present = tell_present(pipeline, basis, watch, now)
    return {
        "rows": list_rows(columns),
        "start": start,
        "end": end,
        "value": read_present(pipeline.topic, basis["aggregate"], basis["window"], now),
        "opened": queries.to_ms(pipeline.created_at),
        "watched": watch.get("watched_since"),
        "sentence": present or "Nothing has been measured in its window",
    } | describe_rule(pipeline, basis)


def describe_rule(pipeline, basis):
    """What a chart needs to know of the rule."""
    limit = basis["limit"]
    return {
        "aggregate": basis["aggregate"],
        "unit": pipeline.unit,
        "window": basis["window"] * SECOND,
        "limit": limit,
        "limit_label": "" if limit is None else write(limit, pipeline.unit, basis["aggregate"]),
        "above": basis.get("operator") not in LOWER,
    }
