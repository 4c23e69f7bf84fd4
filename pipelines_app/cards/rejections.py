"""Why the same was not wanted the last time: what whoever decides now should know."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rejected:
    """The last rejection of the same title and topic, else of the same topic; of proposal ``pk``.

    ``who`` (``Bea for Ada``), ``when`` and why (``comment``). ``suggestion`` is what was suggested then and
    ``title`` under what title, each empty where it is the same; ``own`` where it was this very proposal,
    which waits again.
    """

    pk: int
    title: str
    who: str
    when: str
    comment: str
    suggestion: str
    own: bool

    @property
    def sentence(self):
        """``Last rejected by Bea, 3 Mar (“Hire 1”): “No money”``: about what, by whom, when, and why."""
        lead = f"On the same KPI “{self.title}” was last rejected" if self.title else "Last rejected"
        suggested = f" (“{self.suggestion}”)" if self.suggestion else ""
        return f"{lead} by {self.who}, {self.when}{suggested}: “{self.comment}”"


def describe_rejected(pipeline, vote, write_time):
    """The ``Rejected`` behind a vote, its time in the words of ``write_time``; None without one."""
    if vote is None:
        return None
    title, then = vote.pipeline.title, vote.suggestion
    return Rejected(
        pk=vote.pipeline_id,
        title="" if title == pipeline.title else title,
        who=vote.name,
        when=write_time(vote.created_at),
        comment=vote.comment,
        suggestion="" if then == pipeline.suggestion else then,
        own=vote.pipeline_id == pipeline.pk,
    )
