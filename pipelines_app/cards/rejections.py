"""Why the same was not wanted the last time: what whoever decides now should know."""

from dataclasses import dataclass

from pipelines_app.cards.writing import tell_time


@dataclass(frozen=True)
class Rejected:
    """The last rejection of the same title and topic: ``who`` (``Bea for Ada``), ``when``, why, of which id.

    ``suggestion`` is what was suggested then, empty where it is the same; ``own`` where it was this very
    proposal, which waits again.
    """

    pk: int
    who: str
    when: str
    comment: str
    suggestion: str
    own: bool


def describe_rejected(pipeline, vote, now):
    """The ``Rejected`` behind a vote; None without one."""
    if vote is None:
        return None
    then = vote.suggestion
    return Rejected(
        pk=vote.pipeline_id,
        who=vote.name,
        when=tell_time(vote.created_at, now),
        comment=vote.comment,
        suggestion="" if then == pipeline.suggestion else then,
        own=vote.pipeline_id == pipeline.pk,
    )
