"""Workers and beat while their broker is away."""

import pytest
from kombu.exceptions import OperationalError

from hms_gov.celery import app
from hms_gov.embedded import find_free_port
from metrics_app import conf


def test_a_broker_is_looked_for_every_two_seconds_however_long_it_is_away(monkeypatch):
    """By itself each wait is two seconds longer than the last, and after a hundred the process ends."""
    waits = []
    monkeypatch.setattr("kombu.utils.functional.sleep", waits.append)
    url = f"redis://127.0.0.1:{find_free_port()}/0"
    with app.connection_for_read(url) as connection, pytest.raises(OperationalError):
        connection.ensure_connection(max_retries=40)
    assert len(waits) >= 40 and max(waits) <= 2
    assert app.conf.broker_connection_max_retries is None


def test_a_task_that_cannot_be_confirmed_as_its_connection_is_lost_does_not_end_the_worker():
    with app.connection_for_read(conf.get("REDIS_URL")) as connection:
        channel = connection.default_channel
        channel._pool = None
        transport, transport.client = channel.connection, None
        with pytest.raises(connection.connection_errors):
            channel.basic_ack("tag")
        transport.client = connection
