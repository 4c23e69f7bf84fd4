"""What can go wrong, in the words of the person who can mend it."""


class MetricsError(Exception):
    """Base class of every error of this app."""


class BadInput(MetricsError, ValueError):
    """Input that is refused as a whole; ``errors`` lists each fault.

    An error is ``{"field": …, "message": …}``, with ``"index"`` for batches. ``refused``: the indexes
    of all faulty points of a batch, of which ``errors`` may name the first only. ``ahead``: by how many
    ms its newest time lies in the future, where that is what is wrong.
    """

    def __init__(self, message, *, field=None, index=None, errors=None, refused=(), ahead=0):
        super().__init__(message)
        self.refused, self.ahead = refused, ahead
        if errors is None:
            error = {"field": field, "message": message}
            errors = [error if index is None else {"index": index} | error]
        self.errors = errors


class NotKept(BadInput):
    """A question that is finer than what is still kept of the past."""


class NotAllowed(MetricsError):
    """Who asks is known, but may not do this."""


class TooLarge(MetricsError):
    """More points or bytes than one request may carry."""


class Conflict(MetricsError):
    """It fits no longer what is on record: changed meanwhile, restored already, another body for a key."""


class ChangedMeanwhile(Conflict):
    """Somebody else saved a row after it was read; ``version`` is the present one."""

    def __init__(self, message, *, version):
        super().__init__(message)
        self.version = version
        self.errors = [{"field": "version", "message": message, "version": version}]


class TooMany(MetricsError):
    """A limit of the sender is used up; ``retry_after`` is in seconds."""

    def __init__(self, message, *, retry_after):
        super().__init__(message)
        self.retry_after = retry_after


class BusUnavailable(MetricsError):
    """Redis is away or full; what was sent may or may not have arrived.

    Its text is for whoever asked. ``detail`` is for logs and terminals: where Redis is, what it
    said, and what to do; no answer has it. ``waited``: seconds for which nothing had answered, None where
    nobody knows.
    """

    def __init__(self, message, *, detail="", waited=None):
        super().__init__(message)
        self.detail, self.waited = detail, waited

    def tell_operator(self):
        """All that is known, for who runs the site."""
        return f"{self} {self.detail}".rstrip()


class StaleFence(MetricsError):
    """Another collector moved the shard on: reload and go on."""


class NotVisible(MetricsError):
    """A topic that this person or key may not see."""


class DeliveryFailed(MetricsError):
    """A message did not reach its receiver; ``gone``: and no other one ever will.

    ``refused``: the receiver answers and does not want this very message, now or later. ``retry_after``:
    the seconds until it wants to be asked again, None where it did not say. ``status`` is that of a
    server's answer, None where there was none.
    """

    def __init__(self, message, *, gone=False, refused=False, retry_after=None, status=None):
        super().__init__(message)
        self.gone, self.refused, self.retry_after, self.status = gone, refused, retry_after, status


class Refused(MetricsError):
    """An answer that is no stream: status and message, or 204 without one."""

    def __init__(self, status, message="", field=None, headers=()):
        super().__init__(message)
        self.status, self.field, self.headers = status, field, list(headers)
