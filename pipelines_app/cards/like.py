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
    """What became of like proposals as squares, newest last, and a sentence; the record of the suggestion.

    Of those ``visible`` (a queryset). ``parts`` of the record's line, ``review``: the cases because of
    which to review the approach.
    """
    like = queries.list_like_states(pipeline, among=visible)[:SQUARES]
    squares = [EFFECTS.get(state, "open") for state in reversed(like)]
    counts = queries.count_like(pipeline, among=visible)
    record = queries.find_record(pipeline, among=visible)
    told = {"parts": list_parts(record), "review": list_reviewed(record)}
    if record.cases:
        # Its line tells the effects already, of the suggestion and not of the title.
        counts |= dict.fromkeys(EFFECTS, 0)
    return told | {"squares": squares, "sentence": tell_counts(counts)}
