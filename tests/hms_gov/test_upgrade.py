"""A database that the version before wrote is brought to this one, and that one may serve meanwhile.

``data/before.sql.gz`` is a site in use for a week, written by the version of 12:36 on 29 November 2026 (its
last migrations are metrics_app 0020 and pipelines_app 0013); ``before.json`` is what that version said of it.
"""

import gzip
import json
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connections

from hms_gov.moving.tables import list_models
from hms_gov.moving.target import migrate
from metrics_app import queries
from pipelines_app.services import propose
from pipelines_app.services.verify import verify_audit
from tests.metrics_app.histories import HOUR, Clockwork

DATA = Path(__file__).parent / "data"
SAID = json.loads((DATA / "before.json").read_text())
# What the upgrade itself adds to: an entry of the chain for errands that had ended, kinds and permissions.
GROW = {
    "pipelines_app_auditentry",
    "auth_permission",
    "django_content_type",
    "django_celery_beat_periodictask",
}
GROW |= {"django_celery_beat_intervalschedule", "django_celery_beat_crontabschedule"}
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.any_database]


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """The database as it was, and the same brought to this version."""
    folder = tmp_path_factory.mktemp("upgrade")
    old, new = folder / "old.sqlite3", folder / "new.sqlite3"
    for path in (old, new):
        with closing(sqlite3.connect(path)) as database:
            database.executescript(gzip.decompress((DATA / "before.sql.gz").read_bytes()).decode())
    migrate(f"sqlite:///{new}")
    return old, new


@contextmanager
def living_on(path):
    """The project on a SQLite file."""
    here = connections["default"]
    there = here.copy()
    there.settings_dict = here.settings_dict | {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {"transaction_mode": "IMMEDIATE"},
    }
    connections["default"] = there
    try:
        yield
    finally:
        connections["default"] = here
        there.close()


@pytest.mark.skipif("connections['default'].vendor == 'postgresql'", reason="it lives on a SQLite")
def test_all_that_was_there_is_there_and_says_the_same(paths, client):
    with living_on(paths[1]):
        found = {model._meta.db_table: model._base_manager.count() for model in list_models()}
        changed = {table for table, rows in SAID["tables"].items() if found[table] != rows}
        assert changed <= GROW, changed
        report = verify_audit()
        assert (report.faults, report.entries > 10) == ([], True)
        Clockwork()
        series = queries.series(SAID["topic"], SAID["start"], SAID["end"], HOUR)
        places = {ts: at for at, ts in enumerate(series["ts"])}
        for name in ("count", "mean", "min", "max"):
            found = [series[name][places[ts]] for ts in SAID["series"]["ts"]]
            assert found == SAID["series"][name], name
        client.force_login(User.objects.get(username="admin"))
        for page in (
            "/",
            f"/kpis/{SAID['topic']}/",
            "/inbox/",
            "/admin/",
            "/api/v1/pipelines/",
            "/api/v1/kpis/",
        ):
            assert client.get(page, follow=True).status_code == 200, page
        propose(title="After the upgrade", suggestion="Act")
        assert verify_audit().faults == []


def read_columns(path):
    """``{table: {column: whether a row must name it}}``."""
    with closing(sqlite3.connect(path)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            table: {
                name: bool(required and default is None and not key)
                for _, name, _, required, default, key in database.execute(f'PRAGMA table_info("{table}")')
            }
            for (table,) in tables
        }


def test_the_version_before_goes_on_writing_while_the_tables_are_those_of_this_one(paths):
    """It names no column that is new, and finds each that it knows."""
    old, new = map(read_columns, paths)
    for table, columns in old.items():
        assert set(columns) <= set(new[table]), table
        missing = {name for name, required in new[table].items() if required} - set(columns)
        assert not missing, f"{table}: a row of the version before lacks {missing}; give db_default"
