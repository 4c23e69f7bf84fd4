"""From SQLite to PostgreSQL: everything, or nothing, and nothing is lost on the way."""

import io
import itertools
import json
import sys
import tracemalloc
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from hms_gov import moving
from hms_gov.moving import proof, run
from hms_gov.moving.tables import list_models
from hms_gov.moving.target import migrate
from hms_gov.ties import Tied
from metrics_app import queries
from metrics_app.models import (
    Generation,
    Kpi,
    Loss,
    MinuteRollup,
    Note,
    Recording,
    Restriction,
)
from metrics_app.services.archive import archive
from pipelines_app.models import AuditEntry
from pipelines_app.services import propose
from pipelines_app.services.verify import verify_audit
from tests.demos import find_child, is_running, wait_for
from tests.hms_gov.sites import TOPIC, fill_site
from tests.metrics_app.histories import DAY, HOUR, MINUTE
from tests.metrics_app.points import publish
from tests.postgres import start_postgres

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor == 'postgresql'", reason="it moves away from SQLite"),
]
# What nothing of the product fills.
EMPTY = {"auth_group_permissions", "django_admin_log"} | {
    f"axes_{name}" for name in ("accessattempt", "accessattemptexpiration", "accessfailurelog", "accesslog")
}


@pytest.fixture(scope="module")
def postgres():
    """A server with a database that is migrated already, which is quick to copy."""
    with start_postgres() as server:
        server.execute("CREATE DATABASE migrated")
        migrate(server.name_url("migrated"))
        yield server


@pytest.fixture
def url(postgres, monkeypatch, numbers=itertools.count()):  # noqa: B008 (one count for all tests)
    """The address of an empty database; its tables are made, so that `migrate` need not be asked again."""
    monkeypatch.setattr(moving.target, "migrate", lambda url: None)
    name = f"target{next(numbers)}"
    postgres.execute(f"CREATE DATABASE {name} TEMPLATE migrated")
    return postgres.name_url(name)


@pytest.fixture(autouse=True)
def open_again():
    """The fence of one test must not stand in the way of cleaning up."""
    yield
    moving.reopen(connection)


@pytest.fixture
def clockwork():
    """Of a site in use: people, rules, breaches, proposals, decisions and a week of history."""
    return fill_site()


@pytest.fixture
def imported(tmp_path):
    """An import with ids."""
    path = tmp_path / "points.csv"
    path.write_text("topic,ts,value,id\ner.wait,1700000000000,5,a\ner.wait,1700000000000,5,b\n")
    call_command("import_points", str(path), stdout=io.StringIO(), stderr=io.StringIO())


def call(*arguments):
    """What the command prints."""
    output = io.StringIO()
    call_command("move_database", *arguments, stdout=output, stderr=io.StringIO())
    return output.getvalue()


@contextmanager
def living_on(url):
    """The project as it runs with its DATABASE_URL set to the target; yields both connections."""
    old = connections["default"]
    with moving.join_target(url) as target:
        connections["default"] = target
        try:
            yield old, target
        finally:
            connections["default"] = old


def read_rows(model, database):
    """``{key: row}`` of a table, read through Django."""
    rows = model._base_manager.using(database.alias).values()
    return {str(row.get("pk", row.get(model._meta.pk.attname))): row for row in rows}


def ask(now):
    """Answers over all of history, hot window included."""
    step = {"start": (now - 8 * DAY) // HOUR * HOUR, "end": now // MINUTE * MINUTE, "step": HOUR}
    found = [queries.series(topic, *step.values()) for topic in (TOPIC, "er.doors")]
    whole = queries.span(TOPIC, step["start"], step["end"], percentiles=True)
    return json.dumps(found), whole[:5], [whole.quantile(q) for q in (0.5, 0.95, 0.99)]


def count_everything(database):
    """``{table: rows}``."""
    return {m._meta.db_table: m._base_manager.using(database.alias).count() for m in list_models()}


def check_nothing_moved(url):
    """The target is as `migrate` left it, the source takes writes."""
    with moving.join_target(url) as target:
        assert count_everything(target)["auth_user"] == 0
    Note.objects.create(topic="still.open", at=1, text="writes")


def test_every_row_is_there_and_everything_goes_on(clockwork, imported, postgres, client):
    postgres.execute("CREATE DATABASE fresh")
    url = postgres.name_url("fresh")
    client.force_login(User.objects.get(username="admin"))
    Restriction.objects.create(topic="complaint.secret")  # of a KPI that is gone
    Loss.objects.create(
        shard=0, start=0, looked_at=MINUTE, end=2 * MINUTE, points=3, topics={"complaint.secret": [0, 3]}
    )
    Recording.objects.create(start=0, end=clockwork.now + DAY)
    before, counts, head = ask(clockwork.now), count_everything(connection), verify_audit().head
    rows = {model: read_rows(model, connection) for model in list_models()}
    assert {table for table, n in counts.items() if not n} == EMPTY
    output = call("--to", url)
    assert f"Moved {sum(counts.values()):,} rows" in output and head[:16] in output
    with living_on(url) as (_, target):
        for model, expected in rows.items():
            assert read_rows(model, target) == expected, model
        assert ask(clockwork.now) == before
        assert (verify_audit().faults, verify_audit().head) == ([], head)
        for page in ("/", f"/kpis/{TOPIC}/", "/inbox/", "/admin/", "/api/v1/kpis/", "/api/v1/pipelines/"):
            assert client.get(page, follow=True).status_code == 200, page
        # New rows come behind the old ones, the chain grows on, the archiver goes on.
        assert Kpi.objects.create(topic="new.one").pk > max(row["id"] for row in rows[Kpi].values())
        propose(title="Third", suggestion="Act")
        assert verify_audit().entries == counts["pipelines_app_auditentry"] + 1
        publish(TOPIC, [clockwork.now, clockwork.now - 2 * DAY], 9.0)
        clockwork.collect()
        assert archive() == (1, 1)
        assert not Generation.objects.exclude(lost=None).exists()


def test_what_was_not_archived_waits_in_redis_for_the_new_database(clockwork, url):
    day = clockwork.now - 3 * DAY, clockwork.now + MINUTE
    before = queries.span(TOPIC, *day).count
    publish(TOPIC, [clockwork.now, clockwork.now - 2 * DAY], 9.0)
    clockwork.collect()
    call("--to", url)
    # An archiver that nobody stopped: refused each time, and Redis lets go of nothing.
    with pytest.raises(OperationalError, match="moved to PostgreSQL; set DATABASE_URL"):
        archive()
    with living_on(url):
        assert archive() == (1, 1)
        assert queries.span(TOPIC, *day).count == before + 2


def test_nobody_can_write_to_sqlite_meanwhile_or_afterwards(clockwork, url, monkeypatch):
    other = connections.create_connection("default")
    other.settings_dict = {**other.settings_dict, "OPTIONS": {"timeout": 0.05}}
    write, real, errors = "UPDATE metrics_app_kpi SET name = 'lost'", run.reset_sequences, []

    def write_meanwhile(target):
        real(target)
        with pytest.raises(OperationalError) as caught, other.cursor() as cursor:
            cursor.execute(write)
        errors.append(str(caught.value))

    monkeypatch.setattr(run, "reset_sequences", write_meanwhile)
    call("--to", url)
    assert errors == ["database is locked"]
    for statement in (
        write,
        "DELETE FROM auth_user",
        "INSERT OR IGNORE INTO metrics_app_topic (name) VALUES ('x')",
    ):
        with pytest.raises(OperationalError, match="moved to PostgreSQL"), other.cursor() as cursor:
            cursor.execute(statement)
    assert Kpi.objects.filter(name="lost").count() == 0
    assert "takes writes again" in call("--reopen")
    other.close()
    with other.cursor() as cursor:
        cursor.execute(write)
    other.close()
    assert "Nothing to do" in call("--reopen")


def test_it_refuses_a_database_that_is_in_use(clockwork, url):
    call("--to", url)
    moving.reopen(connection)
    User.objects.create_user("newcomer")
    with pytest.raises(CommandError, match=r"not empty: \w+ has \d+ rows?.*set DATABASE_URL and start"):
        call("--to", url)
    with moving.join_target(url) as target:
        assert not User.objects.using(target.alias).filter(username="newcomer").exists()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("sqlite:///other.sqlite3", "is no PostgreSQL: give postgresql://user:password@host:5432/name"),
        ("postgresql://ann:secret@127.0.0.1:1/hms", "No PostgreSQL at postgresql://ann@127.0.0.1:1/hms"),
    ],
)
def test_a_wrong_address_is_one_line_without_the_password(address, message):
    with pytest.raises(CommandError) as caught:
        call("--to", address)
    assert message in str(caught.value) and "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            "postgresql://ann:s3:c@ret@db:5432/hms?sslmode=require&host=/run/pg",
            "postgresql://ann@db:5432/hms?sslmode=require&host=/run/pg",
        ),
        ("postgresql:///hms?host=/run/pg&password=s3cret", "postgresql:///hms?host=/run/pg"),
        ("postgresql://db/hms?user=ann&sslpassword=s3cret", "postgresql://db/hms?user=ann"),
        ("postgresql://ann:s3?cret@db/hms", "postgresql://ann@db/hms"),
        ("postgresql://ann:s3cret@[::1]:5432/hms", "postgresql://ann@[::1]:5432/hms"),
    ],
)
def test_only_passwords_are_left_out_of_an_address(url, shown):
    assert moving.name_safely(url) == shown


def test_two_runs_at_once_do_not_meet(clockwork, url):
    with moving.join_target(url) as target:
        target_of_the_first = target.copy("first")
        with target_of_the_first.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [moving.target.LOCK])
    with pytest.raises(CommandError, match="Another run of this command is at work on postgresql://"):
        call("--to", url)
    target_of_the_first.close()
    assert "read back, all are equal" in call("--to", url)


def test_a_run_that_was_killed_leaves_nobody_who_goes_on(postgres):
    postgres.execute("CREATE DATABASE killed")
    url = postgres.name_url("killed")
    script = (
        "import sys, django; django.setup(); from hms_gov.moving.target import migrate; migrate(sys.argv[1])"
    )
    run_one = Tied([sys.executable, "-c", script, url], cwd=settings.BASE_DIR)
    child = wait_for(lambda: find_child(run_one.pid, "migrate"), what="the process that makes the tables")
    run_one.kill()
    run_one.wait()
    wait_for(lambda: not is_running(child), what="its end")
    migrate(url)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "UPDATE metrics_app_kpi SET unit = printf('%0200d', 7)",
            r"too long.*metrics_app_kpi, line \d.*Mend",
        ),
        (
            "UPDATE metrics_app_kpi SET name = 'a' || char(0)",
            r"NUL.*metrics_app_kpi, row \d.*Mend it in SQLite",
        ),
        ("UPDATE metrics_app_kpi SET window = 9999999999", r"integer.*metrics_app_kpi, line \d"),
    ],
)
def test_a_row_that_postgresql_cannot_hold_is_named_and_nothing_moves(clockwork, url, sql, message):
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA ignore_check_constraints = on")
        cursor.execute(sql)
        cursor.execute("PRAGMA ignore_check_constraints = off")
    with pytest.raises(CommandError, match=message):
        call("--to", url)
    check_nothing_moved(url)


def test_a_reference_to_nothing_is_named_and_nothing_moves(clockwork, url):
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA foreign_keys = off")
        cursor.execute("UPDATE metrics_app_kpi SET owner_id = 4711")
        cursor.execute("PRAGMA foreign_keys = on")
    with pytest.raises(CommandError, match=r"refers to one that is not there.*4711"):
        call("--to", url)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE metrics_app_kpi SET owner_id = NULL")
    check_nothing_moved(url)


def test_a_chain_that_somebody_edited_is_not_moved(clockwork, url):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pipelines_app_auditentry SET actor = 'nobody' WHERE seq = 2")
    with pytest.raises(CommandError, match=r"audit chain does not hold: entry 2 .* was changed"):
        call("--to", url)
    check_nothing_moved(url)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM metrics_app_minuterollup WHERE start % 37 = 0",
        "UPDATE metrics_app_dayrollup SET sum = sum + 1e-9",
        "UPDATE metrics_app_hourrollup SET sketch = '\\x00' WHERE count > 20",
        "UPDATE metrics_app_note SET created_at = created_at + interval '1 microsecond'",
    ],
)
def test_one_difference_anywhere_and_nothing_moves(clockwork, url, sql, monkeypatch):
    real = run.reset_sequences

    def spoil(target):
        real(target)
        with target.cursor() as cursor:
            cursor.execute(sql)
            assert cursor.rowcount

    monkeypatch.setattr(run, "reset_sequences", spoil)
    with pytest.raises(CommandError, match="did not arrive whole"):
        call("--to", url)
    check_nothing_moved(url)


@pytest.mark.parametrize("place", ["clear", "copy_table", "verify_chain"])
def test_stopped_anywhere_nothing_has_moved_and_the_next_run_moves_all(clockwork, url, place, monkeypatch):
    with monkeypatch.context() as patch:
        real = getattr(run, place)

        def stop(*arguments):
            real(*arguments)
            raise KeyboardInterrupt

        patch.setattr(run, place, stop)
        with pytest.raises(CommandError, match="Stopped: nothing was moved"):
            call("--to", url)
    check_nothing_moved(url)
    assert "read back, all are equal" in call("--to", url)


def test_ended_between_the_two_databases_nothing_is_lost_and_the_next_run_moves_all(
    clockwork, url, monkeypatch
):
    with monkeypatch.context() as patch:
        backend = moving.target.load_backend("django.db.backends.postgresql").DatabaseWrapper

        def fail(self):
            raise OperationalError("the server closed the connection")

        patch.setattr(backend, "_commit", fail)
        with pytest.raises(
            CommandError, match="very last step failed: the server closed.*Run the command again"
        ):
            call("--to", url)
    with pytest.raises(OperationalError, match="moved to PostgreSQL"):
        Note.objects.create(topic="er.wait", at=1, text="lost?")
    assert "read back, all are equal" in call("--to", url)


def test_it_asks_for_migrations_first(clockwork, url):
    [newest] = MigrationLoader(connection).graph.leaf_nodes("metrics_app")
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied(*newest)
    try:
        with pytest.raises(CommandError, match="not up to date: run `manage.py migrate` first"):
            call("--to", url)
    finally:
        recorder.record_applied(*newest)


def test_tables_of_nobody_are_named_and_stay(clockwork, url):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE somebody_elses (a integer)")
    try:
        assert "The table somebody_elses belongs to no installed app" in call("--to", url)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE somebody_elses")


def test_json_is_compared_by_what_it_says():
    one, other = {"b": [1e22, {"z": 2.0}], "a": None}, {"a": None, "b": [10**22, {"z": 2}]}
    assert proof.spell((1, one), [1]) == proof.spell((1, other), [1])
    assert proof.spell((1, {"a": 2.5}), [1]) != proof.spell((1, {"a": 2}), [1])


@pytest.mark.long  # every allocation is traced
def test_memory_does_not_grow_with_the_rows(url):
    """Thirty megabytes of roll-ups pass with less than half of them in memory."""
    packed, many = bytes(3_000), 10_000
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO metrics_app_minuterollup VALUES (1, %s, 1, 1, 1, 0, 1, 1, %s)",
            [(at * MINUTE, packed) for at in range(many)],
        )
    tracemalloc.start()
    try:
        call("--to", url)
        assert tracemalloc.get_traced_memory()[1] < many * len(packed) / 2
    finally:
        tracemalloc.stop()
    with moving.join_target(url) as target:
        assert MinuteRollup.objects.using(target.alias).count() == many
        assert AuditEntry.objects.using(target.alias).count() == 0
