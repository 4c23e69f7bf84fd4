"""What became of like proposals, and of the same suggestion, as a card shows it."""

from pipelines_app import queries
from pipelines_app.cards.track_records import list_parts
from pipelines_app.core.record import tell_counts
from pipelines_app.core.states import State
from pipelines_app.core.track_records import list_reviewed

SQUARES = 12
# How an effect looks on the track record; what is not measured yet stays empty.
EFFECTS = {State.EFFECTIVE.value: "good", State.HARMFUL.value: "bad", State.INEFFECTIVE.value: "none"}


def describe_record(pipeline, visible):
    """The record of the suggestion, and what became of the others of the title, ``visible`` (a queryset).

    ``parts`` of the record's line; ``review``: the cases because of which to review the approach;
    ``squares`` of all, newest last; ``sentence``: of what the line does not count.
    """
    like = dict(queries.list_like_states(pipeline, among=visible))
    record = queries.find_record(pipeline, among=visible)
    counted = {case.id: State.HARMFUL if case.did_harm else case.kind for case in record.cases}
    squares = [EFFECTS.get(state, "open") for _, state in sorted((like | counted).items())][-SQUARES:]
    rest = queries.count_states(state for pk, state in like.items() if pk not in counted)
    told = {"parts": list_parts(record), "review": list_reviewed(record)}
    sentence = tell_counts(rest, beside=bool(counted), is_decided=pipeline.decided_at is not None)
    return told | {"squares": squares, "sentence": sentence}
