from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from types import SimpleNamespace

import pytest
import redis

from metrics_app import connection
from metrics_app.connection import WORK_PATIENCE, get_redis, guard, key, make_client, patiently
from metrics_app.exceptions import BusUnavailable
from metrics_app.queries import mean_last


def point_at(settings, url):
    settings.METRICS_APP = {**settings.METRICS_APP, "REDIS_URL": url}


def test_it_names_the_address_to_operators_alone_and_never_the_password(settings):
    point_at(settings, "redis://someone:secret@127.0.0.1:1/0")
    with pytest.raises(BusUnavailable, match=r"^Redis does not answer\.$") as caught:
        mean_last("er.wait", 60)
    told = caught.value.tell_operator()
    assert "No Redis at redis://127.0.0.1:1 " in told and "set REDIS_URL" in told and "secret" not in told


def test_it_says_when_no_address_is_set(settings):
    point_at(settings, "")
    with pytest.raises(BusUnavailable) as caught:
        get_redis()
    assert "set REDIS_URL" in caught.value.detail


@pytest.mark.parametrize(
    "word", ["OOM command not allowed", "LOADING Redis is loading", "READONLY You can't"]
)
def test_a_server_that_cannot_serve_now_is_away(word):
    with pytest.raises(BusUnavailable), guard():
        raise redis.ResponseError(word)


def test_a_mistake_of_ours_stays_a_mistake():
    with pytest.raises(redis.ResponseError), guard():
        get_redis().execute_command("NOSUCH")


def test_a_call_that_fails_knows_for_how_long_nobody_had_been_answered(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(connection, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(connection, "answered", {})

    def fail_after(*answers):
        with pytest.raises(BusUnavailable) as caught, guard():
            for now[0] in answers:
                with guard():
                    pass
            now[0] = 113.0
            raise redis.TimeoutError("Timeout reading from socket")
        now[0] = 103.0
        return caught.value.waited

    with guard():
        pass
    assert fail_after() == 13
    assert fail_after() == 10
    assert fail_after(104.0, 108.0) == 5


def test_a_full_server_is_said_to_be_full():
    with pytest.raises(BusUnavailable, match="full"), guard():
        raise redis.OutOfMemoryError("OOM command not allowed")


def test_all_keys_of_a_shard_share_a_hash_tag(settings):
    prefix = settings.METRICS_APP["REDIS_PREFIX"]
    assert key(3, "bus") == f"{{{prefix}:3}}:bus"


def test_one_client_per_address():
    assert get_redis() is get_redis()


def test_threads_that_ask_for_the_first_time_at_once_share_one_client(settings, monkeypatch):
    """A second one would close the first one's connections when it takes its place."""
    point_at(settings, "redis://127.0.0.1:1/7")
    together = Barrier(8)

    def make_slowly(*args):
        together.wait(timeout=30)
        return make_client(*args)

    monkeypatch.setattr(connection, "make_client", make_slowly)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(get_redis) for _ in range(8)]
    assert len({id(one.result()) for one in asked}) == 1


def test_what_a_request_waits_for_is_answered_sooner_than_work_in_the_background(settings):
    def patience():
        return get_redis().connection_pool.connection_kwargs["socket_timeout"]

    assert patience() == settings.METRICS_APP.get("REDIS_SECONDS", 3)
    with patiently():
        assert patience() == WORK_PATIENCE
    assert patience() < WORK_PATIENCE


def test_the_patient_and_the_impatient_know_of_one_silence():
    with patiently():
        patient = get_redis().connection_pool.breaker
    assert patient is get_redis().connection_pool.breaker
