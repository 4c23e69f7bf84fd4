"""What the address of a list in the admin may ask for: what the page itself offers."""

from django.contrib.admin.utils import get_fields_from_path

# What Django's filters and its dates write behind the name of a field, and what they may say there. A year
# has one on either side: its first and its last moment are asked for in UTC.
SUFFIXES = ("", "__exact", "__isnull", "__isempty", "__gte", "__lt")
DATES = {"__year": range(2, 9999), "__month": range(1, 13), "__day": range(1, 32)}
LONGEST = 4  # digits; Python reads no number of thousands of them


class OfferedLookups:
    """For a ``ModelAdmin``: a list is filtered by what its ``list_filter`` and its dates offer alone.

    Django takes any column of the row: by ``?evidence__startswith=a`` what no page shows would be read
    letter by letter, by ``?kpi=8`` what is behind a relation, and ``__regex=[`` breaks the database's answer.
    """

    def lookup_allowed(self, lookup, value, request):
        """Whether a list may be filtered so; where not, Django answers 400."""
        for ending, numbers in DATES.items():
            if lookup == f"{self.date_hierarchy}{ending}":
                return value.isdecimal() and len(value) <= LONGEST and int(value) in numbers
        return lookup in set(list_offered(self, request))


def list_offered(model_admin, request):
    """The lookups that the filters and the dates of a page write into addresses."""
    for entry in [*model_admin.get_list_filter(request), model_admin.date_hierarchy]:
        if hasattr(entry, "parameter_name"):
            yield entry.parameter_name
        elif entry:
            path = entry if isinstance(entry, str) else entry[0]
            field = get_fields_from_path(model_admin.model, path)[-1]
            yield from (f"{path}{suffix}" for suffix in SUFFIXES)
            if field.is_relation:
                yield f"{path}__{field.target_field.name}__exact"
