"""What a request with points says of its sender: its clock, what it lost before, and its key for retries."""

import re
from dataclasses import dataclass

import numpy as np
from drf_spectacular.utils import OpenApiParameter

from metrics_app import bus, clock, conf, emitters
from metrics_app.core.durations import DAY_MS
from metrics_app.core.points import EARLIEST
from metrics_app.exceptions import BadInput

IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,200}\Z")
NUMBER = re.compile(r"-?[0-9]{1,14}\Z")
FURTHEST = 10**14 - 1  # ms
MOST = 10**9  # points that one request may tell of as lost

HEADERS = (
    OpenApiParameter(
        "Idempotency-Key",
        str,
        "header",
        description="1 to 200 visible ASCII characters. Makes a retry harmless for 24 h.",
    ),
    OpenApiParameter(
        "HMS-Clock",
        {"type": "integer", "format": "int64", "minimum": EARLIEST, "maximum": FURTHEST},
        "header",
        description="What the clock from which all times of the batch were read says as the request is sent, "
        "ms. Where it is over 5 s off, `skew` says by how much, and that is subtracted from the times.",
    ),
    OpenApiParameter(
        "HMS-Skew",
        {"type": "integer", "format": "int64", "minimum": -FURTHEST, "maximum": FURTHEST},
        "header",
        description="How far that clock is ahead of the server's (negative: behind), ms, as an earlier "
        "answer that came back at once showed. A request that comes late looks like a clock that is behind: "
        "with this it does not.",
    ),
    OpenApiParameter(
        "HMS-Clock",
        {"type": "integer", "format": "int64"},
        "header",
        response=[202],
        description="What the server's clock says as the answer is sent, ms.",
    ),
    OpenApiParameter(
        "HMS-Dropped",
        {"type": "integer", "minimum": 0, "maximum": MOST},
        "header",
        description="How many points the sender has lost and not told of yet. Counted once for an "
        "Idempotency-Key, when the batch is accepted; shown in `/metrics` and on the key's page.",
    ),
)


@dataclass(frozen=True)
class Sender:
    """The sender of one request; ``skew``: ms by which its clock is ahead, 0 where little or unknown."""

    who: object
    key: str | None
    skew: int
    dropped: int
    has_clock: bool

    @property
    def batch_id(self):
        """The id under which its batch counts once; None without a key for retries."""
        return None if self.key is None else f"{self.who.id}:{self.key}"

    def was_taken(self, error, digest):
        """Whether a batch that is refused for its times is a repeat of one that was taken.

        Another server's clock may have let it pass. Refused now, it would be sent again in parts, and
        counted twice.
        """
        return bool(error.ahead and self.key is not None and bus.is_claimed(self.batch_id, digest))

    def note(self, now):
        """Notes what it said, once its batch is recorded; ``now`` in ms."""
        if self.skew:
            emitters.note_skew(self.who.id, self.skew, now=now)
        if self.dropped:
            emitters.note_dropped(self.who.id, self.dropped, self.batch_id)

    def note_refusal(self, error, now):
        """Notes a clock that must be ahead: without one of its own, its times are all that tells of it."""
        if not self.has_clock and 0 < error.ahead < DAY_MS:
            emitters.note_skew(self.who.id, error.ahead, now=now, is_corrected=False)


def read_sender(request):
    """The ``Sender`` of a request that has just come; BadInput for a header that is none."""
    clock_said = read_number(request, "HMS-Clock", EARLIEST, FURTHEST)
    known = read_number(request, "HMS-Skew", -FURTHEST, FURTHEST)
    skew = 0 if clock_said is None else clock_said - find_arrival(request)
    if clock_said is not None and known is not None:
        # The way takes time, and so makes a clock look behind, never ahead: of the two the greater is right.
        skew = max(skew, known)
    return Sender(
        who=request.auth,
        key=read_idempotency_key(request),
        skew=skew if abs(skew) > conf.get("MAX_FUTURE") * 1000 else 0,
        dropped=read_number(request, "HMS-Dropped", 0, MOST) or 0,
        has_clock=clock_said is not None,
    )


def find_arrival(request):
    """When its headers came, in ms: the body of a slow line may have come much later."""
    arrived = getattr(request._request, "scope", {}).get("metrics_app.arrived")
    return clock.now_ms() if arrived is None else arrived - clock.find_skew()


def read_number(request, name, least, most):
    """A header that is a whole number, None where it is missing; BadInput."""
    text = request.headers.get(name)
    if text is None:
        return None
    if not NUMBER.match(text) or not least <= int(text) <= most:
        raise BadInput(f"{text[:60]!r} is not a whole number from {least} to {most}", field=name)
    return int(text)


def read_idempotency_key(request):
    """The sender's ``Idempotency-Key``, or None without one; BadInput."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not IDEMPOTENCY_KEY.match(key):
        raise BadInput(
            f"{key[:200]!r} is not an idempotency key: expected 1 to 200 visible ASCII characters",
            field="Idempotency-Key",
        )
    return key


def shift_batch(batch, skew):
    """The batch with ``skew`` ms subtracted from its times; BadInput where one is too early then."""
    shifted = {topic: (ts - skew, values) for topic, (ts, values) in batch.items()}
    if any(np.min(ts) < EARLIEST for ts, _ in shifted.values()):
        message = f"a time is before 2000-01-01 once the {skew / 1000:g} s of HMS-Clock are subtracted"
        raise BadInput(message, field="ts")
    return shifted
