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
import time
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
AT_ONCE = 2_000  # ms there and back after which an answer says what time it is at the server
REMEMBERED = 600  # seconds for which that is believed: clocks drift
STEP = 10**9  # ns that a clock may move against one that never steps and be the same
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


class ServerClock:
    """How far a sender's clock is ahead of the server's, as the last answer that came back at once showed.

    The server's clock of an answer lies between the sender's as the request left and as the answer came
    (as in NTP, RFC 5905): their middle is off by at most half of that. A later request may be on its
    way for long, and its clock look behind, of which the server learns so that it is not.
    """

    def __init__(self):
        self.skew, self.base, self.until = None, 0, 0

    def note(self, rows, sent, late, said):
        """Compares: rows left at ``sent`` ms of their clock, and ``late`` ms later an answer ``said``."""
        if sent is not None and said and said.isdigit() and late <= AT_ONCE:
            self.skew, self.base = sent + late // 2 - int(said), rows.base
            self.until = time.monotonic() + REMEMBERED

    def find_skew(self, rows):
        """ms by which the clock of rows is ahead; None where nothing is known of it."""
        # One that was set since, or of a machine that slept, is another clock.
        is_the_same = self.skew is not None and abs(rows.base - self.base) < STEP
        return self.skew if is_the_same and time.monotonic() < self.until else None


class HttpTransport:
    """Posts to one server over a connection that is kept. For one thread at a time."""

    def __init__(self, url, key):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is not an address: expected such as 'https://metrics.example.org'")
        self.parts, self.key = parts, key
        self.connection, self.pid, self.has_told_skew = None, None, False
        self.server_clock = ServerClock()

    def __call__(self, rows, batch_id):
        """One request; Refused, Unreachable, or OSError and HTTPException of the network."""
        is_whole = False
        try:
            response, sent = self.post(rows, batch_id)
            body = response.read(LONGEST)
            is_whole = response.isclosed()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{self.parts.scheme}://{self.parts.netloc}: {error!r}") from error
        finally:
            # Whatever it was: a request that was begun and not ended would stand in the way of the next.
            if not is_whole:
                self.close()
        late = 0 if sent is None else rows.clock - sent
        self.server_clock.note(rows, sent, late, response.getheader("HMS-Clock"))
        self.judge(response, body, late)

    def post(self, rows, batch_id):
        """Sends one batch; an http.client response, and what the clock of the rows said (ms) as they left."""
        self.open()
        headers = {"Content-Type": "application/json", "Idempotency-Key": batch_id}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        if dropped := getattr(rows, "dropped", 0):
            headers["HMS-Dropped"] = str(dropped)
        body = encode_rows(rows)
        if (sent := getattr(rows, "clock", None)) is not None:
            headers["HMS-Clock"] = str(sent)
            if (skew := self.server_clock.find_skew(rows)) is not None:
                headers["HMS-Skew"] = str(skew)
        self.connection.request("POST", self.parts.path.rstrip("/") + PATH, body, headers)
        return self.connection.getresponse(), sent

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

    def judge(self, response, body, late):
        """Returns for a success ``late`` ms after it left; otherwise says whether trying again may help."""
        if 200 <= response.status < 300:
            self.tell_skew(body, late)
            return
        # The key is in the request only; an answer never quotes it.
        message = f"HTTP {response.status} {body[:300].decode(errors='replace')}"
        if response.status >= 500 or response.status in AGAIN:
            raise Unreachable(message, retry_after=read_seconds(response.getheader("Retry-After")))
        refused = read_refused(body) if response.status == 400 else ()
        raise Refused(message, apart=response.status in APART, refused=refused)

    def tell_skew(self, body, late):
        """Logs once how far the server found this machine's clock off, unless the way took that long."""
        if self.has_told_skew or b'"skew"' not in body:
            return
        skew = read_answer(body).get("skew")
        if not isinstance(skew, (int, float)) or -late <= skew * 1000 <= 0:
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
