"""Nobody waits for a Redis that was found silent, and all are let in again once it answers."""

import socket
import threading

import pytest
import redis

from metrics_app import breaker, live
from metrics_app.breaker import Breaker, Silent
from metrics_app.connection import get_redis
from metrics_app.services.keys import create_key

POINT = {"topic": "er.wait", "value": 1}
PROGRAMS = (
    "/metrics",
    "/api/v1/kpis/er.wait/stats/?window=60",
    "/api/v1/kpis/er.wait/series/?start=-60&end=0&step=60",
)


class Server:
    """One that answers or is silent as the test says; each question waits for the test."""

    def __init__(self):
        self.asked, self.may_answer = threading.Semaphore(0), threading.Semaphore(0)
        self.error = redis.TimeoutError("Timeout reading from socket")

    def ask(self):
        self.asked.release()
        assert self.may_answer.acquire(timeout=30)
        if self.error:
            raise self.error


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(breaker, "PAUSE", 0)
    one = Server()
    yield one
    one.error = None
    one.may_answer.release(9)


def meet(found, error):
    """Somebody's question ends with an error."""
    with pytest.raises(type(error)), found.watch():
        raise error


def wait_for_threads():
    """Until no thread asks any more."""
    [thread.join(30) for thread in threading.enumerate() if thread.name == "breaker"]


def test_one_asks_and_all_others_are_refused_until_there_is_an_answer(server):
    found = Breaker(server.ask)
    for _ in range(3):
        with pytest.raises((Silent, redis.TimeoutError)), found.watch():
            raise server.error
    for _ in range(3):
        assert server.asked.acquire(timeout=30)
        with pytest.raises(Silent), found.watch():
            pytest.fail("it was let in")
        # One question at a time: the next only after this one.
        assert not server.asked.acquire(blocking=False)
        server.may_answer.release()
    assert server.asked.acquire(timeout=30)
    server.error = None
    server.may_answer.release()
    wait_for_threads()
    with found.watch():
        pass


@pytest.mark.parametrize(
    "error", [redis.ConnectionError("refused"), redis.ResponseError("OOM"), KeyError("x")]
)
def test_what_is_refused_at_once_closes_no_door_to_others(error, server):
    found = Breaker(server.ask, clock=lambda: 0.0)
    meet(found, error)
    assert not found.is_open


def test_a_server_that_refuses_is_not_silent_any_more(server):
    found = Breaker(server.ask)
    meet(found, server.error)
    server.error = redis.ConnectionError("Error 111: Connection refused.")
    server.may_answer.release()
    wait_for_threads()
    assert not found.is_open


def test_an_error_that_takes_long_is_silence(server):
    now = [0.0]
    found = Breaker(server.ask, clock=lambda: now[0])
    with pytest.raises(redis.ConnectionError), found.watch():
        now[0] = 1.5
        raise redis.ConnectionError("Name or service not known")
    assert found.is_open


def test_a_question_from_before_the_last_answer_closes_nothing(server):
    now = [0.0]
    found = Breaker(server.ask, clock=lambda: now[0])
    server.may_answer.release()
    with pytest.raises(redis.TimeoutError), found.watch():
        now[0], error, server.error = 1.0, server.error, None
        meet(found, error)
        wait_for_threads()
        now[0] = 2.0
        raise error
    assert not found.is_open


@pytest.fixture
def silent(settings, monkeypatch):
    """A Redis that takes connections and never answers, and nobody finds out that it does again."""
    monkeypatch.setattr(Breaker, "follow", lambda self: None)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        url = f"redis://127.0.0.1:{server.getsockname()[1]}"
        settings.METRICS_APP = settings.METRICS_APP | {"REDIS_URL": url, "REDIS_SECONDS": 0.05}
        yield server


def count_connections(server):
    """How often somebody came, and waited, since the last count."""
    for count in range(1000):
        try:
            server.accept()[0].close()
        except BlockingIOError:
            return count
    return None


@pytest.mark.django_db
def test_after_the_first_wait_every_door_answers_without_waiting(client, silent):
    raw = create_key(name="program", scopes=["emit", "read"])[1]
    headers = {"Authorization": f"Bearer {raw}"}
    assert client.get("/readyz/emit").status_code == 503
    assert get_redis().connection_pool.breaker.is_open
    count_connections(silent)
    for number in range(3):
        body = {"content_type": "application/json", "headers": headers | {"Idempotency-Key": f"n{number}"}}
        answers = [client.post("/api/v1/points/", POINT, **body)]
        answers += [client.get(address, headers=headers) for address in PROGRAMS]
        told = [(answer.status_code, answer.get("Retry-After")) for answer in answers]
        assert told == [(503, "2")] * len(answers)
        assert "is harmless" in answers[0].json()["errors"][0]["message"]
        for address in ("/readyz", "/readyz/emit"):
            answer = client.get(address)
            assert (answer.status_code, answer["Retry-After"]) == (503, "2")
            assert answer.json()["parts"]["redis"] == {"ok": False, "message": "does not answer"}
        for address in ("/api/v1/kpis/", "/api/v1/thresholds/"):
            # What SQL knows is told without Redis, or not at all, and at once.
            assert client.get(address, headers=headers).status_code in (200, 503)
    assert count_connections(silent) == 0


def test_of_a_silent_channel_layer_only_the_first_message_is_waited_for(monkeypatch):
    sent = []

    async def send_all(messages):
        sent.append(messages)
        raise TimeoutError

    monkeypatch.setattr(live, "send_all", send_all)
    monkeypatch.setattr(Breaker, "follow", lambda self: None)
    bell, failures = live.Doorbell(), live.failures
    for _ in range(3):
        bell.ring([{"type": "turn"}])
    assert (len(sent), live.failures - failures) == (1, 3)
