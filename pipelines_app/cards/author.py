"""Who wrote a proposal, why, and what they point to; the words of a program are told as such."""

from dataclasses import dataclass

from pipelines_app.cards.facts import write_time
from pipelines_app.core.parts import tell_hidden
from pipelines_app.queries import show_parts, tell_program

SHORT = 240  # characters of a rationale in the inbox


@dataclass(frozen=True)
class Author:
    """``mark`` says that a program wrote it, ``named`` is ``[(title, what it said, link, when), …]``.

    ``hidden`` says how much of what is named the reader may not see.
    """

    mark: str
    rationale: str
    short: str
    named: tuple
    hidden: str = ""


def describe_author(pipeline):
    """The ``Author`` of a proposal."""
    text = pipeline.rationale
    short = text if len(text) <= SHORT else f"{text[:SHORT].rstrip()}…"
    # Beside what else is frozen: each count says what is missing at its place.
    evidence, hidden = show_parts(pipeline, {"named": pipeline.evidence.get("named")})
    return Author(
        tell_program(pipeline),
        text,
        " ".join(short.split()),
        tuple(list_named(evidence)),
        tell_hidden(hidden),
    )


def list_named(evidence):
    """``(title, what it said, link, when)`` of what the proposer named, as it was frozen."""
    named = evidence.get("named") if isinstance(evidence, dict) else None
    for one in named if isinstance(named, list) else ():
        if isinstance(one, dict) and isinstance(one.get("title"), str) and isinstance(one.get("said"), str):
            link, at = one.get("link"), one.get("at")
            # A page of this site, and nothing else that evidence may hold.
            local = isinstance(link, str) and link.startswith("/") and not link.startswith("//")
            yield one["title"], one["said"], link if local else "", write_time(at) if type(at) is int else ""
