"""One line when a part goes and one when it is back; what is of another kind keeps its traceback."""

import logging
import re
import sqlite3
import threading
from functools import partial

import kombu.exceptions
import psycopg
import pytest
import redis
from celery.beat import SchedulingError
from django.db import Error, InterfaceError, InternalError, OperationalError, connection

from metrics_app.exceptions import BusUnavailable
from metrics_app.models import Topic
from metrics_app.outages import OutageFilter, Outages, hush
from metrics_app.servers import find_kind, find_outage, find_wait, look_at

REFUSED = redis.ConnectionError("Error 111 connecting to 127.0.0.1:6379. Connection refused.")


class Site:
    """A process with a server that can be switched off, a clock that is set, and its log."""

    def __init__(self):
        self.now, self.lines = 0.0, []
        self.outages = Outages(look=self.look, clock=lambda: self.now)
        self.asked, self.away = threading.Semaphore(0), threading.Event()

    def look(self, kind):
        """Answers once the test lets it: nothing here waits for a clock."""
        self.asked.acquire()
        if self.away.is_set():
            raise REFUSED

    def log(self, message, *args, name="metrics_app.tasks", error=None, **extra):
        """One record, as a handler with the filter gets it."""
        info = error and (type(error), error, error.__traceback__)
        record = logging.LogRecord(name, logging.ERROR, "", 0, message, args, info)
        vars(record).update(extra)
        return self.outages.judge(record)

    def return_home(self):
        """The server answers again, and the thread has seen it."""
        self.away.clear()
        self.asked.release()
        [thread.join(60) for thread in threading.enumerate() if thread.name.startswith("outage of")]


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setattr("metrics_app.outages.PAUSE", 0)
    one = Site()
    yield one
    one.return_home()


def by(error, cause):
    """An error with a cause, as ``raise … from …`` leaves it."""
    error.__cause__ = cause
    return error


def test_an_outage_writes_two_lines_however_many_attempts_fail(site, caplog):
    for attempt in range(500):
        site.now = attempt / 10
        assert not site.log("Nothing is judged: %s", by(BusUnavailable("No Redis"), REFUSED))
        assert not site.log("failed", name="django.request", error=REFUSED)
        assert not site.log(
            "Service Unavailable: %s", "/api/v1/points/", name="django.request", status_code=503
        )
    [gone] = [record.getMessage() for record in caplog.records]
    assert gone.startswith("Redis is away: No Redis.")
    site.now = 60
    site.return_home()
    assert [record.getMessage() for record in caplog.records][1:] == [
        "Redis is back after 1 min; 1,499 messages held back (django.request 1,000, metrics_app.tasks 499)."
    ]
    assert not any(record.exc_info for record in caplog.records)


def test_what_is_of_another_kind_passes_while_a_part_is_away(site):
    site.log("Nothing is judged: %s", REFUSED)
    assert not site.log("Application instance … took too long", name="daphne.server", levelno=30)
    assert site.log("Exception inside application", name="daphne.server", error=ValueError("x"))
    bug = KeyError("state")
    bug.__context__ = REFUSED
    assert site.log("Internal Server Error", name="django.request", error=bug)
    assert site.log("Message 7 could not be made", name="metrics_app.notices", error=ValueError("x"))
    assert site.log("Shard 3: Redis lost generation a")


def test_a_straggler_of_an_outage_that_is_over_writes_nothing_and_the_next_outage_does(site, caplog):
    site.log("x", error=REFUSED)
    site.return_home()
    site.now = 3
    assert not site.log("x", error=REFUSED)
    site.return_home()
    assert len(caplog.records) == 2
    site.now = 100
    site.log("x", error=REFUSED)
    assert len(caplog.records) == 3


def test_a_part_that_goes_again_at_once_is_told_as_soon_as_it_is_found_away(site, caplog):
    site.log("x", error=REFUSED)
    site.return_home()
    site.now = 3
    site.away.set()
    site.log("x", error=REFUSED)
    site.asked.release(2)
    while len(caplog.records) < 3:
        pass
    assert "is away" in caplog.records[2].getMessage()


BROKEN = psycopg.OperationalError("server closed the connection unexpectedly")
SHUT = psycopg.errors.AdminShutdown("terminating connection due to administrator command")
UNOPENED = sqlite3.OperationalError("unable to open database file")
READ_ONLY = psycopg.errors.ReadOnlySqlTransaction("cannot execute INSERT in a read-only transaction")
MOVED = sqlite3.OperationalError("no such table: main.all of this was moved")
WRAPPED = SchedulingError("Couldn't apply scheduled task")
WRAPPED.__context__ = kombu.exceptions.OperationalError("Error 111")


@pytest.mark.parametrize(
    ("error", "source", "kind"),
    [
        (by(OperationalError("x"), BROKEN), "django.request", "database"),
        (by(OperationalError("x"), SHUT), "celery.app.trace", "database"),
        (InterfaceError("connection already closed"), "metrics_app.api.health", "database"),
        (by(InternalError("x"), READ_ONLY), "celery.app.trace", "writes"),
        (by(OperationalError("x"), psycopg.errors.DiskFull("x")), "django.request", "writes"),
        (by(OperationalError("x"), sqlite3.OperationalError("database or disk is full")), "a", "writes"),
        (by(OperationalError("x"), MOVED), "django.request", "writes"),
        (by(InternalError("x"), psycopg.errors.InFailedSqlTransaction("x")), "django.request", None),
        (by(OperationalError("x"), psycopg.errors.DeadlockDetected("x")), "django.request", None),
        (by(OperationalError("x"), sqlite3.OperationalError("database is locked")), "a", "writes"),
        (by(OperationalError("x"), sqlite3.OperationalError("database table is locked: a")), "a", "writes"),
        (by(OperationalError("x"), psycopg.errors.LockNotAvailable("x")), "celery.app.trace", "writes"),
        (by(OperationalError("x"), sqlite3.OperationalError("no such table: a")), "django.request", None),
        (
            by(OperationalError("x"), sqlite3.OperationalError("unable to open database file")),
            "a",
            "database",
        ),
        (REFUSED, "channels_redis.pubsub", "layer"),
        (REFUSED, "celery.worker.consumer.consumer", "broker"),
        (REFUSED, "celery.app.trace", "redis"),
        (ConnectionRefusedError(111, "x"), "kombu.connection", "broker"),
        (ConnectionRefusedError(111, "x"), "celery.app.trace", None),
        (ConnectionRefusedError(111, "x"), "metrics_app.services.notices.drain", None),
        (WRAPPED, "celery.beat", "broker"),
        (redis.ResponseError("WRONGTYPE"), "metrics_app.tasks", None),
    ],
)
def test_an_outage_is_known_by_its_error_and_by_who_tells_of_it(error, source, kind):
    record = logging.LogRecord(source, logging.ERROR, "", 0, "x %s", (error,), None)
    assert find_outage(record)[0] == kind


def test_a_database_that_somebody_locks_takes_no_writes_since_whoever_failed_began_to_wait(tmp_path):
    holder, other = (sqlite3.connect(tmp_path / "db", timeout=0, isolation_level=None) for _ in range(2))
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(sqlite3.OperationalError) as locked:
        other.execute("BEGIN IMMEDIATE")
    holder.close(), other.close()
    error = by(OperationalError("database is locked"), locked.value)
    options = connection.settings_dict.get("OPTIONS", {})
    assert (find_kind(error, "x"), find_wait(error)) == ("writes", options.get("timeout", 5))


def test_an_outage_is_counted_from_the_last_answer_and_not_from_whoever_gave_up_first(site, caplog):
    site.now = 111
    site.log("x", error=REFUSED)
    site.now = 112
    site.log("Nothing is judged: %s", BusUnavailable("No Redis", waited=10))
    site.log("Nothing is judged: %s", BusUnavailable("No Redis", waited=2))
    site.now = 115
    site.return_home()
    assert "Redis is back after 13 s;" in caplog.records[-1].getMessage()
    # One that waited since before it was back knows nothing of the next one.
    site.now = 130
    site.log("x", error=BusUnavailable("No Redis", waited=20))
    site.return_home()
    assert "Redis is back after 15 s." in caplog.records[-1].getMessage()


@pytest.fixture
def read_only(transactional_db, monkeypatch):
    """The database of the tests as a standby: it is read, and takes no writes; a function that ends that."""
    monkeypatch.setattr(connection, "close", lambda: None)  # the look's own, in its own thread

    def switch(on):
        is_postgres = connection.vendor == "postgresql"
        with connection.cursor() as cursor:
            name = "SET default_transaction_read_only" if is_postgres else "PRAGMA query_only"
            cursor.execute(f"{name} = {on}")

    switch("on")
    yield partial(switch, "off")
    switch("off")


def test_a_database_that_is_read_and_takes_no_writes_is_one_line_and_one_when_it_does(
    read_only, site, caplog, client
):
    for site.now in range(30):
        with pytest.raises(Error) as refused:
            Topic.objects.create(name="er.wait")
        assert not site.log("Task raised unexpected", name="celery.app.trace", error=refused.value)
    assert not Topic.objects.exists() and find_kind(refused.value, "x") == "writes"
    with pytest.raises(Error):
        look_at("writes")
    look_at("database")
    if connection.vendor == "postgresql":
        assert "takes no writes" in str(client.get("/readyz").json()["parts"]["database"])
    read_only()
    look_at("writes")
    site.return_home()
    gone, back = (record.getMessage() for record in caplog.records if record.name == "metrics_app.outages")
    assert re.match("The database for writing is away: .*read-?only", gone)
    assert back == "The database for writing is back after 29 s; 29 messages held back (celery.app.trace 29)."


def test_parts_that_share_a_server_are_one_part(site, settings, caplog):
    settings.CELERY_BROKER_URL = settings.METRICS_APP["REDIS_URL"]
    site.log("x", error=REFUSED)
    site.log("Cannot connect: %s", REFUSED, name="celery.worker.consumer.consumer")
    settings.CELERY_BROKER_URL = "redis://elsewhere:6379/0"
    site.log("Cannot connect: %s", REFUSED, name="celery.worker.consumer.consumer")
    told = [record.getMessage().split(" is away")[0] for record in caplog.records]
    assert told == ["Redis", "The broker"]
    site.asked.release(2)


def test_a_part_that_is_not_ready_is_one_line_and_one_when_it_is_however_often_that_is_asked(site, caplog):
    unready = {"collector": {"ok": False, "behind_seconds": 31.0}, "redis": {"ok": True}}
    site.outages.see_readiness({"errands": {"ok": False}, "database": {"ok": False}})
    assert not caplog.records
    for site.now in range(30):
        site.outages.see_readiness(unready)
        assert not site.log("Service Unavailable", name="django.request", status_code=503)
    site.outages.see_readiness({"redis": {"ok": True}})
    assert [record.getMessage() for record in caplog.records] == [
        "The part collector is not ready: behind_seconds 31.0.",
        "The part collector is back after 29 s; 59 messages held back (django.request 30, readyz 29).",
    ]


def test_what_has_to_catch_up_after_an_outage_is_no_news_of_its_own_unless_it_lasts(site, caplog):
    site.away.set()
    site.log("Nothing is judged: %s", REFUSED)
    site.now = 30
    site.return_home()
    behind = {"redis": {"ok": True}, "collector": {"ok": False, "behind_seconds": 31.0}}
    told = len(caplog.records)
    for site.now in (30, 35, 40):
        site.outages.see_readiness(behind)
    assert len(caplog.records) == told
    site.now = 41
    site.outages.see_readiness(behind)
    assert "collector is not ready" in caplog.records[-1].getMessage()


def test_a_handler_gets_one_filter_however_often_it_is_asked_for():
    logger = logging.Logger("x")
    logger.addHandler(logging.NullHandler())
    hush(logger), hush(logger)
    assert [type(each) for each in logger.handlers[0].filters] == [OutageFilter]
