"""Moves the whole database from SQLite to PostgreSQL: all or nothing, proved before it counts.

The source is locked for writing as long as it takes, and closed for writing in the end: what a
process that still runs on it wants to write fails, and waits in Redis for the new database.
"""

from hms_gov.moving.errors import NotMovable
from hms_gov.moving.fence import is_closed, reopen
from hms_gov.moving.run import Moved, move
from hms_gov.moving.target import check_source, join_target, name_safely, prepare_target

__all__ = [
    "Moved",
    "NotMovable",
    "check_source",
    "is_closed",
    "join_target",
    "move",
    "name_safely",
    "prepare_target",
    "reopen",
]
