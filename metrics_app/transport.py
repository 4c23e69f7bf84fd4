"""How the client's points leave a process: over HTTP, with the standard library only.

A transport is a callable ``transport(rows, batch_id)`` with checked rows of
``(topic, value, ts ms)``. It returns once they were accepted, raises ``Refused``
when they never will be, and anything else when trying again may help.
"""

import http.client
import os
import ssl
from urllib.parse import urlsplit

PATH = "/api/v1/points/"
TIMEOUT = 10  # seconds for a connection, and for each read
APART = (400, 403, 429)  # may be the fault of one topic alone
AGAIN = (408, 425, 429)  # besides 500 and above


class Refused(Exception):
    """Trying again is useless; ``apart`` says whether other topics may fare better."""

    def __init__(self, message, *, apart=False):
        super().__init__(message)
        self.apart = apart


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
        self.connection, self.pid = None, None

    def __call__(self, rows, batch_id):
        """One request; Refused, Unreachable, or OSError and HTTPException of the network."""
        try:
            response = self.post(encode_rows(rows), batch_id)
            body = response.read(2_000)
            if not response.isclosed():
                self.close()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unreachable(f"{self.parts.scheme}://{self.parts.netloc}: {error!r}") from error
        self.judge(response, body)

    def post(self, body, batch_id):
        """Sends one body; an http.client response."""
        if self.connection is None or self.pid != os.getpid():
            # The socket of a parent process stays the parent's.
            self.connection, self.pid = self.connect(), os.getpid()
        headers = {"Content-Type": "application/json", "Idempotency-Key": batch_id}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        self.connection.request("POST", self.parts.path.rstrip("/") + PATH, body, headers)
        return self.connection.getresponse()

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
            return
        # The key is in the request only; an answer never quotes it.
        message = f"HTTP {response.status} {body[:300].decode(errors='replace')}"
        if response.status >= 500 or response.status in AGAIN:
            raise Unreachable(message, retry_after=read_seconds(response.getheader("Retry-After")))
        raise Refused(message, apart=response.status in APART)


def read_seconds(text):
    """The seconds of a Retry-After header; 0 where it is missing or a date."""
    return int(text) if text and text.isdigit() else 0
