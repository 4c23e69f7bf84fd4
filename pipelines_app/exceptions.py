"""What can go wrong, in the words of the person who can mend it."""


class PipelinesError(Exception):
    """Base class of every error of this app."""


class BadInput(PipelinesError, ValueError):
    """Input that is refused as a whole; ``errors`` lists each fault as ``{"field", "message"}``."""

    def __init__(self, message, *, field=None, errors=None):
        super().__init__(message)
        self.errors = errors or [{"field": field, "message": message}]


class BadDecision(BadInput):
    """A vote without what it needs, such as a reject without a comment."""


class TooLarge(PipelinesError):
    """A request with more bytes than a proposal or a vote can need."""


class NotAllowed(PipelinesError):
    """This person or program may not do this; the message says why."""


class Postponed(PipelinesError):
    """An errand that must wait until ``until``; the message says why."""

    def __init__(self, message, *, until):
        super().__init__(message)
        self.until = until


class Impossible(PipelinesError):
    """An errand that no further attempt would help; the message says why."""


class NotMeasured(PipelinesError):
    """What was asked of the project cannot be read right now; nothing was done, and later it may work."""


class Conflict(PipelinesError):
    """The proposal is not as the caller saw it; ``pipeline`` is as it stands now.

    ``decision`` is the vote that was first, where there was one.
    """

    def __init__(self, message, *, pipeline, decision=None):
        super().__init__(message)
        self.pipeline = pipeline
        self.decision = decision


class AlreadyDecided(Conflict):
    """It no longer awaits a decision, or this person has voted otherwise."""


class VersionChanged(Conflict):
    """The suggestion has changed since the version the caller saw."""


class Tampered(Conflict):
    """The stored proposal no longer is what was frozen: nothing is decided by what somebody slipped in."""
