"""Whether a server that others wait for answers, so that nobody waits for one that was found silent.

Whoever meets the silence first waits as long as its patience is. From then on all are refused at
once, and one thread asks, at most once a second, until the server says anything.
"""

import threading
import time
from contextlib import contextmanager

import redis

PAUSE = 1.0  # seconds from one question to a silent server to the next
SLOW = 1.0  # seconds after which an error is as bad as silence, such as a name that is looked up in vain


class Silent(redis.ConnectionError):
    """The server was found silent and has not answered since: nothing was sent to it."""


class Breaker:
    """The silence of one server as this process knows it; ``ask`` asks it once, or raises."""

    def __init__(self, ask, clock=time.monotonic):
        self.ask, self.clock, self.lock = ask, clock, threading.Lock()
        self.is_open, self.answered = False, float("-inf")

    @contextmanager
    def watch(self):
        """Around what waits for the server; Silent while it is known not to answer."""
        if self.is_open:
            raise Silent("it does not answer, and is asked once a second whether it does again")
        since = self.clock()
        try:
            yield
        except (redis.RedisError, TimeoutError) as error:
            # What began before the last answer says nothing about now.
            if self.is_silence(error, since) and since > self.answered:
                self.begin()
            raise

    def is_silence(self, error, since):
        """Whether an error took others' time: what is refused at once need not be refused for them."""
        if isinstance(error, Silent):
            return False
        late = isinstance(error, redis.ConnectionError) and self.clock() - since >= SLOW
        return late or isinstance(error, (redis.TimeoutError, TimeoutError))

    def begin(self):
        """Refuses from now on, and asks until there is an answer."""
        with self.lock:
            if self.is_open:
                return
            self.is_open = True
        try:
            threading.Thread(target=self.follow, name="breaker", daemon=True).start()
        except RuntimeError:
            # A process that ends starts no threads, and nobody would ask any more.
            self.is_open = False

    def follow(self):
        """Asks, one question at a time, and lets all in again with the first answer."""
        while self.is_silent():
            time.sleep(PAUSE)
        with self.lock:
            self.answered, self.is_open = self.clock(), False

    def is_silent(self):
        """One question: whether it took the patience of whoever asks."""
        since = self.clock()
        try:
            self.ask()
        # Whatever else a driver says: a thread that ends without an answer would refuse for ever.
        except Exception as error:
            return self.is_silence(error, since)
        return False
