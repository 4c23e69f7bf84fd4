"""The Celery application: `celery -A hms_gov worker -Q watch`, `-Q slow`, and beat."""

import os
import warnings

from celery import Celery
from celery.app.amqp import AMQP
from celery.exceptions import CPendingDeprecationWarning
from celery.signals import after_setup_logger, after_setup_task_logger, worker_ready
from kombu import Connection
from kombu.transport import redis as redis_transport
from redis import ConnectionError

from metrics_app.outages import hush

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hms_gov.settings")
# Celery would run Django's checks at each start and drop what they say: for that it loads every page.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

RECONNECT = 2  # seconds at most between two attempts to reach a broker that is away


class Channel(redis_transport.Channel):
    """One that says of a lost connection what it is: a worker that was about to confirm a task died of it."""

    def _connparams(self, asynchronous=False):
        if self.connection is None or self.connection.client is None:
            raise ConnectionError("The broker's connection is closed.")
        return super()._connparams(asynchronous)


class Transport(redis_transport.Transport):
    """Redis, with such channels."""

    Channel = Channel


class Broker(Connection):
    """A connection whose attempts do not grow apart: up to 30 s, in which nothing would be judged."""

    def get_transport_cls(self):
        """Ours where it is Redis."""
        found = super().get_transport_cls()
        return Transport if found is redis_transport.Transport else found

    def ensure_connection(self, *args, **options):
        """The connection, once there is one."""
        return super().ensure_connection(*args, **{"interval_max": RECONNECT} | options)


class Queues(AMQP):
    """Celery's messages over such connections."""

    Connection = Broker


app = Celery("hms_gov", amqp=Queues)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@after_setup_logger.connect
@after_setup_task_logger.connect
def hold_back_outages(logger, **kwargs):
    """Workers and beat make handlers of their own in place of those of LOGGING."""
    hush(logger)


@worker_ready.connect
def let_tasks_run_on(**kwargs):
    """A task that runs while the broker goes runs on: each claims its rows, so a repeat does nothing.

    Celery, which will cancel it some day, says at each loss that it could today; and it asks for
    its own warnings when it sets up logging, so this comes after.
    """
    warnings.filterwarnings("ignore", "\nIn Celery 5.1", CPendingDeprecationWarning)
