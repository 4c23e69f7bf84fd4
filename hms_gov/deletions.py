"""What the page before a deletion tells: of rows that this person may not see neither names nor numbers."""

from collections import defaultdict

from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import NestedObjects
from django.db import router
from django.utils.text import capfirst

PART = 1_000  # rows asked for at once
KEPT = "What is kept on record"


class Discreet:
    """For every page of the admin: Django lists and counts what goes along, and asks nobody who sees it.

    Where something goes along, or is in the way, that is not for this person, nothing is deleted, and
    they are told no more than that. The admin's log of an account goes with it, and is not listed.
    """

    def get_deleted_objects(self, objs, request):
        """As Django's, through the eyes of who asks."""
        told = super().get_deleted_objects(objs, request)
        if request.user.is_superuser or not objs:
            return told
        found = NestedObjects(using=router.db_for_write(self.model), origin=objs)
        found.collect(objs)
        hidden = find_hidden(self.admin_site, request, found)
        if not hidden:
            return told
        _, _, refused, protected = told
        gone, counts = prune(found.nested(), hidden), count_shown(found, hidden)
        if all(isinstance(row, LogEntry) for row in hidden):
            return gone, counts, refused, protected
        return gone, counts, set(), [*map(tell, found.protected - hidden), KEPT]


def find_hidden(site, request, found):
    """Rows beside the chosen ones that the admin would not show this person now.

    Where it has no page for them, those that are in the way; the others go by what they belong to.
    """
    kinds, hidden = defaultdict(dict), set()
    for row in {*found.protected, *(row for rows in found.model_objs.values() for row in rows)}:
        if row not in found.edges.get(None, ()):
            kinds[type(row)][row.pk] = row
    for model, rows in kinds.items():
        if site.is_registered(model):
            seen = list_seen(site.get_model_admin(model).get_queryset(request), list(rows))
            hidden.update(row for pk, row in rows.items() if pk not in seen)
        else:
            hidden.update(row for row in rows.values() if model is LogEntry or row in found.protected)
    return hidden


def list_seen(shown, pks):
    """The keys of ``pks`` that are among the rows ``shown``."""
    parts = [pks[at : at + PART] for at in range(0, len(pks), PART)]
    return {pk for part in parts for pk in shown.filter(pk__in=part).values_list("pk", flat=True)}


def count_shown(found, hidden):
    """``{name of a model: number of its rows that go along}`` without the hidden."""
    numbers = {model: len(rows - hidden) for model, rows in found.model_objs.items()}
    return {model._meta.verbose_name_plural: number for model, number in numbers.items() if number}


def prune(tree, hidden):
    """A nested list of rows, each before the list of what hangs on it, as texts and without the hidden."""
    told, kept = [], True
    for item in tree:
        if not isinstance(item, list):
            kept = item not in hidden
            told += [tell(item)] if kept else []
        elif kept and (below := prune(item, hidden)):
            told.append(below)
    return told


def tell(row):
    """A row on the page."""
    return f"{capfirst(row._meta.verbose_name)}: {row}"
