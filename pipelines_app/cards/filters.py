"""What the form above a list of proposals offers, what it was given, and how to ask for more."""

from urllib.parse import urlencode

from pipelines_app.core.fields import SEVERITIES
from pipelines_app.core.finding import END_LABELS, MINE, list_wider, write_fields
from pipelines_app.queries.finding import list_topics


def describe_filters(params, wanted, faults, names, *, among):
    """The context of such a form: ``params`` are those of the address, ``wanted`` what was read of them."""
    return {
        "faults": faults,
        "given": {name: params.get(name, "") for name in names},
        "outcomes": END_LABELS.items(),
        "severities": SEVERITIES,
        "topics": list_topics(among),
        "mine": MINE.items(),
        "query": urlencode(write_fields(wanted)),
        "wider": [(words, urlencode(rest)) for words, rest in list_wider(wanted)],
    }
