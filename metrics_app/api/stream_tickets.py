"""``POST /api/v1/stream-tickets/``: what a partner's server fetches for its pages."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from metrics_app.api.authentication import PartnerAuthentication
from metrics_app.api.schema import ErrorsSerializer
from metrics_app.exceptions import BadInput
from metrics_app.services.tickets import issue_ticket
from metrics_app.streams.tickets import TICKET_SECONDS

FIELDS = ("topics", "origin")
REFUSED = {
    400: "Bad input.",
    401: "No key, or an unknown or revoked one.",
    403: "Not a partner's key, or not its topic or origin.",
    429: "The key's requests of this minute are used up.",
    503: "Redis is away.",
}


class TicketRequestSerializer(serializers.Serializer):
    """What the ticket is for."""

    topics = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Topics or patterns. Default: the key's."
    )
    origin = serializers.CharField(
        required=False, help_text="The web origin of the page. Default: the key's, where it has only one."
    )


class TicketSerializer(serializers.Serializer):
    """A ticket."""

    ticket = serializers.CharField(help_text="For `/mkt/metrics/stream?ticket=`, once.")
    expires_in = serializers.IntegerField(help_text="Seconds.")


class StreamTicketsView(APIView):
    """Only partners' keys get tickets; a session or another key has no use for one."""

    authentication_classes = [PartnerAuthentication]
    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="issue_stream_ticket",
        summary="A single-use ticket for a page's stream",
        description="For the server behind a partner's page, so that the key never reaches a browser. "
        "The ticket opens `/mkt/metrics/stream?topic=…&ticket=…` once, within 30 s, from its origin.",
        request=TicketRequestSerializer,
        responses={201: TicketSerializer}
        | {status: OpenApiResponse(ErrorsSerializer, text) for status, text in REFUSED.items()},
    )
    def post(self, request):
        """A new ticket."""
        wanted = request.data if request.data else {}
        if not isinstance(wanted, dict):
            raise BadInput('the body is no object such as {"topics": ["complaint.latency"]}')
        for name in wanted:
            if name not in FIELDS:
                raise BadInput(f"is unknown: expected one of {', '.join(FIELDS)}", field=str(name)[:100])
        raw = issue_ticket(who=request.auth, topics=wanted.get("topics"), origin=wanted.get("origin"))
        answer = Response({"ticket": raw, "expires_in": TICKET_SECONDS}, status=201)
        answer["Cache-Control"] = "no-store"
        return answer
