"""What rejections wait for: whether one may be named, what the chain says of it, whether it still counts."""

from django.db.models import Exists, OuterRef
from django.utils import timezone

from pipelines_app.core.limits import SIDES
from pipelines_app.core.moments import to_ms
from pipelines_app.core.states import State
from pipelines_app.core.unless import read_unless
from pipelines_app.models import AuditEntry, Errand
from pipelines_app.queries.measuring import ask, can_answer

WATCH = "watch"  # the errand that looks whether it has come
CROSSING = "find_crossing"


def find_judged(pipeline):
    """``(quantity, why not)``: what a rule judged when it was opened, as it was frozen, or why nothing."""
    evidence = pipeline.evidence
    if not pipeline.topic:
        return None, "no KPI measures this proposal"
    if not can_answer(CROSSING):
        return None, "nothing here watches the KPI of a proposal"
    if not pipeline.evidence_intact:
        return None, "the evidence of this proposal was changed after it was frozen"
    quantity = evidence.get("quantity")
    rule = quantity.get("rule") if isinstance(quantity, dict) else None
    if not isinstance(rule, dict) or rule.get("operator") not in SIDES or rule.get("limit") is None:
        return None, "no rule judged the KPI of this proposal when it was opened"
    return quantity | {"rule": rule | {"min_count": read_min_count(evidence)}}, ""


def read_min_count(evidence):
    """How many points the rule wants in its window before it judges them."""
    fired = evidence.get("threshold")
    rule = fired.get("rule") if isinstance(fired, dict) else None
    count = rule.get("min_count") if isinstance(rule, dict) else None
    return count if type(count) is int and count > 0 else 1


def find_unless(pipeline):
    """The Unless of the rejection of the present version, as the chain tells it; None without one.

    None as well where its entry was changed: nothing waits for what somebody slipped in.
    """
    entry = AuditEntry.objects.filter(pipeline=pipeline, event="rejected").order_by("-seq").first()
    if entry is None or entry.hash != entry.compute_hash():
        return None
    data = entry.read_data()
    if data.get("version") != pipeline.version or not data.get("unless"):
        return None
    return read_unless(data["unless"], tell_actor(entry.actor, data))


def tell_actor(actor, data):
    """Who decided, and for whom: ``Bea for Ada``."""
    return f"{actor} for {data['for_name']}" if data.get("for_name") else actor


def find_watch(pipeline):
    """The errand that looks for what the rejection of the present version waits for; None once it ended."""
    rows = Errand.objects.filter(pipeline=pipeline, version=pipeline.version, kind=WATCH, done_at=None)
    return rows.first()


def find_acting(pipeline, *, now=None):
    """The Unless that a rejected proposal still waits for, or None."""
    if pipeline.state != State.REJECTED or find_watch(pipeline) is None:
        return None
    unless = find_unless(pipeline)
    return unless if unless and (now or timezone.now()) < unless.until else None


def find_standing(same, *, now=None):
    """Of a queryset of one title and topic: the rejected one that keeps it from being proposed, or None."""
    watched = Errand.objects.filter(pipeline=OuterRef("pk"), kind=WATCH, done_at=None)
    rejected = same.filter(Exists(watched), state=State.REJECTED)
    return next((row for row in rejected.order_by("-id") if find_acting(row, now=now)), None)


def measure_unless(topic, rule, at):
    """What the project's ``measure`` says of a rule at a moment; whatever it raises."""
    return ask("measure", topic, rule, to_ms(at))
