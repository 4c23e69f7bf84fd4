"""Requests whose headers never end, what Daphne does with bodies, and whom uvicorn believes by itself.

The application hears of a request once its headers are there, on Daphne once its body is. uvicorn
waits for headers for ever, Daphne for as long as a byte comes now and then; neither has a setting
for it. What is written here goes by attributes of both that their pins in requirements.txt hold.
"""

import signal
import sys
from importlib import import_module

from django.conf import settings

PROTOCOLS = (
    ("uvicorn.protocols.http.h11_impl", "H11Protocol"),
    ("uvicorn.protocols.http.httptools_impl", "HttpToolsProtocol"),
    ("uvicorn.protocols.http.auto", "AutoHTTPProtocol"),
)
ANSWER = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def bound_servers():
    """Bounds the server this process is, while it loads its application; on any other does nothing."""
    if "daphne.http_protocol" in sys.modules:
        # Elsewhere Twisted may not even be installed.
        from hms_gov.half_open_daphne import bound_daphne

        bound_daphne()
    if "uvicorn" in sys.modules:
        bound_uvicorn(sys.modules["uvicorn"])
        believe_nobody(sys.modules["uvicorn"])


def bound_uvicorn(uvicorn):
    """Lets uvicorn make such connections, whichever of its protocols it was told to speak."""
    # Loaded before the application, as in each of its workers, the class stands in the configuration of the
    # server that has set the handler of the signal; loaded after it, it is looked up by these names.
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    config = server.config if isinstance(server, uvicorn.Server) else None
    if hasattr(config, "http_protocol_class"):
        config.http_protocol_class = bound_protocol(config.http_protocol_class)
    for path, name in PROTOCOLS:
        try:
            module = import_module(path)
        except ImportError:
            continue  # it is not installed, so nobody speaks it
        setattr(module, name, bound_protocol(getattr(module, name)))


def believe_nobody(uvicorn):
    """Leaves ``X-Forwarded-*`` to Django, which goes by TRUSTED_PROXIES and HTTPS alone.

    By itself uvicorn believes whoever comes from 127.0.0.1 about who they are, before anybody is asked.
    It puts that around the application once this is loaded, whichever flags and variables it was given.
    """
    uvicorn.config.ProxyHeadersMiddleware = pass_on


def pass_on(application, **options):
    """In place of uvicorn's middleware: the application itself."""
    return application


def bound_protocol(served):
    """A protocol of uvicorn with the bound."""
    if issubclass(served, BoundedHeaders):
        return served
    return type(served.__name__, (BoundedHeaders, served), {})


class BoundedHeaders:
    """Beside one of uvicorn's protocols: a connection that waits for the rest of headers has an end."""

    waiting = None  # the timer of headers that are not there yet
    has_heard = False  # whether the client has said anything

    def connection_made(self, transport):
        """Waits for the first request."""
        super().connection_made(transport)
        self.look()

    def data_received(self, data):
        """Goes on waiting, or has heard what there was to hear."""
        self.has_heard = True
        super().data_received(data)
        self.look()

    def connection_lost(self, error):
        """Nobody is waited for any more."""
        self.stop()
        super().connection_lost(error)

    def look(self):
        """Sets the timer while no request is under way; bytes of the same headers do not put it off."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.stop()
        elif self.waiting is None:
            self.waiting = self.loop.call_later(settings.REQUEST_IDLE, self.give_up)

    def stop(self):
        """Takes the timer back."""
        if self.waiting is not None:
            self.waiting.cancel()
            self.waiting = None

    def give_up(self):
        """Ends the connection, unless it has become a WebSocket or is answering."""
        self.waiting = None
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if self in self.connections and not is_answering and not self.transport.is_closing():
            # To who has asked for nothing it would be the answer to what they ask in this moment.
            if self.has_heard:
                self.transport.write(ANSWER)
            self.transport.close()
