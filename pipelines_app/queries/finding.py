"""Looking for proposals: what was decided, by words, outcome, person and day; what waits, by whose it is."""

from datetime import timedelta

from django.db.models import Exists, Max, OuterRef, Q
from django.utils import timezone

from pipelines_app.core.chain import encode
from pipelines_app.core.finding import ENDS
from pipelines_app.core.moments import find_midnight
from pipelines_app.core.states import OPEN
from pipelines_app.models import AuditEntry, Decision, Effect
from pipelines_app.queries.deciding import share_lent, why_not_decide
from pipelines_app.queries.wordings import WORDING

# The entries of the chain that say who ended the waiting, and why.
ENDING = ("approved", "rejected", "expired", "withdrawn")
DECIDING = (*ENDING, "voted")
# Entries whose comment stands nowhere else.
COMMENTED = ("withdrawn", "changed", "done")


def find_decided(pipelines, wanted):
    """Those of a queryset that were decided and fit ``wanted`` (``core.finding``), the last decided first."""
    found = limit_alike(pipelines.exclude(state__in=OPEN), wanted)
    if "q" in wanted:
        found = found.filter(holds_words(wanted["q"]))
    if "state" in wanted:
        found = found.filter(state__in=ENDS[wanted["state"]])
    if "by" in wanted:
        found = found.filter(Exists(list_ended_by(wanted["by"])))
    if "from" in wanted:
        found = found.filter(decided_at__gte=to_midnight(wanted["from"]))
    if "to" in wanted:
        found = found.filter(decided_at__lt=to_midnight(wanted["to"] + timedelta(days=1)))
    return found.order_by("-decided_at", "-id")


def limit_alike(pipelines, wanted):
    """What waits and what was decided is limited alike by severity and KPI."""
    named = {"severity": "severity", "kpi": "topic"}
    return pipelines.filter(**{column: wanted[name] for name, column in named.items() if name in wanted})


def pick_mine(waiting, mine, user, *, now):
    """Those of a list of open proposals that are this person's to decide, had their vote, or are theirs."""
    if mine == "decide":
        lent = share_lent(waiting)
        return [row for row in waiting if not why_not_decide(row, user, now=now, lent=lent)]
    if mine == "proposed":
        return [row for row in waiting if user.pk in (row.proposer_id, row.changed_by_id)]
    votes = Decision.objects.filter(
        Q(by=user.pk) | Q(instead_of=user.pk), pipeline__in=[row.pk for row in waiting]
    )
    voted = set(votes.values_list("pipeline", "version"))
    return [row for row in waiting if (row.pk, row.version) in voted]


def to_midnight(day):
    """The moment at which a day begins in the reader's zone."""
    return find_midnight(day, timezone.get_current_timezone())


def holds_words(text):
    """What is true of a proposal that says this anywhere: its words, its people, their comments."""
    own = ("title", "topic", "suggestion", "proposer_name", "outcome")
    names = Q(by_name__icontains=text) | Q(instead_of_name__icontains=text) | Q(comment__icontains=text)
    votes = Decision.objects.filter(names, pipeline=OuterRef("pk"))
    closings = Q(closed_by_name__icontains=text) | Q(closed_reason__icontains=text)
    closed = Effect.objects.filter(closings, pipeline=OuterRef("pk"))
    moves = AuditEntry.objects.only_moves()
    people = moves.filter(pipeline=OuterRef("pk"), actor__icontains=text)
    found = Q(Exists(votes)) | Q(Exists(closed)) | Q(Exists(people)) | Q(pk__in=list_commented(text))
    for name in own:
        found |= Q(**{f"{name}__icontains": text})
    return found


def list_commented(text):
    """The ids of proposals with such words in a comment that only the chain has.

    The chain's texts are JSON, whose own words are looked past.
    """
    spelled = encode(text)[1:-1]
    entries = AuditEntry.objects.filter(event__in=COMMENTED, data_text__icontains=spelled)
    return {
        entry.pipeline_id for entry in entries if text.lower() in str(entry.data.get("comment", "")).lower()
    }


def list_ended_by(name):
    """The entries of a proposal's chain in which somebody of that name decided, or was decided for."""
    spelled = encode(name)[1:-1]
    told = Q(actor__icontains=name) | Q(data_text__icontains=f'"for_name":"{spelled}')
    return AuditEntry.objects.filter(told, pipeline=OuterRef("pk"), event__in=DECIDING)


def find_endings(pipelines):
    """``{id: entry}``: the entry of the chain that ended the waiting of each; one query for all."""
    entries = AuditEntry.objects.filter(pipeline__in=[row.pk for row in pipelines], event__in=ENDING)
    return {entry.pipeline_id: entry for entry in entries.order_by("seq")}


def find_closings(pipelines):
    """``{id: entry}``: the entry of the chain with which somebody closed an effect that proved nothing."""
    entries = AuditEntry.objects.filter(pipeline__in=[row.pk for row in pipelines], event="closed")
    return {entry.pipeline_id: entry for entry in entries.order_by("seq")}


def list_topics(pipelines):
    """The topics that a queryset's proposals are about, in order."""
    return list(pipelines.exclude(topic="").order_by("topic").values_list("topic", flat=True).distinct())


def find_rejections(pipelines, *, among):
    """``{id: Decision}``: the last rejection of the same title and topic as each, else of the same topic.

    ``among`` is a queryset of what may be told of; of a proposal that waits again its own rejection counts
    too. Each has the ``suggestion`` that was rejected, whatever became of it since. Two queries for all,
    and one for each that has another version since.
    """
    keys = {row.pk: (row.title, row.topic) for row in pipelines}
    titles, topics = ({key[part] for key in keys.values()} - {""} for part in (0, 1))
    votes = Decision.objects.filter(vote="reject", pipeline__in=among)
    votes = votes.filter(Q(pipeline__title__in=titles) | Q(pipeline__topic__in=topics))
    last = votes.order_by().values_list("pipeline__title", "pipeline__topic").annotate(last=Max("id"))
    ids, of_topic = {(title, topic): pk for title, topic, pk in last}, {}
    for (_, topic), pk in ids.items():
        of_topic[topic] = max(pk, of_topic.get(topic, 0))
    # What people said of another measure on the same KPI is worth reading, too; of no KPI nothing is alike.
    of_topic.pop("", None)
    chosen = {pk: ids.get(key) or of_topic.get(key[1]) for pk, key in keys.items()}
    rows = Decision.objects.select_related("pipeline").in_bulk(set(chosen.values()) - {None})
    for row in rows.values():
        row.suggestion = find_rejected(row)
    return {pk: rows[vote] for pk, vote in chosen.items() if vote is not None}


def find_rejected(vote):
    """What the version suggested that a vote is on; its proposal may have come back, and been changed."""
    if vote.version == vote.pipeline.version:
        return vote.pipeline.suggestion
    told = AuditEntry.objects.filter(pipeline=vote.pipeline_id, event__in=WORDING).order_by("-seq")
    data = (entry.data for entry in told)
    said = (
        one["suggestion"] for one in data if one.get("suggestion") and one.get("version", 1) <= vote.version
    )
    return next(said, vote.pipeline.suggestion)
