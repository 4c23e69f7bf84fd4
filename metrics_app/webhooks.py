"""Posting to the webhooks of the settings: to the address that was checked, and nowhere else.

A name is resolved once, every address behind it is judged, and the connection goes to
one of those; no redirect is followed, no more than the beginning of an answer is read.
"""

import socket
import ssl
import threading
import time
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from typing import NamedTuple

from metrics_app import conf
from metrics_app.core.notices import flatten
from metrics_app.core.webhooks import (
    find_fault,
    is_refused,
    parse_networks,
    parse_secrets,
    parse_url,
    read_retry_after,
)
from metrics_app.exceptions import DeliveryFailed

PATIENCE = 10  # seconds, from the first byte of the connection to the last of the answer
ANSWER = 2_000  # bytes of an answer that are read
SHOWN = 120  # characters of it that an error repeats
GONE = 410


class Webhook(NamedTuple):
    """One entry of ``METRICS_APP["WEBHOOKS"]``, parsed."""

    url: str
    secrets: list


def list_webhooks():
    """The names that a receiver may choose."""
    return sorted(conf.get("WEBHOOKS"))


def find_webhook(name):
    """The Webhook of a name; None without one. BadInput for an entry that cannot be used."""
    entry = conf.get("WEBHOOKS").get(name)
    return entry and Webhook(entry["url"], parse_secrets(entry["secret"]))


def post(url, body, headers, *, patience=PATIENCE):
    """Posts bytes; DeliveryFailed unless the answer is 2xx: ``gone`` where it is 410, ``refused`` where a
    repeat would get the same, with ``retry_after`` where a server that is busy says when it is not."""
    parts, port = parse_url(url)
    addresses = resolve(parts.hostname, port, parts.scheme)
    connection = PinnedConnection(parts, port, addresses, patience)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    timer = threading.Timer(patience, connection.cut)
    timer.daemon = True
    timer.start()
    try:
        with closing(connection):
            connection.request("POST", target, body, headers)
            answer = connection.getresponse()
            wait = read_retry_after(
                answer.status, answer.getheader("Retry-After"), answer.getheader("Date"), time.time()
            )
            judge(answer.status, answer.read(ANSWER), wait)
    except (OSError, HTTPException) as error:
        late = f" (within {patience:g} s)" if not timer.is_alive() or isinstance(error, TimeoutError) else ""
        raise DeliveryFailed(f"{parts.hostname}:{port} did not answer{late}: {describe(error)}") from None
    finally:
        timer.cancel()


def judge(status, text, retry_after=None):
    """DeliveryFailed for every status but 2xx."""
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise DeliveryFailed(
            f"answered {status}: redirects are not followed, name the new address instead", status=status
        )
    said = flatten(text.decode(errors="replace"))[:SHOWN]
    raise DeliveryFailed(
        f"answered {status}" + (f": {said}" if said else ""),
        gone=status == GONE,
        refused=is_refused(status),
        retry_after=retry_after,
        status=status,
    )


def resolve(host, port, scheme):
    """The IP addresses of a host, all of them allowed; DeliveryFailed otherwise."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise DeliveryFailed(f"{host} cannot be found: {describe(error)}") from None
    addresses = list(dict.fromkeys(place[0] for *_, place in found))
    networks = parse_networks(conf.get("WEBHOOK_NETWORKS"))
    # All of them: a name that also leads inside is not to be trusted.
    for address in addresses:
        if fault := find_fault(address, scheme, networks):
            raise DeliveryFailed(f"{host} is refused: {fault}")
    return addresses


def describe(error):
    """An error in one line."""
    return flatten(str(error)) or type(error).__name__


class PinnedConnection(HTTPConnection):
    """A connection to addresses that were checked; the certificate must still be the host's."""

    def __init__(self, parts, port, addresses, patience):
        super().__init__(parts.hostname, port, timeout=patience)
        self.addresses, self.secure = addresses, parts.scheme == "https"
        self.late = False
        if self.secure:
            self.default_port = 443

    def connect(self):
        """To the first address that answers; TimeoutError once it is cut."""
        for last, address in zip([*[False] * (len(self.addresses) - 1), True], self.addresses, strict=True):
            self.check_time()
            try:
                self.sock = socket.create_connection((address, self.port), self.timeout)
                break
            except OSError:
                if last:
                    raise
        if self.secure:
            # The handshake comes once the socket is known, so that it can be cut as well.
            self.sock = ssl.create_default_context().wrap_socket(
                self.sock, server_hostname=self.host, do_handshake_on_connect=False
            )
        # What was cut before it had a socket ends here.
        self.check_time()
        if self.secure:
            self.sock.do_handshake()

    def check_time(self):
        """TimeoutError once it is cut."""
        if self.late:
            raise TimeoutError("timed out")

    def cut(self):
        """Ends whatever is waited for: a timeout alone counts anew with every byte, and every address."""
        self.late = True
        sock = self.sock
        if sock is not None:
            with suppress(OSError):
                # Beside TLS: a farewell would be waited for too.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
