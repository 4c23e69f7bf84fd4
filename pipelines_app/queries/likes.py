"""The other proposals of a title and topic, and what became of them."""

from collections import Counter, defaultdict

from pipelines_app.core.states import AGREED, State
from pipelines_app.models import Pipeline

# The evidence of a proposal is the bulk of its row, and a list does not show it.
HEAVY = ("evidence_text",)
KNOWN = ("pk", "state", "created_at", "decided_at", "effect__judged_at")


def list_same(pipeline):
    """The other proposals of the same title and topic that are for the very same readers.

    What stands in the way of a proposal is asked here: one for others neither does, nor is told of.
    """
    same = Pipeline.objects.filter(title=pipeline.title, topic=pipeline.topic)
    return same.filter(restricted_to=pipeline.restricted_to_id).exclude(pk=pipeline.pk)


def list_like(pipeline, *, among):
    """The other proposals of the same title and topic ``among`` a queryset, newest first."""
    like = among.filter(title=pipeline.title, topic=pipeline.topic).exclude(pk=pipeline.pk)
    return like.defer(*HEAVY).order_by("-id")


def attach_likes(pipelines, *, among):
    """The proposals, each with ``like_states``, see ``list_like_states``: one query for all."""
    pipelines = list(pipelines)
    titles, topics = ({getattr(row, name) for row in pipelines} for name in ("title", "topic"))
    rows = among.filter(title__in=titles, topic__in=topics).order_by("-id")
    found = defaultdict(list)
    for title, topic, *known in rows.values_list("title", "topic", *KNOWN):
        found[title, topic].append(known)
    for row in pipelines:
        others = [known for known in found[row.title, row.topic] if known[0] != row.pk]
        row.like_states = look_back(others, find_horizon(row))
    return pipelines


def find_horizon(pipeline):
    """Until when others count as known before it: its decision; None while it waits: until now."""
    return None if pipeline.is_open else pipeline.decided_at


def look_back(rows, moment):
    """``(id, state)`` of rows of ``KNOWN`` as they were at a moment (None: now), of what was there then."""
    if moment is None:
        return [(pk, state) for pk, state, *_ in rows]
    return [(pk, find_state(moment, *known)) for pk, *known in rows if known[1] < moment]


def find_state(moment, state, _, decided_at, judged_at):
    """The state at a moment, as far as its dates tell: waiting, decided, judged."""
    if decided_at is None or decided_at >= moment:
        return State.AWAITING_APPROVAL.value
    return State.MEASURING.value if judged_at and judged_at >= moment else state


def list_like_states(pipeline, *, among):
    """``(id, state)`` of the like ones, newest first, as they were known when it was decided, or now."""
    if not hasattr(pipeline, "like_states"):
        attach_likes([pipeline], among=among)
    return pipeline.like_states


def count_like(pipeline, *, among):
    """What had become of like proposals before: a count for each end, each effect, and the ``total``."""
    return count_states(state for _, state in list_like_states(pipeline, among=among))


def count_states(states):
    """A count for each end, each effect, and the ``total``."""
    states = Counter(states)
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
