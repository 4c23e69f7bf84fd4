"""What a version of a proposal says: one text, and the columns of the proposal that repeat it."""

import json
from datetime import UTC

from pipelines_app.core.chain import digest, encode

# The events whose audit entry carries the hash of a version that they made.
MAKING = ("proposed", "changed", "undone", "reopened", "frozen")
# The events whose audit entry tells of a vote.
VOTED = ("voted", "approved", "rejected")
# The event of a repeat. There may be thousands: the proposal tells how many, and no timeline lists them.
NOTED = "noted"
TIMES = ("created_at", "due_at")
REPEATED = (
    "version",
    "title",
    "topic",
    "severity",
    "suggestion",
    "action",
    "action_params",
    "quorum",
    "origin",
    "proposer_id",
    "proposer_name",
    "program",
    "rationale",
    "changed_by_id",
    "evidence_sha256",
    "deciders_id",
    "escalation_id",
)
# What a text from before these columns leaves unsaid.
UNSAID = {"program": "", "rationale": ""}
# Why the action cannot be carried out, where that was known when the version was made.
IMPOSSIBLE = "impossible"
# What the text says besides, and no column repeats.
TERMS = (
    "policy",
    "policy_remark",
    "policy_doubt",
    "deciders_name",
    "escalation_name",
    "eligible",
    "remind_at",
    "escalate_at",
    "measuring",
    IMPOSSIBLE,
    "reopened",
)
TERM_TIMES = ("remind_at", "escalate_at")


def describe_columns(row):
    """The columns of a proposal that its version's text repeats, as JSON holds them."""
    columns = {name: getattr(row, name) for name in REPEATED}
    times = {name: getattr(row, name).astimezone(UTC).isoformat() for name in TIMES}
    return columns | times | {"origin": row.origin or ""}


def list_differences(document, columns):
    """The names of the columns that differ from what the text says, in order."""
    return [
        name for name, value in columns.items() if encode(plain(value)) != encode(plain(document.get(name)))
    ]


def plain(value):
    """The value with whole numbers as integers: a database that keeps JSON may hand back 1e22 as one."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def read_text(text, sha256, told):
    """The document of a text that fits its own hash and the one the chain tells of, or None."""
    if not sha256 == told == digest(text):
        return None
    return json.loads(text)
