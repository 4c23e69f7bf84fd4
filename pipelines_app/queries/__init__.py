"""Read side: who sees what, the inbox and its order, what is measured, what came of like proposals."""

import logging

from django.db.models import Q
from django.utils import timezone

from pipelines_app import conf
from pipelines_app.core.moments import find_midnight, to_moment, to_ms
from pipelines_app.core.states import OPEN
from pipelines_app.core.topics import is_listed
from pipelines_app.core.urgency import sort_key
from pipelines_app.exceptions import NotMeasured
from pipelines_app.models import AuditEntry, Pipeline
from pipelines_app.queries.authors import cite, tell_program
from pipelines_app.queries.deciding import (
    count_approvals,
    count_seats,
    find_seat,
    is_visible,
    list_deciders,
    list_groups,
    list_lent,
    list_permitted,
    may_decide_any,
    name_of,
    share_lent,
    why_not_change,
    why_not_decide,
)
from pipelines_app.queries.delegations import (
    find_delegation,
    find_permitted,
    find_permitted_by_name,
    list_delegations,
)
from pipelines_app.queries.endings import PAST, count_decided, find_deciding_vote, tell_end
from pipelines_app.queries.execution import (
    count_to_do,
    find_approver,
    find_errand,
    find_undo_end,
    has_approved,
    is_to_do,
    list_to_do,
    make_order,
    why_not_retry,
)
from pipelines_app.queries.likes import (
    HEAVY,
    attach_evidence,
    attach_likes,
    count_like,
    count_states,
    list_like,
    list_like_states,
    list_same,
)
from pipelines_app.queries.measuring import find_effect, find_plan, find_span, list_actions, read_effect
from pipelines_app.queries.origins import list_origins
from pipelines_app.queries.sight import (
    Sight,
    look,
    show_actions,
    show_entry,
    show_parts,
    show_text,
    sight_of,
    visible_to_groups,
)
from pipelines_app.queries.stops import find_stop, may_turn
from pipelines_app.queries.track_records import attach_records, find_record, list_earlier, read_earlier
from pipelines_app.queries.versions import (
    attach_stories,
    attach_versions,
    find_reopening,
    find_waiting_since,
    peek_version,
    read_origin,
    read_version,
    tell_tampering,
)
from pipelines_app.queries.wordings import attach_suggestions

__all__ = [
    "HEAVY",
    "PAST",
    "Sight",
    "attach_evidence",
    "attach_likes",
    "attach_records",
    "attach_stories",
    "attach_suggestions",
    "attach_versions",
    "cite",
    "count_approvals",
    "count_decided",
    "count_like",
    "count_states",
    "count_seats",
    "count_to_do",
    "find_approver",
    "find_deciding_vote",
    "find_delegation",
    "find_effect",
    "find_errand",
    "find_permitted",
    "find_permitted_by_name",
    "find_plan",
    "find_record",
    "find_reopening",
    "find_seat",
    "find_span",
    "find_stop",
    "find_undo_end",
    "find_waiting_since",
    "has_approved",
    "is_listed",
    "is_to_do",
    "is_visible",
    "list_actions",
    "list_deciders",
    "list_delegations",
    "list_earlier",
    "list_lent",
    "list_origins",
    "list_like",
    "list_like_states",
    "list_permitted",
    "list_same",
    "list_to_do",
    "make_order",
    "look",
    "may_decide_any",
    "may_turn",
    "name_of",
    "peek_version",
    "read_earlier",
    "read_effect",
    "read_origin",
    "read_version",
    "share_lent",
    "show_actions",
    "show_entry",
    "show_parts",
    "show_text",
    "sight_of",
    "tell_end",
    "tell_program",
    "tell_tampering",
    "why_not_change",
    "why_not_decide",
    "why_not_retry",
]

logger = logging.getLogger(__name__)
UNREAD = "its figures cannot be read at the moment"


def limit_to_topics(pipelines, patterns):
    """The proposals about topics that one of the patterns includes; no patterns, no limit."""
    if not patterns or "*" in patterns:
        return pipelines
    wanted = Q(topic__in=[pattern for pattern in patterns if not pattern.endswith("*")])
    for pattern in patterns:
        if pattern.endswith(".*"):
            wanted |= Q(topic__startswith=pattern[:-1])
    return pipelines.filter(wanted)


def visible_to(user):
    """The proposals that a logged-in person may see."""
    if user.is_superuser:
        return Pipeline.objects.all()
    return visible_to_groups(list_groups(user))


def list_inbox(pipelines, *, now=None):
    """The open ones of a queryset, most urgent first: severity, overrun × hours waiting, due."""
    now = now or timezone.now()
    waiting = (
        pipelines.filter(state__in=OPEN)
        .select_related("restricted_to", "deciders", "escalation")
        .defer(*HEAVY)
    )
    return sorted(attach_versions(waiting), key=lambda pipeline: urgency(pipeline, now))


def urgency(pipeline, now):
    """The sort key of one open proposal."""
    return sort_key(
        severity=pipeline.severity,
        overrun=pipeline.overrun,
        hours_waiting=(now - find_waiting_since(pipeline)).total_seconds() / 3600,
        due=(pipeline.due_at, pipeline.pk),
    )


def ask_project(question, *args, **wanted):
    """``(answer, fault)`` of a function of ``MEASUREMENTS``; the answer is None where there is none.

    A measurement that fails is logged: a page without its chart still lets people decide. ``fault``
    says so in words, with the reason where the project gives one for people (NotMeasured), else "".
    """
    project = conf.load("MEASUREMENTS")
    if project is None:
        return None, ""
    try:
        return getattr(project, question)(*args, **wanted), ""
    except Exception as error:
        logger.exception("%s could not %s %r", conf.get("MEASUREMENTS"), question, args)
        reason = f": {str(error).rstrip('.')}" if isinstance(error, NotMeasured) else ""
        return None, f"{UNREAD}{reason}"


def measure(topic, rule, now, *, draw_from=None, cost_from=None):
    """What a rule (a dict; None: the KPI's tile) sees at a moment; None where nothing measures it.

    ``{"rule", "label", "unit", "value", "n", "text", "limit_text"}``, with the ``curve``
    ``{"ts", "values"}`` and the ``cost`` since two moments (ms) where they are asked for. Where it
    cannot be read there is no more than a ``fault`` that says so, and ``value`` None: ``unread`` is true.
    """
    if not topic:
        return None
    wanted = {"draw_from": draw_from, "cost_from": cost_from}
    found, fault = ask_project("measure", topic, rule, to_ms(now), **wanted)
    return {"value": None, "fault": fault, "unread": True} if fault else found


# What is said of a topic where the project says nothing.
UNDESCRIBED = {"known": True, "unit": "", "restricted": False, "restricted_to": None}


def describe_topic(topic):
    """``{"known", "unit", "restricted", "restricted_to": Group or None}`` of a topic, as the project says."""
    function = conf.load("TOPICS") if topic else None
    return UNDESCRIBED | (function(topic) if function else {})


def read_topic(topic, *, hold=False):
    """As ``describe_topic``, for what is about to be written: not as remembered, where the project can tell.

    ``hold``: nobody changes it until the transaction ends.
    """
    function = conf.load("TOPICS") if topic else None
    read = getattr(function, "read", None)
    return UNDESCRIBED | read(topic, hold=hold) if read else describe_topic(topic)


def describe_watches(topics):
    """``{topic: {"name", "aggregate", "window", "rules"}}`` of KPIs as watched today, where one can tell."""
    topics, function = sorted(set(topics) - {""}), conf.load("WATCH")
    return function(topics) if function and topics else {}


def describe_watch(topic):
    """How a KPI is watched today, as ``describe_watches`` tells it; empty where nobody can tell."""
    return describe_watches([topic]).get(topic, {})


def measure_for_evidence(topic, at):
    """What can be frozen about a KPI at a moment, where the proposer brought no evidence."""
    end = to_ms(at)
    start = end - conf.get("EVIDENCE_SPAN") * 1000
    return (ask_project("freeze", topic, start, end)[0] or {}) if topic else {}


def start_of_day(now):
    """Where the day of ``now`` begins in the current time zone."""
    return find_midnight(timezone.localdate(now), timezone.get_current_timezone())


def list_moments(topic, start_ms, end_ms, user):
    """The audit entries in [start, end] ms about proposals of a topic that this person may see.

    Each with the ``suggestion`` that it was about.
    """
    span = (to_moment(start_ms), to_moment(end_ms))
    rows = AuditEntry.objects.filter(pipeline__in=visible_to(user).filter(topic=topic), at__range=span)
    rows = rows.select_related("pipeline").defer(*(f"pipeline__{name}" for name in HEAVY)).order_by("seq")
    rows = rows.only_moves().checked()
    return attach_suggestions(rows)
