"""``POST /api/v1/stream-tickets/``: what a partner's server fetches for its pages."""

from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response

from metrics_app.api.authentication import PartnerAuthentication
from metrics_app.api.base import ApiView
from metrics_app.api.documented import operation
from metrics_app.api.fields import Text
from metrics_app.api.strict import Body
from metrics_app.services.tickets import issue_ticket
from metrics_app.streams.tickets import TICKET_SECONDS


class TicketRequestSerializer(Body):
    """What the ticket is for."""

    noun = "a ticket"
    topics = serializers.ListField(
        child=Text(), required=False, allow_null=True, help_text="Topics or patterns. Default: the key's."
    )
    origin = Text(
        required=False,
        allow_null=True,
        help_text="The web origin of the page. Default: the key's, where it has only one.",
    )


class TicketSerializer(serializers.Serializer):
    """A ticket."""

    ticket = serializers.CharField(help_text="For `/mkt/metrics/stream?ticket=`, once.")
    expires_in = serializers.IntegerField(help_text="Seconds.")


class StreamTicketsView(ApiView):
    """Only partners' keys get tickets; a session or another key has no use for one."""

    authentication_classes = [PartnerAuthentication]
    permission_classes = [IsAuthenticated]

    @operation(
        "issue_stream_ticket",
        "A single-use ticket for a page's stream",
        description="For the server behind a partner's page, so that the key never reaches a browser. "
        "The ticket opens `/mkt/metrics/stream?topic=…&ticket=…` once, within 30 s, from its origin.",
        body=TicketRequestSerializer,
        answers={201: TicketSerializer},
        faults={
            401: "No key, or an unknown or revoked one.",
            403: "Not a partner's key, or not its topic or origin.",
            429: "The key's requests of this minute are used up.",
        },
    )
    def post(self, request):
        """A new ticket."""
        ticket = {"ticket": issue_ticket(who=request.auth, **self.read_body()), "expires_in": TICKET_SECONDS}
        return Response(TicketSerializer(ticket).data, status=201, headers={"Cache-Control": "no-store"})
