"""What came of a suggestion before, for all proposals of a page at once."""

from collections import defaultdict
from dataclasses import replace

from django.db.models import Q

from pipelines_app.core import measuring
from pipelines_app.core.moments import to_ms
from pipelines_app.core.states import AGREED, State
from pipelines_app.core.track_records import Case, make_record
from pipelines_app.exceptions import BadInput
from pipelines_app.queries.likes import find_horizon
from pipelines_app.queries.measuring import check_effect, find_told
from pipelines_app.queries.sight import sees
from pipelines_app.queries.versions import attach_versions, check_version_of, peek_version


def find_key(pipeline):
    """What makes two proposals the same suggestion: their KPI, what they suggest, and by which action.

    A proposal is repeated under its title; a record is of what is done about it. "1 temp, not 2"
    is another suggestion of the same title, and two rules of one KPI may suggest the same. Without
    a topic the title says what it is about. The parameters of an action do not count: they are
    frozen anew each time (a limit as it was then).
    """
    return (pipeline.topic, "" if pipeline.topic else pipeline.title, pipeline.suggestion, pipeline.action)


def attach_records(pipelines, *, among):
    """The proposals, each with the ``track_record`` of its suggestion: four queries for all of them.

    The cases are the other approved proposals of that suggestion ``among`` a queryset, as they were
    known when it was decided; now, while it is not.
    """
    pipelines = list(pipelines)
    wanted = {find_key(pipeline) for pipeline in pipelines}
    rows = among.filter(topic__in={key[0] for key in wanted}, suggestion__in={key[2] for key in wanted})
    cases = defaultdict(list)
    for row, case in read_cases(rows):
        cases[find_key(row)].append(case)
    for pipeline in pipelines:
        others = [show_harm(pipeline, case) for case in cases[find_key(pipeline)] if case.id != pipeline.pk]
        known = (case.look_back(find_horizon(pipeline)) for case in others)
        pipeline.track_record = make_record(filter(None, known))
    return pipelines


def show_harm(pipeline, case):
    """The Case as the proposal's reader may see it: of harm to a KPI that is not for them there was none.

    That something was harmed would say what a restricted KPI did.
    """
    names = (name for topic, name in case.harmed if sees(pipeline, topic))
    return replace(case, harmed=tuple(dict.fromkeys(names)))


def find_record(pipeline, *, among):
    """The Record of one proposal's suggestion, as attached to it."""
    if not hasattr(pipeline, "track_record"):
        attach_records([pipeline], among=among)
    return pipeline.track_record


def read_cases(rows):
    """``(proposal, Case)`` of those that were approved; what is not as it was frozen is ``touched``."""
    rows = rows.filter(state__in=AGREED).select_related("effect").defer("evidence_text").order_by("id")
    rows = attach_versions(rows)
    told = find_told([row.pk for row in rows])
    return [(row, date_case(row, told.get(row.pk))) for row in rows]


def date_case(row, told):
    """The Case of an approved proposal, with the moments since when it is known."""
    effect = getattr(row, "effect", None)
    judged_at = told.at if told else effect and effect.judged_at
    return replace(read_case(row, told), decided_at=row.decided_at, judged_at=judged_at)


def read_case(row, told):
    """The Case of an approved proposal, by the frozen text of its effect and not by its columns."""
    begun_at = row.carried_out_at and to_ms(row.carried_out_at)
    effect = getattr(row, "effect", None)
    if not (told or effect) and not check_version_of(row)[1]:
        return Case(row.pk, begun_at=begun_at)
    document = check_effect(effect, told)[0] if effect else None
    if document is None or check_version_of(row)[1]:
        return read_touched(row.pk, told, begun_at, was_judged=bool(told or effect))
    verdict, measure = document["effect"]["verdict"], document["measure"]
    effect = measuring.read_effect(document["effect"]) if measure else None
    return Case(row.pk, verdict, effect, measure, harmed=tuple(list_harmed(document)))


def read_touched(pk, told, begun_at, *, was_judged):
    """The Case of what is not as it was frozen: of its effect only the verdict in the chain is left."""
    verdict, harmed = (told.verdict, tuple((one, one) for one in told.harmed)) if told else ("", ())
    lost = was_judged and not verdict
    return Case(pk, verdict, touched=True, harmed=harmed, lost=lost, begun_at=begun_at)


def list_harmed(document):
    """``(topic, name)`` of what an action harmed beside; effects from before guardrails have none."""
    for one in document.get("guardrails", ()):
        if one["effect"] and one["effect"]["verdict"] == State.HARMFUL:
            yield one["topic"], (one.get("measure") or {}).get("name") or one["topic"]


def list_earlier(pipeline, *, among):
    """``(proposal, Record)`` of the other suggestions that were approved for the same KPI, best first.

    The proposal is the newest of each suggestion. What did harm comes last, what nobody knows before.
    """
    newest, cases = {}, defaultdict(list)
    for row, case in read_cases(filter_same(pipeline, among)):
        cases[find_key(row)].append(show_harm(pipeline, case))
        if not case.touched:
            newest[find_key(row)] = row
    newest.pop(find_key(pipeline), None)
    found = [(row, make_record(cases[key])) for key, row in newest.items()]
    return sorted(found, key=lambda pair: (pair[1].rank, -pair[0].pk))


def filter_same(pipeline, among):
    """The other approved proposals about the same KPI, or of the same title where it has none.

    What only a group may read is no choice for a proposal that others read.
    """
    about = Q(topic=pipeline.topic) if pipeline.topic else Q(topic="", title=pipeline.title)
    readers = Q(restricted_to=None) | Q(restricted_to=pipeline.restricted_to_id)
    return among.filter(about, readers, state__in=AGREED).exclude(pk=pipeline.pk)


def read_earlier(pipeline, number, *, among):
    """What an earlier proposal suggested, as the dict that was frozen; BadInput where it is no choice.

    Hidden, unknown, about something else, never approved: all are answered alike.
    """
    row = filter_same(pipeline, among).filter(pk=number).first()
    document = row and peek_version(row)
    if document is None:
        raise BadInput(f"#{number} is no earlier suggestion that you can choose", field="earlier")
    return document
