"""What happens later: the kinds of errand, when each still makes sense, how long to wait in between."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC

from pipelines_app.core.chain import digest
from pipelines_app.core.states import State

# Seconds before the next attempt, by how many there were; the last one again and again.
WAITS = (5, 15, 60, 300, 900, 1_800)

# The events of the audit chain that send mails, with the reason that stands in each mail's recipient.
MAILINGS = {
    "proposed": "new",
    "changed": "changed",
    "undone": "undone",
    "reopened": "reopened",
    "reminded": "due",
    "escalated": "escalated",
}
# Where such an entry keeps whom: ids of accounts, which mail errands name them by, too. No address.
MAILED = "mailed"
# The event of the entry that tells how errands ended of whose end no other entry tells, and where it keeps
# that. No timeline lists it.
SETTLED = "errands ended"
ENDS = "ended"


@dataclass(frozen=True)
class Kind:
    """How errands of one kind are done.

    ``do(errand, now) -> words`` is called by whoever has claimed it, and again after a crash: what it
    writes it writes once, by ``end_errand`` in its own transaction or by asking first. It raises
    ``Postponed`` to be called later, ``Impossible`` where another attempt would not help; anything else
    is tried again, ``attempts`` times in all. ``give_up(errand, reason, now)`` hears of the end of that.
    ``place(errand)`` names where it goes; "": nobody but it goes there. What goes to one place goes in order,
    and what waits says so in the words of ``behind``. ``waits(errand, now)`` says so of one that was claimed,
    while another worker is at an earlier one; "" where none is.
    """

    do: Callable
    states: frozenset[State]  # of the proposal; in any other it makes no sense any more
    give_up: Callable | None = None
    attempts: int = 10
    place: Callable | None = None
    behind: str = ""
    waits: Callable | None = None


def name_recipient(event, pk):
    """Whom a mail is for, and why, as its errand keeps it: ``due:5``."""
    return f"{MAILINGS[event]}:{pk}"


def describe_end(errand, outcome, at):
    """How an errand ended, as its audit entry keeps it.

    Of the outcome its first words and the hash of all: behind a colon it may name people and addresses.
    """
    return {
        "kind": errand.kind,
        "version": errand.version,
        "recipient": errand.recipient,
        "outcome": outcome.partition(":")[0],
        "sha256": digest(outcome),
        "at": at.astimezone(UTC).isoformat(),
    }


def find_wait(attempts):
    """Seconds until the next attempt, after so many."""
    return WAITS[min(attempts, len(WAITS)) - 1]


def find_pause(attempts, asked):
    """As ``find_wait``, and not sooner than whoever refused it ``asked`` for (s, None: nobody did).

    Half an hour is the most, whatever is asked for; what is no number, as somebody's exception may have it,
    asks for nothing.
    """
    wanted = asked if isinstance(asked, int | float) else 0
    return max(find_wait(attempts), min(wanted, WAITS[-1]))


def flatten(text):
    """A text from elsewhere as one line that a database can keep."""
    return " ".join(str(text).encode("utf-8", "replace").decode().replace("\x00", "").split())
