"""``POST /api/v1/points/``: the busiest door. It needs Redis; the database may be away."""

from hashlib import sha256

from django.utils.http import parse_header_parameters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.response import Response

from metrics_app import clock, conf
from metrics_app.api.authentication import KeyAuthentication
from metrics_app.api.base import ApiView
from metrics_app.api.documented import operation
from metrics_app.api.permissions import CanEmit
from metrics_app.api.schema import POINTS, AcceptedSerializer
from metrics_app.api.senders import HEADERS, read_sender, shift_batch
from metrics_app.exceptions import BadInput, BusUnavailable, TooLarge
from metrics_app.services.record import record_batch
from metrics_app.wire import list_formats

POINT = {"topic": "complaint.latency", "value": 1560, "ts": 1732390000123}
# What the project's own formats look like inside is theirs to say.
BODIES = {"application/json": POINTS} | dict.fromkeys(conf.get("WIRE_FORMATS"), OpenApiTypes.BINARY)
FOREVER = 10**12  # seconds
COLUMNS = {"topic": "complaint.latency", "ts": [1732390000123, 1732390001123], "values": [1560, 1800]}


def read_body(request, limit):
    """The body's bytes, or TooLarge; reads no more than ``limit`` and one byte."""
    message = f"the body is over {limit} bytes: send fewer points at once"
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and int(length) > limit:
        raise TooLarge(message)
    # A chunked body has no length to trust.
    body = request.read(limit + 1)
    if len(body) > limit:
        raise TooLarge(message)
    return body


def find_decoder(request):
    """The decoder of the request's content type (none given: JSON), or a 415."""
    kind, options = parse_header_parameters(request.headers.get("Content-Type", ""))
    charset = options.get("charset", "utf-8").lower()
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    formats = list_formats()
    decoder = formats.get(kind or "application/json")
    if decoder is None or charset not in ("utf-8", "utf8") or encoding != "identity":
        sent = f"Content-Type {request.headers.get('Content-Type', '')[:200]!r}"
        if encoding != "identity":
            sent += f" with Content-Encoding {encoding[:200]!r}"
        expected = f"expected {', '.join(formats)} in UTF-8, not compressed"
        raise UnsupportedMediaType(sent, f"{sent} is not understood: {expected}")
    return decoder


class PointsView(ApiView):
    """Takes points from programs. A session alone emits nothing: it needs a key with scope ``emit``."""

    authentication_classes = [KeyAuthentication]
    permission_classes = [CanEmit]
    # A point is worth more than a stray parameter of its sender.
    takes_any_parameter = True

    @operation(
        "emit_points",
        "Emit points",
        description="One point, a list of up to 10,000, or columns of one topic. `value` defaults to 1, "
        "`ts` (milliseconds, or ISO 8601 with an offset) to the time of receipt. All or nothing: `refused` "
        "has the index of each faulty point, and the others may be sent again under another key for retries. "
        "Needs a key with scope `emit`; a session is not enough.",
        body=BODIES,
        headers=HEADERS,
        examples=(
            OpenApiExample("One point", POINT, request_only=True),
            OpenApiExample("A list", [POINT, POINT], request_only=True),
            OpenApiExample("Columns", COLUMNS, request_only=True),
        ),
        answers={202: AcceptedSerializer},
        faults={
            400: "Bad input: nothing was recorded.",
            401: "No key, or an unknown or revoked one.",
            403: "The key lacks the scope `emit`, or the topic.",
            409: "The Idempotency-Key came with another body.",
            413: "Over 10,000 points or 5 MB.",
            415: f"Not {' or '.join(BODIES)} in UTF-8.",
            429: "The key's limit of new KPIs is used up.",
            503: "The bus is away (without an Idempotency-Key the outcome is unknown), or the database, and "
            "the key was not used lately.",
        },
    )
    def post(self, request):
        """Decodes, records, answers 202 once the bus has the batch."""
        decode, sender = find_decoder(request), read_sender(request)
        body = read_body(request, conf.get("MAX_BODY"))
        now, skew, digest = clock.now_ms(), sender.skew, sha256(body).digest()
        # Read by the sender's clock, also for what has no time and is stamped here.
        options = {"now": now + skew, "max_points": conf.get("MAX_POINTS")}
        try:
            batch, count = decode(body, **options, max_future=conf.get("MAX_FUTURE"))
        except BadInput as error:
            if not sender.was_taken(error, digest):
                sender.note_refusal(error, now)
                raise
            batch, count = decode(body, **options, max_future=FOREVER)
        try:
            record_batch(
                shift_batch(batch, skew) if skew else batch,
                who=sender.who,
                batch_id=sender.batch_id,
                digest=digest,
            )
        except BusUnavailable as error:
            raise BusUnavailable(f"{error} {tell_outcome(sender.key)}", detail=error.detail) from error
        sender.note(now)
        accepted = {"accepted": count} | ({"skew": skew / 1000} if skew else {})
        return Response(accepted, status=202, headers={"HMS-Clock": str(clock.now_ms())})


def tell_outcome(key):
    """What a sender may conclude from a 503."""
    if key is not None:
        return "Sending the same again under the same Idempotency-Key is harmless."
    return (
        "Whether the points arrived is unknown: sending them again may count them twice. "
        "With an Idempotency-Key a retry is harmless."
    )
