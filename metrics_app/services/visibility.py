"""Rows of the KPIs that somebody may see."""

import logging

from django.db.models import Q

from metrics_app.core.points import check_topic
from metrics_app.exceptions import BadInput
from metrics_app.registry import get_kpi, list_restricted, look_again, may_read

logger = logging.getLogger(__name__)

# Of a name that is somebody else's, whether it is there, was there, or will never be.
TAKEN = "cannot be used: choose another name"


def is_taken(who, topic):
    """Whether a topic is not for ``who`` (None: the project itself) to make a KPI of.

    Names are one space, so whoever may make KPIs can find out that one is not free. What they learn is
    no more than that, and who asked stands in the log. The rows decide.
    """
    look_again()
    if who is None or may_read(who, topic):
        return False
    logger.warning("%s asked for a KPI under a name that is not theirs: %s", who.name, topic)
    return True


def list_hidden(who):
    """The topics that are not for ``who``: of KPIs, and restricted ones that outlived theirs."""
    return [topic for topic in list_restricted(who) if not may_read(who, topic)]


def limit_to_visible(rows, who, path):
    """``rows`` without those whose topic, at ``path``, is not for ``who``."""
    if who is not None and who.is_superuser:
        return rows
    hidden = list_hidden(who)
    return rows.exclude(**{f"{path}__in": hidden}) if hidden else rows


def limit_to_groups(rows, who):
    """Keys or receivers of everybody and of the groups of ``who``, without those that name a hidden topic."""
    if who is not None and who.is_superuser:
        return rows
    hidden = set(list_hidden(who))
    rows = rows.filter(Q(group=None) | Q(group__in=who.groups if who else ()))
    named = [pk for pk, topics in rows.values_list("pk", "topics") if hidden.intersection(topics)]
    return rows.exclude(pk__in=named)


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
