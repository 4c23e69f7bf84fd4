"""Who wrote a proposal, and the evidence that its author names."""

from pipelines_app import conf
from pipelines_app.core.moments import to_ms
from pipelines_app.exceptions import BadInput
from pipelines_app.queries.deciding import name_of


def tell_program(pipeline):
    """``Written by a program, key advisor``, and who changed its suggestion; empty for people and rules."""
    if not pipeline.program:
        return ""
    changed = f"; the suggestion was changed by {name_of(pipeline.changed_by)}" if pipeline.changed_by else ""
    return f"Written by a program, key {pipeline.program}{changed}"


def cite(entries, *, reader, group, at, field="evidence"):
    """What each of ``entries`` says at a moment, as dicts that JSON can carry, in the same order.

    ``reader`` (a key or a user) must be allowed to see it, and so must the ``group`` that the proposal
    is restricted to (None: everybody). BadInput for what is not there or hidden alike, NotMeasured
    for what cannot be read right now.
    """
    if not entries:
        return []
    answer = getattr(conf.load("MEASUREMENTS"), "cite", None)
    if answer is None:
        raise BadInput("this project knows no evidence by name: leave it out", field=field)
    return answer(entries, reader=reader, group=group, at=to_ms(at), field=field)
