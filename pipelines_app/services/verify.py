"""Looks for any edit of the audit chain, and of what the chain says about all other rows."""

from dataclasses import dataclass, field

from django.db import DEFAULT_DB_ALIAS, DatabaseError

from pipelines_app.core.chain import GENESIS
from pipelines_app.core.counts import count_words
from pipelines_app.models import AuditEntry, AuditHead
from pipelines_app.services.records import check_records
from pipelines_app.services.story import Story
from pipelines_app.services.verify_effects import check_effects
from pipelines_app.services.verify_ends import check_ends
from pipelines_app.services.verify_errands import check_errands
from pipelines_app.services.verify_mails import check_mails
from pipelines_app.services.verify_pipelines import check_pipelines, check_stop, check_votes
from pipelines_app.services.verify_versions import check_counts, check_versions
from pipelines_app.services.verify_watches import check_watches
from pipelines_app.services.verify_work import check_work

ATTEMPTS = 5
CHECKS = (
    check_pipelines,
    check_versions,
    check_votes,
    check_counts,
    check_records,
    check_stop,
    check_effects,
    check_watches,
    check_errands,
    check_mails,
    check_ends,
    check_work,
)


@dataclass
class Report:
    """How many entries were read, the hash of the last one, and what does not fit.

    ``kept`` is a hash that somebody kept elsewhere, ``kept_at`` the number of the entry that has it.
    """

    entries: int = 0
    head: str = GENESIS
    kept: str = ""
    kept_at: int | None = None
    faults: list = field(default_factory=list)


def verify_audit(*, kept="", using=DEFAULT_DB_ALIAS):
    """A Report over chain, versions, evidence and votes; ``faults`` is empty when nothing was edited.

    Whoever can rewrite every row can rewrite the whole chain. ``kept`` is the hash of a head that was kept
    elsewhere, the present one or an older: what the chain was then must still be its beginning.
    """
    for _ in range(ATTEMPTS):
        before = read_head(using)
        report = read_everything(using, kept)
        # Nobody waits for this to end: what was decided meanwhile is read again.
        if not report.faults or read_head(using) == before:
            break
    return report


def tell_count(report):
    """Such as "1 fault in 12 entries", or "12 entries, nothing was edited"."""
    entries = count_words(report.entries, "entry", "entries")
    if not report.faults:
        return f"{entries}, nothing was edited"
    return f"{count_words(len(report.faults), 'fault')} in {entries}"


def read_head(using):
    """``(seq, hash)`` of the row at the end of the chain."""
    head = AuditHead.objects.using(using).filter(pk=1).first() or AuditHead()
    return head.seq, head.hash


def read_everything(using, kept=""):
    """One pass over chain, proposals, versions and votes."""
    report, story = Report(kept=kept, kept_at=0 if kept == GENESIS else None), Story()
    for entry in AuditEntry.objects.using(using).order_by("seq").iterator(chunk_size=2000):
        check_entry(entry, report)
        attempt(report, f"entry {entry.seq}", story.read, entry)
    check_head(report, using)
    for check in CHECKS:
        attempt(report, f"what {check.__name__} looks at", check, story, report, using)
    return report


def attempt(report, what, check, *args):
    """Calls a check; what it cannot read, because somebody wrote nonsense there, is a fault like another."""
    try:
        check(*args)
    except DatabaseError:
        raise
    except Exception as error:
        report.faults.append(f"{what} cannot be read: {type(error).__name__} ({error})")


def check_entry(entry, report):
    """Whether an entry follows the one before it and fits its own hash."""
    if entry.seq != report.entries + 1:
        report.faults.append(f"entry {report.entries + 1} is missing: {entry.seq} comes next")
    elif entry.previous != report.head:
        report.faults.append(f"entry {entry.seq} does not follow the one before it")
    if entry.hash != entry.compute_hash():
        about = f", proposal #{entry.pipeline_id}" if entry.pipeline_id else ""
        report.faults.append(f"entry {entry.seq} ({entry.event}{about}) was changed")
    report.entries, report.head = entry.seq, entry.hash
    if report.kept == entry.hash:
        report.kept_at = entry.seq


def check_head(report, using):
    """Whether the chain ends where its head says: the last entries may have been cut off."""
    seq, end = read_head(using)
    if (seq, end) != (report.entries, report.head):
        report.faults.append(f"the chain should end with entry {seq}, but ends with {report.entries}")
    if report.kept and report.kept_at is None:
        report.faults.append(
            f"no entry has the hash {report.kept}: the chain was rewritten or cut since that was its head"
        )
