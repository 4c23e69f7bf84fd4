"""Freezing a version: its text is written once, in the transaction of the event that makes it."""

from pipelines_app.core.chain import digest, encode
from pipelines_app.core.versions import describe_columns
from pipelines_app.models import Version


def store_version(pipeline, *, at):
    """Freezes the present version of a stored proposal; what its audit entry must say of it."""
    text = encode(describe_columns(pipeline))
    row = Version(pipeline=pipeline, number=pipeline.version, text=text, sha256=digest(text), created_at=at)
    row.save(force_insert=True)
    return {"version": row.number, "version_sha256": row.sha256}
