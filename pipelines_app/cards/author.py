"""Who wrote a proposal, why, and what they point to; the words of a program are told as such."""

from dataclasses import dataclass

from pipelines_app.cards.facts import write_time
from pipelines_app.queries import show_parts, tell_program

SHORT = 240  # characters of a rationale in the inbox


@dataclass(frozen=True)
class Author:
    """``mark`` says that a program wrote it, ``named`` is ``[(title, what it said, link, when), …]``."""

    mark: str
    rationale: str
    short: str
    named: tuple


def describe_author(pipeline):
    """The ``Author`` of a proposal."""
    text = pipeline.rationale
    short = text if len(text) <= SHORT else f"{text[:SHORT].rstrip()}…"
    evidence = show_parts(pipeline, {"named": pipeline.evidence.get("named")})
    return Author(tell_program(pipeline), text, " ".join(short.split()), tuple(list_named(evidence)))


def list_named(evidence):
    """``(title, what it said, link, when)`` of what the proposer named, as it was frozen."""
    named = evidence.get("named") if isinstance(evidence, dict) else None
    for one in named if isinstance(named, list) else ():
        if isinstance(one, dict) and isinstance(one.get("title"), str) and isinstance(one.get("said"), str):
            link, at = one.get("link"), one.get("at")
            # A page of this site, and nothing else that evidence may hold.
            local = isinstance(link, str) and link.startswith("/") and not link.startswith("//")
            yield one["title"], one["said"], link if local else "", write_time(at) if type(at) is int else ""
