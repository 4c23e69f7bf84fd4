"""A finding: what is so, and what to do about it."""

from typing import NamedTuple

TODO, NOTE = "todo", "note"


class Finding(NamedTuple):
    """``level`` TODO: somebody must act; NOTE: somebody may want to know. ``part``: of what it is."""

    level: str
    part: str
    message: str
    todo: str
