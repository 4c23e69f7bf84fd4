"""Backup and restore of a whole site: Redis and SQL as one pair of the same moment, while it runs.

SQL first, Redis a moment later, and no archiver in between: what waits in SQL to be done in Redis is done
again under the key it has, and what Redis hands over to SQL is in one of the two, or in both by the same
numbers, which count once.
"""

from hms_gov.backups.errors import NotKept
from hms_gov.backups.restoring import Restored, restore
from hms_gov.backups.taking import BackedUp, back_up

__all__ = ["BackedUp", "NotKept", "Restored", "back_up", "restore"]
