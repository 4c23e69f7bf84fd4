"""What became of proposals, as the streams tell it: a change has its audit entry's number as position."""

from datetime import timedelta

from django.utils import timezone

from pipelines_app.core.errands import SETTLED
from pipelines_app.models import AuditEntry

LOOK_BACK = timedelta(minutes=1)  # who begins to listen may have missed what changed in between
AT_ONCE = 200  # entries that are looked back on at most
COLUMNS = ("seq", "at", "pipeline", "pipeline__state", "pipeline__title", "pipeline__restricted_to")


def read_changes(after):
    """``(position, changes)``: each proposal that changed after a position, as it is now.

    Of the last minute where ``after`` is None. A change is what ``live.announce_event`` takes. Entries
    are numbered under a lock that is held until the commit: none comes below one that was read.
    """
    rows = AuditEntry.objects.exclude(event=SETTLED).order_by("-seq").values_list(*COLUMNS)
    if after is None:
        found = list(rows[:AT_ONCE])
        position = found[0][0] if found else 0
        found = [row for row in found if row[1] > timezone.now() - LOOK_BACK]
    else:
        found = list(rows.filter(seq__gt=after))
        position = found[0][0] if found else after
    newest = {}
    for seq, _, *pipeline in found:
        newest.setdefault(pipeline[0], make_change(seq, *pipeline))
    newest.pop(None, None)  # what concerns no single proposal
    return position, list(newest.values())[::-1]


def find_change(pk):
    """The last change of one proposal; None where the chain tells of none."""
    rows = AuditEntry.objects.filter(pipeline=pk).exclude(event=SETTLED)
    row = rows.order_by("-seq").values_list(*COLUMNS).first()
    return row and make_change(row[0], *row[2:])


def make_change(seq, pk, state, title, group):
    """What is told of a proposal, to whom: those of its group only, where it is restricted."""
    event = {"type": "pipeline", "id": pk, "state": state, "title": title}
    return {"event": event, "permission": None, "group": group, "position": seq}
