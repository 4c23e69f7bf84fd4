"""Restoring a backup into an empty database and an empty Redis: all of it, or nothing."""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, DatabaseError, IntegrityError, connections, transaction
from django.db.migrations.executor import MigrationExecutor

from hms_gov.backups import points
from hms_gov.backups.databases import find_keeper
from hms_gov.backups.errors import NotKept
from hms_gov.backups.manifest import read_manifest
from hms_gov.backups.snapshots import read_migrations
from hms_gov.moving.tables import count_rows, list_models
from hms_gov.moving.target import find_used
from metrics_app import conf
from metrics_app.core.text.counts import count_words
from metrics_app.exceptions import BusUnavailable
from metrics_app.window import backup
from pipelines_app.services import stop

SHOWN = 3  # names in a message


class Restored(NamedTuple):
    """What is there again: as of which moment, how many rows and keys."""

    moment: datetime
    rows: int
    keys: int


def restore(directory):
    """Makes an empty site what the backup holds; a Restored. NotKept, and then nothing was changed.

    Actions are stopped, for nobody knows here what was carried out after the moment.
    """
    directory, connection = Path(directory), connections[DEFAULT_DB_ALIAS]
    facts = read_manifest(directory)
    try:
        check_fit(connection, facts)
        refuse_used(connection)
        return fill(connection, directory, facts)
    except BusUnavailable as error:
        raise NotKept(error.detail or str(error)) from None
    except (DatabaseError, backup.NotRestored) as error:
        raise NotKept(f"Nothing was restored: {' '.join(str(error).split())}") from None


def check_fit(connection, facts):
    """NotKept unless this site is of the kind that the backup is of; an empty database gets its tables."""
    find_keeper(connection)
    engine, shards = facts["database"]["engine"], facts["redis"]["shards"]
    if connection.vendor != engine:
        raise NotKept(
            f"The backup is of {engine}, this site runs on {connection.vendor}: restore it into {engine}; "
            "`manage.py move_database` moves a SQLite to PostgreSQL afterwards."
        )
    if shards != conf.get("SHARDS"):
        kept = count_words(shards, "shard")
        raise NotKept(f"The backup has {kept}, SHARDS is {conf.get('SHARDS')}: set it to {shards}.")
    check_migrations(connection, set(facts["database"]["migrations"]))


def check_migrations(connection, kept):
    """NotKept unless the tables of this version are those of the backup."""
    executor = MigrationExecutor(connection)
    ours = {f"{app}.{name}" for app, name in executor.loader.graph.nodes}
    missing, unknown = sorted(ours - kept), sorted(kept - ours)
    if missing or unknown:
        older = "an older" if missing and not unknown else "another"
        raise NotKept(
            f"The backup was written by {older} version, whose tables differ "
            f"({', '.join((missing or unknown)[:SHOWN])}): restore with that version, then upgrade and "
            "`manage.py migrate`."
        )
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        if read_migrations(connection):
            raise NotKept("The database is not up to date: run `manage.py migrate`, or give an empty one.")
        call_command("migrate", verbosity=0, interactive=False)


def refuse_used(connection):
    """NotKept where somebody works with the database or with Redis, or has."""
    if used := find_used(connection):
        table, rows = used[0], count_words(used[1], "row")
        raise NotKept(f"The database is not empty: {table} has {rows}. Give an empty one.")
    if backup.is_unfinished():
        # Of a restore that was killed: nobody has worked with it, for the database is empty.
        backup.remove_keys()
    if names := backup.list_used(SHOWN):
        raise NotKept(
            f"Redis is not empty: {', '.join(names)}. Stop every process of this site, and give an empty "
            "Redis or another REDIS_PREFIX."
        )


def fill(connection, directory, facts):
    """Both halves in one transaction of SQL, which ends last; whatever fails, Redis is empty again."""
    keeper, moment = find_keeper(connection), datetime.fromisoformat(facts["moment"])
    try:
        backup.note_unfinished()
        with keeper.attached(connection, directory), transaction.atomic():
            keeper.load(connection, directory, facts["database"])
            check_rows(connection, facts["database"]["tables"])
            ContentType.objects.clear_cache()
            stop(reason=tell_stop(moment), name="restore")
            keys = backup.restore_keys(points.read_keys(directory))
            backup.begin_anew()
    except BaseException:
        backup.remove_keys()
        raise
    backup.note_finished()
    return Restored(moment, sum(facts["database"]["tables"].values()), keys)


def check_rows(connection, tables):
    """NotKept unless each table has as many rows as it had, and every row that another names is there."""
    for model in list_models():
        table, rows = model._meta.db_table, count_rows(connection, model)
        if rows != tables.get(table):
            raise NotKept(f"{table} has {count_words(rows, 'row')}, the manifest says {tables.get(table)}.")
    try:
        connection.check_constraints()
    except IntegrityError as error:
        raise NotKept(f"A row names one that is not there: {' '.join(str(error).split())}") from None


def tell_stop(moment):
    """Why actions are stopped, as everybody reads it."""
    return (
        f"Restored from the backup of {moment:%Y-%m-%d %H:%M:%S} UTC: what was carried out after it is not "
        "known here. Look at what is approved or under way, withdraw what was done, then resume."
    )
