"""Webhooks as Standard Webhooks has them: signatures, secrets, and where they may go. Pure.

https://www.standardwebhooks.com: ``webhook-signature`` is ``v1,`` and the Base64 of the
HMAC-SHA256 of ``id.timestamp.body``.
"""

import base64
import binascii
import hmac
import ipaddress
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from metrics_app.exceptions import BadInput

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64  # bytes of a secret
NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Of the answers that a client can only mend itself, those that mean "later".
LATER = frozenset({408, 409, 425, 429})
ASKED_TO_WAIT = frozenset({429, 503})  # whose Retry-After counts
SOONEST_S, LATEST_S = 1, 3_600  # of what a Retry-After may say


def parse_secret(text):
    """The bytes of ``whsec_…``; BadInput, which does not repeat it."""
    try:
        secret = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (AttributeError, ValueError, binascii.Error):
        secret = b""
    if not SHORTEST <= len(secret) <= LONGEST:
        raise BadInput(f"a secret is {PREFIX} and the Base64 of {SHORTEST} to {LONGEST} random bytes")
    return secret


def parse_secrets(text):
    """Several secrets parted by spaces, while one takes the place of another; BadInput."""
    return [parse_secret(one) for one in (text.split() if isinstance(text, str) else ())] or [
        parse_secret("")
    ]


def sign(secrets, message, timestamp, body):
    """The headers of a message: its id, the time (s) and a signature by each secret. ``body`` in bytes."""
    signed = f"{message}.{timestamp}.".encode() + body
    signatures = [base64.b64encode(hmac.digest(secret, signed, "sha256")).decode() for secret in secrets]
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def is_refused(status):
    """Whether an answer says that this very request will never be taken: 4xx, but for those of ``LATER``."""
    return 400 <= status < 500 and status not in LATER


def read_retry_after(status, text, date, now):
    """Seconds from ``now`` (s since the epoch) until a server wants to be asked again, 1 s to an hour.

    ``text`` is its ``Retry-After``, seconds or an HTTP date (RFC 9110, 10.2.3), ``date`` its ``Date``, by
    whose clock such a date is read. None where the answer asks for no wait, or in no words that are known.
    """
    if status not in ASKED_TO_WAIT or not text:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        # A longer one is bounded anyway, and Python reads no number of thousands of digits.
        seconds = int(text[:9])
    else:
        until = parse_date(text)
        if until is None:
            return None
        told = parse_date(date or "")
        seconds = until - (now if told is None else told)
    return min(max(seconds, SOONEST_S), LATEST_S)


def parse_date(text):
    """The seconds since the epoch of an HTTP date; None for anything else."""
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def parse_url(url):
    """The parts of an address of a webhook, with its port; BadInput."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}[parts.scheme]
    except (AttributeError, TypeError, ValueError, KeyError):
        raise BadInput(f"{url!r:.200} is no address: write one such as https://example.org/hook") from None
    if not parts.hostname or not url.isascii() or not url.isprintable() or " " in url:
        raise BadInput(f"{url!r:.200} is no address: write one such as https://example.org/hook")
    if parts.username is not None or parts.fragment:
        raise BadInput("an address of a webhook has neither a user nor a fragment")
    return parts, port


def parse_networks(texts):
    """The networks of ``["10.0.0.0/8"]``; BadInput."""
    try:
        return [ipaddress.ip_network(text) for text in texts]
    except (TypeError, ValueError) as error:
        raise BadInput(f"{error}: write networks such as 10.20.0.0/16") from None


def find_fault(address, scheme, networks):
    """Why nothing may be sent to an IP address; "" where it may. ``networks`` are one's own, allowed ones."""
    ip = unwrap(ipaddress.ip_address(address.partition("%")[0]))
    if any(ip.version == network.version and ip in network for network in networks):
        return ""
    if not ip.is_global or ip.is_multicast or ip.is_reserved:
        return f"{address} is not a public address, and not in WEBHOOK_NETWORKS"
    return "" if scheme == "https" else "only https leaves the networks of WEBHOOK_NETWORKS"


def unwrap(ip):
    """The IPv4 address that an IPv6 one stands for: what is private there is private here."""
    if ip.version == 4:
        return ip
    inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1])
    if inner is None and ip in NAT64:
        inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return inner or ip
