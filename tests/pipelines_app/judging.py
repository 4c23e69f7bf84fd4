"""Proposals that were carried out and judged, with the effect that a test wants."""

import math
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from pipelines_app.core.effect_records import Comparison, Effect
from pipelines_app.core.measuring import describe_effect
from pipelines_app.core.states import State
from pipelines_app.services import approve, propose
from pipelines_app.services.errands.measure import finish
from pipelines_app.services.errands.plan import MEASURE, claim, plan_errand
from pipelines_app.services.moves import lock_pipeline, move

TITLE, SUGGESTION, TOPIC = "Response time breach", "Hire 2 temp agents", "er.wait"
DAY_MS = 24 * 3_600_000
MEASURE_OF = {
    "name": "Waiting", "label": "mean", "unit": "seconds", "better": "lower", "kind": "mean", "of": "values",
    "zone": "UTC", "told": "",
}  # fmt: skip
REASONS = {"inconclusive": "wide"}


def make_effect(verdict, change, error, *, started_at=0, together=(), t=2.0):
    """The Effect of a change (a logarithm) whose half-width is t standard errors."""
    ends = (change, change - t * error, change + t * error)
    percent, low, high = (math.expm1(end) * 100 for end in ends)
    expected = 100_000.0
    return Effect(
        verdict, REASONS.get(verdict, ""), started_at, started_at + DAY_MS, started_at + 8 * DAY_MS,
        Comparison(None, None, None), tuple(together), "log",
        observed=expected * math.exp(change), expected=expected, expected_low=9e4, expected_high=1.1e5,
        change=expected * math.expm1(change), change_low=expected * math.expm1(ends[1]),
        change_high=expected * math.expm1(ends[2]), percent=percent, percent_low=low, percent_high=high, t=t,
    )  # fmt: skip


def make_plain(verdict, change, error, *, started_at=0, t=2.0):
    """The Effect of a change in the KPI's own unit."""
    return Effect(
        verdict, REASONS.get(verdict, ""), started_at, started_at + DAY_MS, started_at + 8 * DAY_MS,
        Comparison(None, None, None), (), "plain", observed=change, expected=0.0, expected_low=-1.0,
        expected_high=1.0, change=change, change_low=change - t * error, change_high=change + t * error, t=t,
    )  # fmt: skip


def carry_out(approver, *, now=None, **words):
    """An approved proposal that is being measured."""
    now = now or timezone.now()
    words = {"title": TITLE, "suggestion": SUGGESTION, "topic": TOPIC} | words
    pipeline = propose(now=now, **words)[0]
    approve(pipeline=pipeline, by=approver, version=1, now=now + timedelta(hours=1))
    with transaction.atomic():
        locked = lock_pipeline(pipeline.pk)
        for state in (State.EXECUTING, State.DONE, State.MEASURING):
            move(locked, state, actor="a test", event=state.value, data={}, at=now + timedelta(hours=2))
        plan_errand(locked, MEASURE, due_at=now)
    return locked


def judge(approver, effect, *, measure=MEASURE_OF, now=None, guardrails=(), confounders=None, **words):
    """A proposal that was carried out, and whose effect is what the test says."""
    pipeline = carry_out(approver, now=now, **words)
    now = now or timezone.now()
    errand = claim(pipeline.errands.get(kind=MEASURE).pk, now)
    document = {"measure": measure, "effect": describe_effect(effect), "days": None}
    document |= {"confounders": confounders or {}, "guardrails": list(guardrails)}
    with transaction.atomic():
        finish(errand, document, now + timedelta(days=8))
    pipeline.refresh_from_db()
    return pipeline
