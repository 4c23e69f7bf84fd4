"""The archiver: what happened leaves Redis for SQL, continuously and exactly once.

Dirty minutes are replacements (refused unless the count grew), late points are additions
whose position is moved in the same transaction; Redis lets go of either only afterwards,
and of a minute only if it did not grow meanwhile. A crash anywhere means "again".
"""

from metrics_app.services.archive.backlog import Health, read_health
from metrics_app.services.archive.losses import note_collected, read_losses
from metrics_app.services.archive.recording import keep_recording
from metrics_app.services.archive.run import Archived, archive, archive_shard

__all__ = [
    "Archived",
    "Health",
    "archive",
    "archive_shard",
    "keep_recording",
    "note_collected",
    "read_health",
    "read_losses",
]
