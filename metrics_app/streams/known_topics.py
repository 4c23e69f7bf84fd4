"""The topics there are and who may see them, as a set by which a stream knows whether to choose again."""

from metrics_app import registry

_listed = (None, frozenset())  # the KPIs as they were read last, and what ``list_topics`` made of them


def list_topics():
    """What decides who sees which topic, as a frozenset; the same object until something changes."""
    global _listed
    kpis, (seen, topics) = registry.load_kpis(), _listed
    if kpis is not seen:
        found = frozenset((kpi.topic, kpi.restricted, kpi.owner_id) for kpi in kpis.values())
        topics = topics if found == topics else found
        _listed = kpis, topics
    return topics


def name_topics(kpis):
    """The topics in a part of ``list_topics``."""
    return {topic for topic, *_ in kpis}
