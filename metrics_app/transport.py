"""How the client's points leave a process: over HTTP, with the standard library only.

A transport is a callable ``transport(rows, batch_id)`` with checked rows of
``(topic, value, ts ms)``. It returns once they were accepted, raises ``Refused``
when they never will be, and anything else when trying again may help. Rows may carry a
``clock`` and ``dropped``: see ``outgoing``.
"""

import codecs
import http.client
import json
import logging
import os
import ssl
from urllib.parse import urlsplit

from metrics_app.forks import NoFork

logger = logging.getLogger(__name__)

# What the first request would load, in a thread of the emitter's: a process that is forked in that moment
# inherits half a module and never gets the other half, and would send nothing for its life.
for name in ("idna", "ascii", "latin-1", "iso-8859-1", "utf-8"):
    codecs.lookup(name)
# What opens a connection: it looks up names, and begins TLS.
no_fork = NoFork()

PATH = "/api/v1/points/"
LONGEST = 200_000  # bytes of an answer that are read: it may name each of 10,000 points
TIMEOUT = 10  # seconds for a connection, and for each read
APART = (400, 403)  # may be the fault of one topic alone
AGAIN = (408, 425, 429)  # besides 500 and above


class Refused(Exception):
    """Trying again is useless for the rows at the indexes ``refused``, which took the others with them.

    Where it names none, ``apart`` says whether other topics may fare better.
    """

    def __init__(self, message, *, apart=False, refused=()):
        super().__init__(message)
        self.apart, self.refused = apart, frozenset(refused)


class Unreachable(Exception):
    """The server asks to try again, after ``retry_after`` seconds."""

    def __init__(self, message, *, retry_after=0):
        super().__init__(message)
        self.retry_after = retry_after


def encode_rows(rows):
    """Rows as the JSON list of the contract. Checked topics need no escaping, finite floats no care."""
    points = [f'{{"topic":"{topic}","value":{value!r},"ts":{ts}}}' for topic, value, ts in rows]
    return f"[{','.join(points)}]".encode()


class HttpTransport:
    """Posts to one server over a connection that is kept. For one thread at a time."""

    def __init__(self, url, key):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is not an address: expected such as 'https://metrics.example.org'")
        self.parts, self.key = parts, key
        self.connection, self.pid, self.has_told_skew = None, None, False

    def __call__(self, rows, batch_id):
        """One request; Refused, Unreachable, or OSError and HTTPException of the network."""
        is_whole = False
        try:
            response = self.post(rows, batch_id)
            body = response.read(LONGEST)
            is_whole = response.isclosed()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{self.parts.scheme}://{self.parts.netloc}: {error!r}") from error
        finally:
            # Whatever it was: a request that was begun and not ended would stand in the way of the next.
            if not is_whole:
                self.close()
        self.judge(response, body)

    def post(self, rows, batch_id):
        """Sends one batch; an http.client response."""
        self.open()
        headers = {"Content-Type": "application/json", "Idempotency-Key": batch_id}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        if dropped := getattr(rows, "dropped", 0):
            headers["HMS-Dropped"] = str(dropped)
        body = encode_rows(rows)
        if (clock := getattr(rows, "clock", None)) is not None:
            headers["HMS-Clock"] = str(clock)
        self.connection.request("POST", self.parts.path.rstrip("/") + PATH, body, headers)
        return self.connection.getresponse()

    def open(self):
        """Opens the connection where it is not; OSError."""
        # The socket of a parent process stays the parent's.
        is_ours = self.connection is not None and self.pid == os.getpid()
        if is_ours and self.connection.sock is not None:
            return
        with no_fork:
            if not is_ours:
                self.connection, self.pid = self.connect(), os.getpid()
            self.connection.connect()

    def connect(self):
        """A connection that is not open yet."""
        host, port = self.parts.hostname, self.parts.port
        if self.parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=TIMEOUT)
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT, context=context)

    def close(self):
        """Drops a connection whose state is unknown."""
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def judge(self, response, body):
        """Returns for a success; otherwise says whether trying again may help."""
        if 200 <= response.status < 300:
            self.tell_skew(body)
            return
        # The key is in the request only; an answer never quotes it.
        message = f"HTTP {response.status} {body[:300].decode(errors='replace')}"
        if response.status >= 500 or response.status in AGAIN:
            raise Unreachable(message, retry_after=read_seconds(response.getheader("Retry-After")))
        refused = read_refused(body) if response.status == 400 else ()
        raise Refused(message, apart=response.status in APART, refused=refused)

    def tell_skew(self, body):
        """Logs once how far the server found this machine's clock off."""
        if self.has_told_skew or b'"skew"' not in body:
            return
        skew = read_answer(body).get("skew")
        if not isinstance(skew, (int, float)):
            return
        self.has_told_skew = True
        way = "ahead of" if skew > 0 else "behind"
        logger.warning(
            "this machine's clock is %g s %s the server's: what emit stamps is corrected", abs(skew), way
        )


def read_refused(body):
    """The indexes of the points that a 400 refuses; empty where it names none."""
    refused = read_answer(body).get("refused")
    return [index for index in refused if isinstance(index, int)] if isinstance(refused, list) else ()


def read_answer(body):
    """An answer's members; {} for what is no object, as from a proxy."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def read_seconds(text):
    """The seconds of a Retry-After header; 0 where it is missing or a date."""
    return int(text) if text and text.isdigit() else 0
