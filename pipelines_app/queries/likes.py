"""The other proposals of a title and topic, and what became of them."""

from collections import Counter, defaultdict

from pipelines_app.core.states import AGREED, State
from pipelines_app.models import Pipeline

# The evidence of a proposal is the bulk of its row, and a list does not show it.
HEAVY = ("evidence_text",)


def list_like(pipeline, *, among):
    """The other proposals of the same title and topic ``among`` a queryset, newest first."""
    like = among.filter(title=pipeline.title, topic=pipeline.topic).exclude(pk=pipeline.pk)
    return like.defer(*HEAVY).order_by("-id")


def attach_likes(pipelines, *, among):
    """The proposals, each with the ``like_states`` of its like ones, newest first: one query for all."""
    pipelines = list(pipelines)
    titles, topics = ({getattr(row, name) for row in pipelines} for name in ("title", "topic"))
    rows = among.filter(title__in=titles, topic__in=topics).order_by("-id")
    found = defaultdict(list)
    for pk, title, topic, state in rows.values_list("pk", "title", "topic", "state"):
        found[title, topic].append((pk, state))
    for row in pipelines:
        row.like_states = [state for pk, state in found[row.title, row.topic] if pk != row.pk]
    return pipelines


def list_like_states(pipeline, *, among):
    """The states of the like ones, newest first, as attached to it."""
    if not hasattr(pipeline, "like_states"):
        return list(list_like(pipeline, among=among).values_list("state", flat=True))
    return pipeline.like_states


def count_like(pipeline, *, among):
    """What became of like proposals: a count for each end, each effect, and the ``total``."""
    states = Counter(list_like_states(pipeline, among=among))
    counts = {name: states[name] for name in ("rejected", "expired", "withdrawn")}
    effects = (State.EFFECTIVE, State.INEFFECTIVE, State.HARMFUL, State.INCONCLUSIVE)
    counts |= {state.value: states[state] for state in effects}
    return counts | {"approved": sum(states[state] for state in AGREED), "total": sum(states.values())}


def attach_evidence(pipelines):
    """The proposals with the evidence that lists leave out: one query for all that lack it."""
    lacking = {row.pk: row for row in pipelines if row.get_deferred_fields() & set(HEAVY)}
    if lacking:
        texts = Pipeline.objects.filter(pk__in=lacking).values_list("pk", "evidence_text")
        for pk, text in texts:
            lacking[pk].evidence_text = text
    return pipelines
