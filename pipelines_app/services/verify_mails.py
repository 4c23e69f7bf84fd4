"""Whether the mails are those that the chain tells of: to whom, why, about which version, what came of each.

Entries from before they told whom they mail ask for no mail.
"""

from django.utils import timezone

from pipelines_app.core.errands import MAILED, MAILINGS, name_recipient
from pipelines_app.models import Errand
from pipelines_app.services.errands.plan import MAIL
from pipelines_app.services.verify_ends import find_key, is_ended_so, name_row
from pipelines_app.services.verify_work import is_put_off

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
    """Names each mail that is gone, was made up, was put off, or ended otherwise than the chain tells."""
    left = {key: set(told or ()) for key, (_, told) in story.mails.items()}
    now = timezone.now()
    for row in Errand.objects.using(using).filter(kind=MAIL).order_by("pk").iterator(chunk_size=2000):
        key, name = (row.pipeline_id, row.version, row.recipient.partition(":")[0]), name_row(*find_key(row))
        at, told = story.mails.get(key, (None, ()))
        if told is not UNSAID and row.recipient not in left.get(key, ()):
            report.faults.append(f"{name} was made up")
            continue
        left[key].discard(row.recipient)
        if not is_ended_so(row, None, story):
            report.faults.append(f"{name} was changed")
        elif row.done_at is None and is_put_off(row, at, now):
            report.faults.append(f"{name} was put off")
    report.faults += [
        f"{name_row(*key[:2], MAIL, recipient)} is gone"
        for key, names in left.items()
        for recipient in sorted(names)
    ]
