"""Three proposals of the simulated past, each taken through the services that all proposals go through.

Somebody proposed temp agents three times. What came of it is nowhere written down here: it is measured
from the simulated points, by the errands, at the moments at which they fell due. What was known when it
was proposed is read from the hours that history has kept.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from hms_gov.joins.evidence import list_companions, read_minutes
from hms_gov.joins.quantities import describe, read_rule, read_windows
from hms_gov.past import CHANGES, find_begin
from metrics_app import queries
from metrics_app.core.durations import DAY_MS, DAY_S, HOUR_MS, HOUR_S
from metrics_app.registry import get_kpi
from pipelines_app.services import approve, confirm, propose, run_errands

TOPIC = "complaint.latency"
SEEN = 2 * DAY_MS  # what stands in the evidence: two days, hour by hour
SECOND = timedelta(seconds=1)


class Precedent(NamedTuple):
    """One of ``CHANGES`` as people spoke of it: why it was proposed, approved, and how it was done."""

    change: str
    proposed: str
    approved: str
    done: str


PRECEDENTS = (
    Precedent(
        "nothing",
        "Residents ask where their answers are.",
        "Two agents for a month. Tell me what they work on.",
        "Both began this morning and sort the mail.",
    ),
    Precedent(
        "helped",
        "A third of the inspectors' cars were in repair.",
        "Agreed, but out with the inspectors this time, not in the mail room.",
        "Both began this morning and go out with the inspectors.",
    ),
    Precedent(
        "harmed",
        "It helped the last time, and those two have left.",
        "Agreed. They are new to this, so plan for their training.",
        "Both began this morning. Our inspectors train them.",
    ),
)
# The Thursday before it began: proposed an hour after the office opened, decided an hour later.
PROPOSED = timedelta(days=-4, hours=1)
DECIDED = PROPOSED + timedelta(hours=1, minutes=17)
DONE = timedelta(hours=8, minutes=25)  # the evening of the day on which it began
# Before it was proposed: the arithmetic of effects says nothing with less.
LEARNT = timedelta(days=180) - PROPOSED


def live_precedents(end, *, begin, rule, proposer, approver):
    """Lives through the precedents of a past from ``begin`` to ``end`` (s) that reach it; how many.

    ``rule``: ``title``, ``suggestion``, ``severity`` and ``limit`` (s) of the demo's rule.
    """
    count = 0
    for precedent in PRECEDENTS:
        start = datetime.fromtimestamp(find_begin(CHANGES[precedent.change], end), UTC)
        if (start - LEARNT).timestamp() >= begin:
            live_precedent(precedent, start, rule, proposer, approver)
            count += 1
    return count


def live_precedent(precedent, start, rule, proposer, approver):
    """Proposed, decided, begun at ``start``, confirmed, and judged once its week is over."""
    words = {name: rule[name] for name in ("title", "suggestion", "severity")}
    evidence = freeze_hours(int((start + PROPOSED).timestamp()) * 1000)
    late = tell_late(rule["limit"], evidence["measured_to"])
    pipeline, _ = propose(
        **words, topic=TOPIC, kpi=evidence["value"], unit=evidence["unit"], evidence=evidence,
        proposer=proposer, rationale=f"{late} {precedent.proposed} (Simulated.)", now=start + PROPOSED,
    )  # fmt: skip
    at = {"pipeline": pipeline, "version": 1}
    approve(**at, by=approver, comment=precedent.approved, now=start + DECIDED)
    run_errands(now=pipeline.errands.get(kind="act").due_at + SECOND)
    day = str(timezone.localdate(start))
    confirm(**at, by=proposer, day=day, comment=precedent.done, now=start + DONE)
    run_errands(now=pipeline.errands.get(kind="measure").due_at + SECOND)


def tell_late(limit, end):
    """How many of the answers of the day before ``end`` (ms) took longer than the limit (s)."""
    rule = read_rule(get_kpi(TOPIC), {"aggregate": "share_above", "aggregate_value": limit, "window": DAY_S})
    [seen] = queries.observe([queries.ask(TOPIC, rule, end)])
    return f"In the last day {seen.value:.0f} % of the answers took longer than {limit // HOUR_S} h."


def freeze_hours(end):
    """The evidence at a whole hour (ms), shaped as that of ``joins.evidence``: the mean of the last day."""
    kpi = get_kpi(TOPIC)
    rule = read_rule(kpi, {"aggregate": "mean", "window": DAY_S})
    ends = list(range(end - SEEN, end + HOUR_MS, HOUR_MS))
    [seen] = queries.observe([queries.ask(TOPIC, rule, end)])
    return {
        "value": seen.value,
        "n": int(seen.n),
        "unit": kpi.unit,
        "window": rule.window,
        "aggregate": rule.aggregate,
        "kpi": {"topic": TOPIC, "name": str(kpi), "direction": kpi.direction},
        "measured_from": end - SEEN,
        "measured_to": end,
        "step": HOUR_MS,
        "quantity": describe(kpi, rule, seen.value)
        | {"curve": {"ts": ends, "values": read_windows(TOPIC, rule, ends)}},
        "minutes": read_minutes(TOPIC, end - SEEN, end, HOUR_MS),
        # Of that time whole hours are kept, and no tile's shorter window.
        "companions": list_companions(kpi, end, HOUR_S),
    }
