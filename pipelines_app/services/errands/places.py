"""Where errands go: what is due, by the place that gets it, so that only its own wait for one that is down.

What goes to one place goes in order. Of each place the first is taken up, and the next only once that has got
through; the others there are put off in one statement, however many they are.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import F, Q

from pipelines_app.models import Errand
from pipelines_app.queries import HEAVY
from pipelines_app.services.errands.plan import BELIEVED, LONGEST, find_unheld

TURN = timedelta(seconds=2)  # between two looks whether what goes first has got through
LONGEST_TURN = timedelta(minutes=1)  # what goes first may be taken back, and nobody would say so


@dataclass
class Place:
    """One receiver, and the ids of the errands that are due for it, in order; "": of an errand alone."""

    kind: str  # of errand
    name: str
    due: list[int] = field(default_factory=list)
    tried: int = 0  # attempts at the first of them
    since: object = None  # when that was due
    free_at: object = None  # where the first is not to be taken up yet: when to look again

    @property
    def urgency(self):
        """What sorts places: one that did not answer last time comes behind all others."""
        return self.tried > 0, self.since


def list_places(kinds, moment):
    """The Places for which something of some kinds (``{name: Kind}``) is due, the most urgent first.

    Three questions, whatever is due and wherever it goes.
    """
    rows = find_unheld(moment).filter(due_at__lte=moment, kind__in=list(kinds))
    due = list(rows.order_by("due_at", "pk").values_list("pk", "kind", "due_at", "attempts"))
    laned = {kind for _, kind, *_ in due if kinds[kind].place}
    alone = [Place(kind, "", [pk], attempts, at) for pk, kind, at, attempts in due if kind not in laned]
    return sorted(alone + list_shared(kinds, laned, moment), key=lambda place: place.urgency)


def list_shared(kinds, names, moment):
    """The Places that get more than one errand, or might: also those of which the first is not due yet."""
    places = {}
    for errand in find_open(kinds, names):
        place = kinds[errand.kind].place(errand) or str(errand.pk)
        found = places.setdefault((errand.kind, place), Place(errand.kind, place))
        is_held = is_claimed(errand, moment)
        is_due = errand.due_at <= moment and not is_held
        if found.since is None:
            found.tried, found.since = errand.attempts, errand.due_at
            found.free_at = None if is_due or is_held else errand.due_at
        if is_held:
            # By whoever is at it, or was before it was asked for anew.
            found.free_at = moment + TURN
        if is_due:
            found.due.append(errand.pk)
    return [place for place in places.values() if place.due]


def is_claimed(errand, moment):
    """Whether a worker holds an errand, as far as that can be believed."""
    until = errand.claimed_until
    return until is not None and moment < until <= moment + BELIEVED


def find_open(kinds, names):
    """Errands of some kinds that are to be done, due or not, in the order of their making."""
    wanted = Q(pk__in=[])
    for name in names:
        wanted |= Q(kind=name, pipeline__state__in=kinds[name].states)
    rows = Errand.objects.filter(wanted, done_at=None, version=F("pipeline__version"))
    heavy = (f"pipeline__{name}" for name in HEAVY)
    return rows.select_related("pipeline").defer(*heavy).order_by("pk")


def hold_back(place, kind, moment, until):
    """Puts off what is due behind the first of a place (of a ``Kind``), until that may have got through."""
    until = min(max(until, moment + TURN), moment + LONGEST_TURN)
    rows = find_unheld(moment).filter(pk__in=place.due, due_at__lte=moment)
    rows.update(due_at=until, error=kind.behind.format(place=place.name)[:LONGEST])
