"""The bounds of ``half_open`` inside of Daphne; imported only where Daphne runs."""

import daphne.http_protocol
from django.conf import settings
from twisted.internet import reactor

from hms_gov.bounds import IGNORED
from hms_gov.half_open import ANSWER


class BoundedRequest(daphne.http_protocol.WebRequest):
    """A request that has an end, and whose body is the application's to read.

    Twisted would take a form apart in memory before anybody asks for it, and refuse one that it
    cannot read with a bare 400.
    """

    def __init__(self, *args, **options):
        super().__init__(*args, **options | {"parsePOSTFormSubmission": False})
        # From the first line to the end of the body: Daphne hands it over as a whole.
        self.waiting = reactor.callLater(settings.REQUEST_SECONDS, self.give_up)

    def stop(self):
        """Takes the timer back."""
        if self.waiting.active():
            self.waiting.cancel()

    def process(self):
        """It is all there."""
        self.stop()
        return super().process()

    def connectionLost(self, reason):
        """Nobody is waited for any more."""
        self.stop()
        super().connectionLost(reason)

    def handleContentChunk(self, data):
        """Keeps a piece of the body; ends the connection of who never stops."""
        super().handleContentChunk(data)
        if self.content.tell() > IGNORED:
            self.channel.loseConnection()

    def give_up(self):
        """Ends the connection."""
        self.channel.transport.write(ANSWER)
        self.channel.loseConnection()


def bound_daphne():
    """Lets Daphne make such requests; it looks the class up with each connection."""
    daphne.http_protocol.WebRequest = BoundedRequest
