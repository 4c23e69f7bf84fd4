"""Who is at the door: a person or a program, and what it may do."""

from dataclasses import dataclass

FRESH = 1.5  # seconds a process remembers; with the request under way a change takes effect within 2


@dataclass(frozen=True)
class Limits:
    """What a partner's key is held to besides its topics."""

    origins: tuple = ()
    max_rate: float | None = None  # events a second and topic
    connections: int = 20
    requests: int = 600  # a minute
    within: tuple | None = None  # patterns a ticket narrows the key's topics to


@dataclass(frozen=True)
class Who:
    """A person or a program at the door, and what it may do."""

    kind: str  # "user" or "key"
    id: int
    name: str
    scopes: frozenset = frozenset()
    groups: frozenset = frozenset()  # ids
    topics: tuple = ()  # patterns a key is limited to
    actions: tuple = ()  # names that a key's proposals may carry
    is_superuser: bool = False
    permissions: frozenset = frozenset()  # of a person: "app.codename"
    limits: Limits = Limits()  # of a partner
    maker: int | None = None  # id of the person who made a key; None where that is nobody any more
