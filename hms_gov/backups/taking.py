"""Taking a backup of a site that runs."""

from contextlib import closing
from datetime import datetime
from typing import NamedTuple

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from hms_gov.backups import points
from hms_gov.backups.databases import find_keeper
from hms_gov.backups.errors import NotKept
from hms_gov.backups.manifest import make_directory, write_manifest
from hms_gov.moving.tables import list_strangers
from metrics_app import conf, window
from metrics_app.exceptions import BusUnavailable
from metrics_app.services.health import read_server
from metrics_app.window import backup


class BackedUp(NamedTuple):
    """What was kept: of which moment, how many rows and keys, in how many bytes, which tables it left out."""

    moment: datetime
    rows: int
    keys: int
    size: int
    strangers: list


def back_up(directory):
    """Writes a backup to a directory that is new or empty; a BackedUp. NotKept where it cannot.

    Who is stopped meanwhile: writers of history for as long as Redis takes to tell all it holds (on SQLite
    all who write), and everybody who asks Redis for the same time.
    """
    try:
        window.check_shards()
        return write_backup(make_directory(directory), connections[DEFAULT_DB_ALIAS])
    except BusUnavailable as error:
        raise NotKept(error.detail or str(error)) from None
    except DatabaseError as error:
        raise NotKept(f"The database cannot be read: {' '.join(str(error).split())}") from None


def write_backup(directory, connection):
    """Both halves, and the manifest over them."""
    keeper, strangers = find_keeper(connection), list_strangers(connection)
    with closing(keeper.Snapshot(connection)) as snapshot:
        with snapshot.hold_history():
            # From here on SQL is as of this moment, and the archiver waits until Redis has told.
            moment = snapshot.begin()
            kept = backup.take_snapshot()
        tables = snapshot.write(directory)
        more = {"migrations": snapshot.read_migrations(), **snapshot.facts}
    keys = points.write_keys(directory, kept)
    facts = {
        "moment": moment.isoformat(),
        "redis": {"server": read_server(), "shards": conf.get("SHARDS"), "keys": keys},
        "database": {"engine": connection.vendor, "tables": tables, **more},
    }
    files = write_manifest(directory, facts)
    size = sum(described["bytes"] for described in files.values())
    return BackedUp(moment, sum(tables.values()), keys, size, strangers)
