"""The hot window in Redis, write side: everything that changes a shard, under its fence.

A shard's state is one consistent whole: each script refuses (StaleFence) unless
``seq`` and ``writer`` are those its caller knows, and writes its part together with
the new fence. See ``metrics_app/lua``.
"""

from metrics_app.window.archive import (
    clean,
    list_dirty,
    read_backlogs,
    read_collected,
    read_held,
    read_late,
    read_waiting,
    take,
)
from metrics_app.window.fence import (
    advance,
    begin_generation,
    check_shards,
    note_run_id,
    read_meta,
)
from metrics_app.window.leases import beat, release_leases, take_leases
from metrics_app.window.recording import note_recording, read_recording
from metrics_app.window.seal import drop_held, seal
from metrics_app.window.turn import apply, load_details, load_topics

__all__ = [
    "advance",
    "apply",
    "beat",
    "begin_generation",
    "check_shards",
    "clean",
    "drop_held",
    "list_dirty",
    "load_details",
    "load_topics",
    "note_recording",
    "note_run_id",
    "read_backlogs",
    "read_collected",
    "read_held",
    "read_late",
    "read_meta",
    "read_recording",
    "read_waiting",
    "release_leases",
    "seal",
    "take",
    "take_leases",
]
