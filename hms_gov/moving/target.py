"""Both ends of a move: what a database must be like before a row is copied."""

import contextlib
import os
import subprocess
import sys

import environ
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import load_backend

from hms_gov.moving.errors import NotMovable
from hms_gov.moving.tables import count_rows, list_models, read_names
from hms_gov.ties import Tied
from metrics_app.core.text.counts import count_words

ALIAS = "moving_target"
LOCK = 0x686D735F6D6F7665  # of a move, among the advisory locks of the target
# Tables that `migrate` itself fills; in all others a row means that somebody works there.
MADE_BY_MIGRATE = {"contenttypes", "django_celery_beat"}, {"auth.permission"}


@contextlib.contextmanager
def join_target(url):
    """A connection to the PostgreSQL at ``url``, closed in the end; NotMovable if there is none."""
    config = environ.Env.db_url_config(url)
    if not config.get("ENGINE", "").endswith("postgresql"):
        raise NotMovable(
            f"{name_safely(url)} is no PostgreSQL: give postgresql://user:password@host:5432/name."
        )
    config = connections.configure_settings({DEFAULT_DB_ALIAS: {}, ALIAS: config})[ALIAS]
    target = connections[ALIAS] = load_backend(config["ENGINE"]).DatabaseWrapper(config, ALIAS)
    try:
        connect(target, url)
        yield target
    finally:
        target.close()
        del connections[ALIAS]


def connect(target, url):
    """Opens the connection, or says in one line why it cannot be opened."""
    try:
        target.ensure_connection()
    except OperationalError as error:
        reason = str(error).strip().splitlines()[-1]
        raise NotMovable(f"No PostgreSQL at {name_safely(url)}: {reason}") from None


def name_safely(url):
    """An address as it stands, options and all, without its passwords."""
    scheme, _, rest = url.partition("://")
    place, question, query = rest.partition("?")
    if "@" in query and "@" not in place:
        # A password with a bare question mark: whatever stands before the last @ belongs to the person.
        place, question, query = rest, "", ""
    person, at, server = place.rpartition("@")
    options = "&".join(option for option in query.split("&") if "password" not in option.lower())
    return f"{scheme}://{person.partition(':')[0]}{at}{server}{question if options else ''}{options}"


def check_source(source):
    """NotMovable unless the source is a SQLite that this version of the code has migrated."""
    if source.vendor != "sqlite":
        raise NotMovable(
            f"The project runs on {source.display_name} already. Run this where DATABASE_URL names the "
            "SQLite file to move (sqlite:////path/to/db.sqlite3) or is not set."
        )
    executor = MigrationExecutor(source)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise NotMovable(f"{source.settings_dict['NAME']} is not up to date: run `manage.py migrate` first.")


def prepare_target(target, url):
    """Makes the tables of the target; NotMovable where somebody works in it already, another move too."""
    claim(target, url)
    refuse_used(target)
    migrate(url)
    refuse_used(target)


def claim(target, url):
    """Keeps other runs away until the connection ends, however it does; NotMovable where one is at work."""
    with target.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            raise NotMovable(
                f"Another run of this command is at work on {name_safely(url)}: wait until it has ended."
            )


def migrate(url):
    """Makes the tables at ``url``, in a process whose only database it is; NotMovable if that fails.

    Not beside another: django-celery-beat checks its rows against the default database.
    """
    # Left behind by a run that was killed it would make tables under the feet of the next one.
    with Tied(
        [sys.executable, "-m", "django", "migrate", "--verbosity=0", "--no-input"],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": url},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        _, said = process.communicate()
    if process.returncode:
        last = (said.strip().splitlines() or ["it gave no reason"])[-1]
        hint = " If a run of this command was killed a moment ago, run it again." if "exists" in last else ""
        raise NotMovable(f"The tables could not be made at {name_safely(url)}: {last}{hint}")


def refuse_used(target):
    """NotMovable when a table has rows that `migrate` did not put there."""
    if used := find_used(target):
        table, rows = used[0], count_words(used[1], "row")
        raise NotMovable(
            f"The target is not empty: {table} has {rows}. Give an empty database. If an "
            "earlier run of this command filled it, the move is done: set DATABASE_URL and start."
        )


def find_used(target):
    """``(table, rows)`` of the first table with rows that `migrate` did not put there, or None."""
    names, (apps, models) = read_names(target), MADE_BY_MIGRATE
    for model in list_models():
        meta = model._meta
        if meta.db_table not in names or meta.app_label in apps or meta.label_lower in models:
            continue
        if rows := count_rows(target, model):
            return meta.db_table, rows
    return None
