"""What is frozen about measuring: the plan before anybody decides, the effect once its span is over.

Both are dicts that JSON can carry. Times are ms since the epoch.
"""

from dataclasses import asdict, fields

import numpy as np

from pipelines_app.core.durations import DAY_H, HOUR_MS, SECOND_MS, WEEK_H
from pipelines_app.core.effect import find_start, judge, make_plan
from pipelines_app.core.effect_records import Effect, Plan
from pipelines_app.core.hours import LONGEST_H, gather

SETTLE_H, SPAN_H = DAY_H, WEEK_H  # where no policy says otherwise
LATE_MS = 15 * 60 * SECOND_MS  # that points may come late before the span is judged
SHOWN_D = 28  # days before the start that are drawn beside the span
MOST_IGNORED = 8  # breaches that nobody acted on are drawn beside it, the newest
POINTS = "points"

# Why nothing is judged, besides the reasons of effect_records.Reason.
NO_TOPIC = "no_topic"
NO_KPI = "no_kpi"  # nothing measures its topic
NO_DIRECTION = "no_direction"  # nobody has said which way it is better
HIDDEN = "hidden"  # a guardrail that others than its proposal's readers may see
UNREADABLE = "unreadable"  # reading it failed
TAMPERED = "tampered"  # the frozen plan is no longer what was frozen
UNMEASURED = (NO_TOPIC, NO_KPI, NO_DIRECTION)


def find_history(fired_at, end):
    """``(start, end)`` of the whole hours that a plan or a judgement up to ``end`` reads."""
    return (fired_at // HOUR_MS - LONGEST_H) * HOUR_MS, end // HOUR_MS * HOUR_MS


def read_history(rows, start, end, of):
    """The History of rows ``{"starts", "sums", "counts"}``; ``of`` the points it sums up the counts."""
    sums = rows["counts"] if of == POINTS else rows["sums"]
    return gather(rows["starts"], sums, rows["counts"], start=start, end=end)


def list_ignored(breaches, actions, hours):
    """The breaches (times) that nobody acted on: no action began within the ``hours`` to judge."""
    length = hours * HOUR_MS
    return [at for at in breaches if not any(at <= action < at + length for action in actions)]


def describe_unplanned(reason, measure=None, fired_at=None, *, settle=SETTLE_H, span=SPAN_H):
    """The plan of what cannot be planned; with ``fired_at`` it is judged all the same."""
    found = {"reason": reason, "measure": measure, "plan": None}
    if fired_at is not None:
        plan = Plan(fired_at, settle, span, measure["zone"], measure["kind"], measure["better"], reason)
        found["plan"] = asdict(plan)
    return found


def plan_effect(rows, measure, fired_at, *, settle=SETTLE_H, span=SPAN_H, actions, breaches):
    """The plan of a proposal whose breach fired at ``fired_at``, from rows of hours."""
    history = read_history(rows, *find_history(fired_at, fired_at), measure["of"])
    plan = make_plan(
        history,
        fired_at,
        zone=measure["zone"],
        kind=measure["kind"],
        better=measure["better"],
        settle=settle,
        span=span,
        actions=actions,
        breaches=list_ignored(breaches, actions, settle + span),
    )
    return {"reason": plan.reason, "measure": measure, "plan": asdict(plan)}


def is_judged(planned):
    """Whether what was frozen leads to a judgement at all."""
    return bool(planned and planned.get("plan"))


def read_plan(planned):
    """The Plan of what was frozen."""
    known = {field.name for field in fields(Plan)}
    return Plan(**{name: value for name, value in planned["plan"].items() if name in known})


def find_span(planned, *, carried_out_at, decided_at):
    """``{"started_at", "judged_from", "judged_to", "judged_at"}`` of what was carried out then.

    A step that is confirmed for the day of its approval began no earlier than that.
    """
    started = find_start(max(carried_out_at, decided_at))
    begin = started + planned["plan"]["settle"] * HOUR_MS
    end = begin + planned["plan"]["span"] * HOUR_MS
    return {"started_at": started, "judged_from": begin, "judged_to": end, "judged_at": end + LATE_MS}


def judge_effect(rows, planned, started_at, end, *, actions, breaches):
    """``(Effect, days)`` of what began at ``started_at``; ``end`` is where its span is over.

    ``days`` are columns ``{"ts", "values", "counts"}`` of the days before and in the span, and the
    courses of ``ignored`` breaches over them.
    """
    plan, measure = read_plan(planned), planned["measure"]
    history = read_history(rows, *find_history(plan.fired_at, end), measure["of"])
    ignored = list_ignored(breaches, actions, plan.settle + plan.span)
    effect = judge(history, plan, started_at, actions=actions, breaches=ignored)
    days = list_days(history, effect, plan.kind)
    return effect, days | {"ignored": list_courses(history, plan, started_at, days["ts"], ignored)}


def list_days(history, effect, kind):
    """The plain means of 24 hours each, before the start and to the end of the span; None without points."""
    end = effect.judged_to // HOUR_MS
    first = max(effect.judged_from // HOUR_MS - SHOWN_D * DAY_H, history.first)
    starts = range(end - (end - first) // DAY_H * DAY_H, end, DAY_H)
    counts = [history.counts[at - history.first : at - history.first + DAY_H].sum() for at in starts]
    return {
        "ts": [at * HOUR_MS for at in starts],
        "values": [history.mean(at, at + DAY_H, kind) for at in starts],
        "counts": [int(count) for count in np.asarray(counts)],
    }


def list_courses(history, plan, started_at, days, breaches):
    """``[{"at", "values"}]``: what the KPI did around breaches (ms) that nobody acted on.

    Each is laid over the ``days`` (ms) as if its first whole hour were the start: daily means from as
    long before as is judged, None earlier. Only those whose span was over when the rule fired.
    """
    length, found = (plan.settle + plan.span) * HOUR_MS, []
    for breach in sorted(breaches, reverse=True):
        if len(found) == MOST_IGNORED:
            break
        begun = find_start(breach)
        if begun + length > plan.fired_at or begun // HOUR_MS - plan.span < history.first:
            continue
        moved = [(at - started_at + begun) // HOUR_MS for at in days]
        since = begun // HOUR_MS - plan.span
        values = [history.mean(at, at + DAY_H, plan.kind) if at >= since else None for at in moved]
        found.append({"at": begun, "values": values})
    return found[::-1]


def describe_effect(effect):
    """An Effect as a dict that JSON can carry."""
    return asdict(effect)


def read_effect(found):
    """The Effect of a dict."""
    known = {field.name for field in fields(Effect)}
    values = {name: value for name, value in found.items() if name in known}
    return Effect(**values)
