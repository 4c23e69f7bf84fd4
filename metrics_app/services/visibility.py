"""Rows of the KPIs that somebody may see."""

import logging

from django.db.models import Q

from metrics_app.core.points import check_topic
from metrics_app.exceptions import BadInput
from metrics_app.registry import get_kpi, list_restricted, look_again, may_read

logger = logging.getLogger(__name__)

# Of a name that is somebody else's, whether it is there, was there, or will never be.
TAKEN = "cannot be used: choose another name"


def list_taken(who, topics):
    """Those of ``topics`` that are not for ``who`` (None: the project itself) to make KPIs of.

    Names are one space, so whoever may make KPIs can find out that one is not free. What they learn is
    no more than that, and who asked stands in the log. The rows decide.
    """
    if who is None:
        return []
    look_again()
    taken = [topic for topic in topics if not may_read(who, topic)]
    for topic in taken:
        logger.warning("%s asked for a KPI under a name that is not theirs: %s", who.name, topic)
    return taken


def list_hidden(who):
    """The topics that are not for ``who``: of KPIs, and restricted ones that outlived theirs."""
    return [topic for topic in list_restricted(who) if not may_read(who, topic)]


def sees_all(who):
    """Whether no topic is hidden from ``who``: figures over all topics together tell of each."""
    if who is None or who.topics:
        return False
    return who.is_superuser or not list_hidden(who)


def limit_to_visible(rows, who, path):
    """``rows`` without those whose topic, at ``path``, is not for ``who``."""
    if who is not None and who.is_superuser:
        return rows
    hidden = list_hidden(who)
    return rows.exclude(**{f"{path}__in": hidden}) if hidden else rows


def limit_to_groups(rows, who):
    """Keys or receivers of the groups of ``who``, and those without a group that are for them to see.

    What somebody made themselves they see whatever topics it names: one that was gone from their list
    would have told them that a topic is there. What others made is seen where each topic it names is a
    KPI that ``who`` may see, or a pattern: one that is hidden and one that is not there are alike.
    """
    if who is not None and who.is_superuser:
        return rows
    if who is None:
        return rows.none()
    mine = Q(group__in=who.groups) | (Q(group=None, created_by=who.id) if who.kind == "user" else Q())
    named = rows.filter(group=None).values_list("pk", "topics")
    told = [pk for pk, topics in named if all(is_told(who, topic) for topic in topics)]
    return rows.filter(mine | Q(pk__in=told))


def is_told(who, topic):
    """Whether a name may be told to ``who``: a pattern, or a KPI that they may see."""
    return topic.endswith("*") or (get_kpi(topic) is not None and may_read(who, topic))


def limit_silences(rows, who):
    """Silences without those of a hidden topic, named or by their threshold; a pattern names none."""
    rows = limit_to_visible(rows, who, "threshold__kpi__topic")
    return limit_to_visible(rows, who, "topic")


def check_named(who, topic):
    """BadInput for a topic that is no KPI, or not for ``who``: the same words for both.

    None for ``who`` is the project itself; an empty topic or a pattern names none. The rows decide, as
    something is to be written.
    """
    if not topic or topic.endswith("*") or who is None:
        return
    look_again()
    if not may_read(who, check_topic(topic)) or get_kpi(topic) is None:
        raise BadInput("is no KPI that you may see", field="topic")
