"""What a proposal's card shows, ready to be written on a page."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils import timezone

from pipelines_app import conf, queries
from pipelines_app.core.record import describe_counts
from pipelines_app.core.states import LABELS, State

SECOND, HOUR = 1000, 3_600_000
SQUARES = 12
SURE_AFTER = 10 * 60 * SECOND  # of waiting, before its cost is told per hour
# How an effect looks on the track record; what is not measured yet stays empty.
EFFECTS = {State.EFFECTIVE.value: "good", State.HARMFUL.value: "bad", State.INEFFECTIVE.value: "none"}
AGGREGATES = {"p50": "median", "rate_per_hour": "rate", "min": "minimum", "max": "maximum"}


def write(value, unit="", aggregate="mean"):
    """A value in the reader's units, as the project writes it."""
    if function := conf.load("FORMAT"):
        return function(value, unit, aggregate)
    return "—" if value is None else f"{value:g} {unit}".strip()


def to_local(ms):
    """Milliseconds as a moment in the reader's zone."""
    return timezone.localtime(datetime.fromtimestamp(ms / 1000, UTC))


def tell_time(moment, now):
    """``10:06``, with the day where it is not today's."""
    local = timezone.localtime(moment)
    text = f"{local:%H:%M}"
    return text if local.date() == timezone.localtime(now).date() else f"{local.day} {local:%b %H:%M}"


def describe_waiting(user, *, now=None):
    """What waits, among what this person may see: ``count``, ``order`` (ids) and it in words."""
    now = now or timezone.now()
    waiting = queries.list_inbox(queries.visible_to(user), now=now)
    count = len(waiting)
    you = "you" if queries.may_decide_any(user) else "a decision"
    lead = ""
    if not count:
        sentence, headline = "No proposal waits for a decision", f"No proposal waits for {you}"
    else:
        oldest = min(pipeline.created_at for pipeline in waiting)
        age = write(round_age((now - oldest).total_seconds()), "seconds")
        some = "1 proposal waits" if count == 1 else f"{count} proposals wait"
        since = f"for {age}" if count == 1 else f"the oldest for {age}"
        sentence, headline = f"{some} for a decision, {since}", f"{some} for {you}"
        lead = f"{since[0].upper()}{since[1:]} · sorted by severity, then by what the waiting costs"
    return {
        "count": count,
        "sentence": sentence,
        "headline": headline,
        "lead": lead,
        "order": [pipeline.pk for pipeline in waiting],
    }


def round_age(seconds):
    """Whole minutes from one minute on: a sentence does not tick."""
    return seconds // 60 * 60 if seconds >= 60 else int(seconds)


@dataclass(frozen=True)
class Card:
    """A proposal with the words around it."""

    pipeline: object
    why_not: str
    cost: dict | None
    record: dict
    opening: str
    present: str
    verdict: str
    chart: dict | None


def make_card(pipeline, user, *, now=None):
    """The ``Card`` of a proposal as this person may see it."""
    now = now or timezone.now()
    evidence = pipeline.evidence
    return Card(
        pipeline=pipeline,
        why_not=queries.why_not_decide(pipeline, user),
        cost=describe_cost(pipeline, now) if pipeline.is_open else None,
        record=describe_record(pipeline, user),
        opening=describe_opening(pipeline, evidence),
        present=describe_present(pipeline, evidence, now),
        verdict="" if pipeline.is_open else describe_verdict(pipeline, now),
        chart=describe_chart(pipeline, evidence),
    )


def describe_cost(pipeline, now):
    """What the waiting costs in the KPI's own unit: ``{"amount", "text"}``; None where none can tell."""
    cost = queries.find_cost(pipeline, now=now)
    if cost is None:
        return None
    since = tell_time(to_local(cost.since), now)
    unit = "" if cost.kind == "excess" else pipeline.unit
    if cost.kind == "excess":
        text = f"beyond what the limit allows since {since}"
    else:
        text = f"over the limit, all points since {since} together"
    # Over a few minutes a rate per hour would be a guess.
    if queries.to_ms(now) - cost.since >= SURE_AFTER:
        text += f"; {write(cost.per_hour, unit)} more each hour"
    return {"amount": write(cost.value, unit), "text": text}


def describe_record(pipeline, user):
    """The track record of this suggestion: squares, newest last, and a sentence."""
    visible = queries.visible_to(user)
    like = queries.list_like(pipeline, among=visible).values_list("state", flat=True)[:SQUARES]
    squares = [EFFECTS.get(state, "open") for state in reversed(like)]
    counts = queries.count_like(pipeline, among=visible)
    return {"squares": squares, "sentence": describe_counts(counts)}


def describe_opening(pipeline, evidence):
    """What the KPI was when it was opened."""
    if not evidence.get("aggregate"):
        if pipeline.kpi is None:
            return "Proposed without a value."
        return f"{write(pipeline.kpi, pipeline.unit)} when it was opened"
    aggregate = evidence["aggregate"]
    value = write(pipeline.kpi, pipeline.unit, aggregate)
    name = AGGREGATES.get(aggregate, aggregate).capitalize()
    window = write(evidence["window"], "seconds")
    limit = write(evidence["limit"], pipeline.unit, aggregate)
    points = "1 point" if evidence["n"] == 1 else f"{evidence['n']:,} points"
    return f"{name} {value} over {window} ({points}; limit {limit})"


def describe_present(pipeline, evidence, now):
    """What the KPI is now, against its limit; empty where nothing measures it."""
    value = read_present(pipeline, evidence, now)
    if value is None:
        return ""
    aggregate = evidence["aggregate"]
    text = f"Now {write(value, pipeline.unit, aggregate)}"
    upper, limit = evidence.get("operator") in ("gt", "gte"), evidence["limit"]
    if (value <= limit) if upper else (value >= limit):
        return f"{text}, back within the limit"
    if pipeline.kpi is None:
        return text
    if write(value, pipeline.unit, aggregate) == write(pipeline.kpi, pipeline.unit, aggregate):
        return f"{text}, as at opening"
    return f"{text}, {'higher' if value > pipeline.kpi else 'lower'} than at opening"


def read_present(pipeline, evidence, now):
    """The rule's aggregate over its window up to now, or None."""
    aggregate, window = evidence.get("aggregate"), evidence.get("window")
    if not aggregate or not window:
        return None
    end = (queries.to_ms(now) // SECOND + 1) * SECOND
    step = SECOND if window <= 3600 else 60 * SECOND
    measured = queries.measure(pipeline.topic, end - window * SECOND, end, step)
    if not measured:
        return None
    summary = measured["summary"]
    count = summary["count"]
    rates = {"count": count, "rate_per_hour": count * 3600 / window, "sum": count * (summary["mean"] or 0)}
    return rates.get(aggregate, summary.get(aggregate))


def describe_verdict(pipeline, now):
    """Who decided what, and when: ``Approved by Ada at 10:12.``"""
    decision = queries.find_deciding_vote(pipeline)
    at = tell_time(pipeline.decided_at, now) if pipeline.decided_at else ""
    if decision is None:
        return f"{LABELS[State(pipeline.state)]} at {at}."
    said = f" “{decision.comment}”" if decision.comment else ""
    return f"{queries.PAST[decision.vote].capitalize()} by {decision.by_name} at {at}.{said}"


def describe_outcome(pipeline):
    """What a vote just cast has led to, in a sentence."""
    if not pipeline.is_open:
        return describe_verdict(pipeline, timezone.now())
    votes = pipeline.decisions.filter(version=pipeline.version, vote="approve").count()
    return f"{votes} of {pipeline.quorum} approvals are in; it still waits for the others."


def describe_chart(pipeline, evidence):
    """The frozen minutes for the spark-line, with the rule they were judged by; None without a rule."""
    minutes = evidence.get("minutes")
    if not minutes or not evidence.get("aggregate"):
        return None
    return {
        "rows": list_rows(minutes),
        "end": evidence["measured_to"],
        "value": evidence["value"],
        "sentence": describe_opening(pipeline, evidence),
    } | describe_rule(pipeline, evidence)


def list_rows(columns):
    """``[[ts, count, mean], …]`` of columns."""
    return [list(row) for row in zip(*(columns[name] for name in ("ts", "count", "mean")), strict=True)]


def describe_since(pipeline, *, now=None):
    """The live panel beside the evidence: its chart, or None where nothing measures the KPI."""
    now = now or timezone.now()
    evidence = pipeline.evidence
    if not evidence.get("aggregate"):
        return None
    end = queries.to_ms(now)
    start = min(queries.to_ms(pipeline.created_at), end - HOUR)
    step = 60 * SECOND * max(1, (end - start) // (240 * 60 * SECOND))
    # One window earlier than the chart begins, so that its first value has a whole one.
    columns = queries.measure(pipeline.topic, start - evidence["window"] * SECOND, end, step)
    if not columns:
        return None
    present = describe_present(pipeline, evidence, now)
    return {
        "rows": list_rows(columns),
        "start": start,
        "end": end,
        "value": read_present(pipeline, evidence, now),
        "opened": queries.to_ms(pipeline.created_at),
        "sentence": present or "Nothing has been measured in its window.",
    } | describe_rule(pipeline, evidence)


def describe_rule(pipeline, evidence):
    """What a chart needs to know of the rule."""
    return {
        "aggregate": evidence["aggregate"],
        "window": evidence["window"] * SECOND,
        "limit": evidence["limit"],
        "limit_label": write(evidence["limit"], pipeline.unit, evidence["aggregate"]),
        "above": evidence.get("operator") in ("gt", "gte"),
    }
