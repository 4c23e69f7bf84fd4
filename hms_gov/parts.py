"""The parts of a site on one machine, each as what its process does once it was forked.

Importing this loads all that any of them needs: their parent does, so that they share it. Each takes
``tell_ready``, to be called once it works.
"""

import logging
import socket
from importlib import import_module

# First: the application bounds the server that it finds loaded.
import uvicorn
from django.core.management import call_command

from hms_gov.asgi import application
from hms_gov.celery import app
from hms_gov.timetable import Timetable

# What they would load only when they begin.
for name in (
    "celery.apps.worker",
    "celery.concurrency.solo",
    "celery.concurrency.thread",
    "celery.worker.consumer",
    app.conf.beat_scheduler.partition(":")[0],
    "hms_gov.urls",
    "kombu.transport.redis",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
):
    import_module(name)
app.loader.init_worker()
app.finalize()


class Server(uvicorn.Server):
    """A web server that says when it takes requests."""

    tell_ready = staticmethod(lambda: None)

    async def startup(self, sockets=None):
        """As uvicorn starts up."""
        await super().startup(sockets=sockets)
        self.tell_ready()


def serve(listener, tell_ready):
    """The web server on a socket that its parent holds, as docs/operations.md has it for production."""
    # What it logs goes where all else does.
    config = uvicorn.Config(
        application,
        lifespan="off",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        access_log=False,
        log_config=None,
        log_level=logging.WARNING,
    )
    server = Server(config)
    server.tell_ready = tell_ready
    server.run(sockets=[listener])


def collect(tell_ready):
    """The collector of all shards."""
    tell_ready()
    call_command("collect")


def work(queue, threads, tell_ready):
    """A worker of one queue, which calls what is due in it: one task after the other, or in ``threads``.

    That of the queue ``slow`` also sends the periodic tasks of others.
    """
    timetable = Timetable(app, queue=queue, threads=threads, sends=queue == "slow")
    timetable.start()
    tell_ready()
    pool = {"pool": "threads", "concurrency": threads} if threads else {"pool": "solo", "concurrency": 1}
    running = app.Worker(
        hostname=f"{queue}@{socket.gethostname()}",
        queues=[queue],
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        loglevel="WARNING",
        quiet=True,
        **pool,
    )
    try:
        running.start()
    finally:
        timetable.stop()
    return running.exitcode


def simulate(tell_ready):
    """The demo's complaints."""
    tell_ready()
    call_command("simulate_traffic")
