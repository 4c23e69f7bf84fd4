"""Freezing a version: its text is written once, in the transaction of the event that makes it."""

from pipelines_app.core.chain import digest, encode
from pipelines_app.core.versions import describe_columns
from pipelines_app.models import Version


def store_version(pipeline, *, terms, at):
    """Freezes the present version of a stored proposal; ``terms``: a dict of ``core.versions.TERMS``.

    Answers what the audit entry of the event must say of it.
    """
    text = encode(describe_columns(pipeline) | terms)
    row = Version(pipeline=pipeline, number=pipeline.version, text=text, sha256=digest(text), created_at=at)
    row.save(force_insert=True)
    # Whoever asked before found no such version. Its entry follows in this transaction.
    pipeline.frozen_version = ((pipeline.pk, row.number), row, row.sha256)
    return {"version": row.number, "version_sha256": row.sha256}
