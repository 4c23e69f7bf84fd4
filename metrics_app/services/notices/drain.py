"""The drain: to each receiver its messages, one after the other and in order; to all receivers at once.

Any number of drains may run. A crash between sending and stamp repeats the message under the same name;
nothing else is ever sent twice, and nothing is lost. Who does not answer keeps nobody else waiting.
"""

import logging
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

from django.utils import timezone

from metrics_app.exceptions import DeliveryFailed
from metrics_app.services.ages import NOTICES, note_work
from metrics_app.services.notices.kinds import carry_aside
from metrics_app.services.notices.messages import describe, pack
from metrics_app.services.notices.owed import write_owed
from metrics_app.services.notices.stamps import fail, succeed
from metrics_app.services.notices.turns import end_turn, keep_turn, list_due, take_turn
from metrics_app.services.notices.write import write_reminders, write_resting

logger = logging.getLogger(__name__)

BATCH = 50  # messages per drain; the next second takes the next
LANES = 16  # receivers that are asked at the same time
LOOK = 1.0  # seconds; while some are slow, what has come due for others is sent


def send_notices(*, now=None):
    """Sends what is due; how many messages went out. ``now``: aware datetime."""
    moment = now or timezone.now()
    write_resting(moment)
    write_owed(moment)
    write_reminders(moment)
    return Drain(now).run()


class Drain:
    """One round: reads and writes in the thread that runs it, so that only servers are waited for beside."""

    def __init__(self, now=None):
        self.now, self.begun, self.sent, self.running = now, 0, 0, {}

    def tell_now(self):
        """The moment of what is done next; always the one that the caller chose."""
        return self.now or timezone.now()

    def run(self):
        """Sends until nothing is due that may be asked; how many messages went out."""
        with ThreadPoolExecutor(LANES, "notices") as pool:
            try:
                self.begin(pool)
                while self.running:
                    self.look()
                    self.begin(pool)
            finally:
                # Whatever keeps the next message from being made: what went out is not sent once more.
                while self.running:
                    self.look()
        note_work(NOTICES)
        return self.sent

    def look(self):
        """Waits for servers for a moment, and writes what came of those that have answered."""
        done, _ = wait(self.running, LOOK, return_when=FIRST_COMPLETED)
        for future in done:
            self.end(future, *self.running.pop(future))
        for turn, _ in self.running.values():
            keep_turn(turn, self.tell_now())
        # Fifty servers that hang would take longer than it may be silent.
        note_work(NOTICES)

    def begin(self, pool):
        """Takes the turn of each receiver for which something is due, and sends its next message aside."""
        for pk in list_due(self.tell_now()):
            if len(self.running) >= LANES or self.begun >= BATCH:
                return
            if turn := take_turn(pk, self.tell_now()):
                parcel = self.prepare(turn)
                if parcel is None:
                    end_turn(turn)
                else:
                    self.begun += 1
                    self.running[pool.submit(carry_aside, parcel)] = turn, parcel

    def prepare(self, turn):
        """The next message of a receiver in words; None where there is none, or none can be found."""
        found = pack(turn.receiver, self.tell_now())
        if found is None:
            return None
        message, rows, earlier = found
        try:
            return describe(turn.receiver, message, rows, earlier)
        except Exception as error:
            # A fault of one message must keep neither others nor, for long, this receiver's from being sent.
            logger.exception("Message %s to %s could not be made", message, turn.receiver)
            failed = DeliveryFailed(f"{type(error).__name__}: {error}", refused=True)
            fail(turn.receiver, rows, failed, self.tell_now())
            return None

    def end(self, future, turn, parcel):
        """Writes what came of a message, and gives its receiver back."""
        try:
            way = future.result()
        except DeliveryFailed as error:
            fail(turn.receiver, parcel.rows, error, self.tell_now())
        else:
            succeed(parcel, way, self.tell_now())
            self.sent += 1
        end_turn(turn)
