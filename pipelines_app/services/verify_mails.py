"""Whether the mails are those that the chain tells of: to whom, why, about which version.

What came of one stands in no entry. Entries from before they told whom they mail ask for nothing.
"""

from datetime import timedelta

from django.utils import timezone

from pipelines_app.core.errands import MAILED, MAILINGS, name_recipient
from pipelines_app.models import Errand
from pipelines_app.services.errands.plan import MAIL

COLUMNS = ("pipeline", "version", "recipient", "due_at", "done_at")
LONGEST_WAIT = timedelta(hours=1)  # more than between any two attempts, or until many mails become one
UNSAID = None


def note_mails(mails, entry, data):
    """Takes one entry of the chain into ``{(proposal, version, reason): (when, recipients or UNSAID)}``."""
    reason = MAILINGS.get(entry.event)
    if reason is None:
        return
    key = entry.pipeline_id, data.get("version"), reason
    told = {name_recipient(entry.event, pk) for pk in data[MAILED]} if MAILED in data else UNSAID
    mails[key] = entry.at, told


def check_mails(story, report, using):
    """Names each mail that is gone, was made up, or was put off."""
    left = {key: set(told or ()) for key, (_, told) in story.mails.items()}
    rows, now = Errand.objects.using(using).filter(kind=MAIL).order_by("pk"), timezone.now()
    for pipeline, version, recipient, due_at, done_at in rows.values_list(*COLUMNS).iterator(chunk_size=5000):
        key = pipeline, version, recipient.partition(":")[0]
        at, told = story.mails.get(key, (None, ()))
        if told is UNSAID:
            continue
        if recipient not in left.get(key, ()):
            report.faults.append(f"{name_mail(*key[:2], recipient)} was made up")
            continue
        left[key].remove(recipient)
        if done_at is None and due_at > max(at, now) + LONGEST_WAIT:
            report.faults.append(f"{name_mail(*key[:2], recipient)} was put off")
    report.faults += [
        f"{name_mail(*key[:2], recipient)} is gone"
        for key, names in left.items()
        for recipient in sorted(names)
    ]


def name_mail(pipeline, version, recipient):
    """``the mail due:5 of proposal #12, version 1``: its reason and the id of the account."""
    return f"the mail {recipient} of proposal #{pipeline}, version {version}"
