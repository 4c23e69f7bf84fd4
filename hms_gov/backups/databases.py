"""Both kinds of database: what each has to be able to do for a backup."""

from hms_gov.backups import postgresql, sqlite
from hms_gov.backups.errors import NotKept

KEEPERS = {"sqlite": sqlite, "postgresql": postgresql}


def find_keeper(connection):
    """The module with ``Snapshot``, ``attached`` and ``load`` for a connection; or NotKept."""
    if connection.vendor not in KEEPERS:
        raise NotKept(f"{connection.display_name} is not backed up: expected SQLite or PostgreSQL.")
    return KEEPERS[connection.vendor]
