"""The two doors of the event streams: for readers of the site, and for partners."""

from urllib.parse import parse_qs

from metrics_app import keyring, rates
from metrics_app.core.headers import read_credential
from metrics_app.exceptions import Refused, TooMany
from metrics_app.streams import credentials, tickets
from metrics_app.streams.credentials import Credential
from metrics_app.streams.partner_stream import PartnerStream
from metrics_app.streams.sse import EventStream

# The last two are of older stand-ins for EventSource, which send them by themselves.
ALLOWED_HEADERS = b"Authorization, X-API-Key, Last-Event-ID, Cache-Control, X-Requested-With"
REMEMBER = b"600"  # seconds a browser need not ask again before it sends these headers
CHALLENGE = [(b"www-authenticate", b"Bearer")]


class ReaderEndpoint:
    """People with a session, and keys with the scope ``read``."""

    async def find_headers(self, hub, scope):
        """No page of another origin may read these."""
        return []

    async def find_credential(self, hub, scope):
        """What the request shows."""
        if read_ticket(scope) is not None:
            raise Refused(400, "Tickets open /mkt/metrics/stream.", "ticket")
        return credentials.read_headers(scope)

    async def admit(self, hub, scope, send, credential, who, query):
        """The stream, or Refused."""
        if not credentials.may_stream(who):
            raise Refused(403, "This key lacks the scope `read`.")
        return EventStream(credential, who, send, query)


class PartnerEndpoint:
    """Partners' keys and their tickets; a session opens nothing here."""

    async def find_headers(self, hub, scope):
        """CORS: only pages of partners may read what is answered, refusals included."""
        vary, origin = (b"vary", b"Origin"), credentials.read_header(scope, b"origin")
        if not origin or origin not in await hub.call(keyring.load_origins):
            return [vary]
        headers = [vary, (b"access-control-allow-origin", origin.encode("latin-1"))]
        if scope["method"] == "OPTIONS":
            headers += [
                (b"access-control-allow-methods", b"GET"),
                (b"access-control-allow-headers", ALLOWED_HEADERS),
                (b"access-control-max-age", REMEMBER),
            ]
        return headers

    async def find_credential(self, hub, scope):
        """The key of the headers, or the ticket of the address, which is used up by this."""
        raw = read_ticket(scope)
        if raw is None:
            return Credential(key=read_credential(scope["headers"]))
        ticket = await hub.call(tickets.redeem_ticket, raw)
        if ticket is None:
            raise await explain_ticket(hub, raw)
        return Credential(ticket=ticket)

    async def admit(self, hub, scope, send, credential, who, query):
        """The stream, or Refused, or TooMany where the key knocks too often."""
        if not credentials.may_subscribe(who):
            raise Refused(403, "This key lacks the scope `partner`.")
        origin = credentials.read_header(scope, b"origin")
        if not credentials.is_allowed_from(who, credential.ticket, origin):
            raise Refused(403, "This key may not be used from this web origin.")
        wait = await hub.call(rates.count_request, who.id, who.limits.requests)
        if wait:
            raise TooMany(f"key {who.name!r} opens over {who.limits.requests} a minute", retry_after=wait)
        return PartnerStream(credential, who, send, query, origin)


def read_ticket(scope):
    """The raw ticket in the address; None without one."""
    try:
        found = parse_qs(scope["query_string"].decode(), keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        return None  # the query's own reader says what is wrong with it
    return found["ticket"][-1] if "ticket" in found else None


async def explain_ticket(hub, raw):
    """204 tells the page of a revoked key to stop; all others need a fresh ticket."""
    used = await hub.call(tickets.find_used, raw)
    if used and await hub.call(credentials.is_revoked, Credential(ticket=used)):
        return Refused(204)
    message = f"This ticket is unknown, used, or over {tickets.TICKET_SECONDS} s old: fetch a new one."
    return Refused(401, message, "ticket", headers=CHALLENGE)
