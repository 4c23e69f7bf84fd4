"""What a proposal's card shows, ready to be written on a page."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from django.db.models import QuerySet, prefetch_related_objects
from django.utils import timezone

from pipelines_app import queries
from pipelines_app.cards.author import Author, describe_author
from pipelines_app.cards.costs import describe_cost, tell_no_cost
from pipelines_app.cards.curves import describe_chart, read_figures, tell_no_chart
from pipelines_app.cards.decided import tell_ending
from pipelines_app.cards.execution import Execution, describe_execution
from pipelines_app.cards.figures import tell_losses, tell_opening, tell_present, tell_unread
from pipelines_app.cards.like import describe_record
from pipelines_app.cards.rejections import Rejected, describe_rejected
from pipelines_app.cards.terms import tell_needs
from pipelines_app.cards.unless import describe_offer, tell_reopened, tell_unless
from pipelines_app.cards.writing import capitalise, tell_time, tell_when
from pipelines_app.core.counts import agree, count_words
from pipelines_app.core.states import VERDICTS, State
from pipelines_app.queries.finding import find_endings, find_rejections


@dataclass(frozen=True)
class Card:
    """A proposal with the words around it."""

    pipeline: object
    author: Author
    why_not: str
    stands_for: str
    tampered: str
    needs: str
    cost: dict | None
    no_cost: str
    record: dict
    opening: str
    losses: list
    present: str
    unread: str
    verdict: str
    chart: dict | None
    no_chart: str
    name: str
    execution: Execution
    to_do: bool
    rejected: Rejected | None
    waits_since: datetime
    offer: dict | None
    reopened: str


@dataclass(frozen=True)
class Shared:
    """What the cards of one page have in common, read once for all of them."""

    visible: QuerySet
    rejections: dict
    watches: dict
    lent: Callable
    find_stop: Callable


def make_cards(pipelines, user, *, now):
    """The ``Card`` of each proposal, in the same order: one query of each kind for all of them."""
    prefetch_related_objects(pipelines, "decisions", "changed_by")
    shared = share(queries.attach_evidence(pipelines), user)
    return [write_card(row, user, now, shared) for row in pipelines]


def make_card(pipeline, user, *, now=None):
    """The ``Card`` of a proposal as this person may see it."""
    return write_card(pipeline, user, now or timezone.now(), share([pipeline], user))


def share(pipelines, user):
    """The ``Shared`` of these; each of them has its records and its story attached."""
    visible = queries.visible_to(user)
    for row in pipelines:
        queries.look(row, queries.sight_of(user))
    queries.attach_records(pipelines, among=visible)
    queries.attach_stories(pipelines)
    queries.attach_likes(pipelines, among=visible)
    return Shared(
        visible=visible,
        rejections=find_rejections(pipelines, among=visible),
        watches=queries.describe_watches(row.topic for row in pipelines),
        lent=cache(queries.list_lent),
        find_stop=cache(queries.find_stop),
    )


def write_card(pipeline, user, now, shared):
    """One ``Card``, by what all of them share."""
    watch = shared.watches.get(pipeline.topic, {})
    basis, present = read_figures(pipeline, watch, now, with_cost=pipeline.is_open)
    reopened = tell_reopened(pipeline, now) if pipeline.is_open else ""
    # That sentence says already who rejected it and why.
    last = None if reopened or not pipeline.is_open else shared.rejections.get(pipeline.pk)
    holder, why_not = queries.find_seat(pipeline, user, now=now, lent=shared.lent)
    return Card(
        pipeline=pipeline,
        author=describe_author(pipeline),
        why_not=why_not,
        stands_for="" if holder in (None, user) else queries.name_of(holder),
        needs=tell_needs(pipeline, now) if pipeline.is_open else "",
        tampered=queries.tell_tampering(pipeline),
        cost=describe_cost(basis, present, now) if pipeline.is_open else None,
        no_cost=tell_no_cost(pipeline, basis, present),
        record=describe_record(pipeline, shared.visible),
        opening=tell_opening(pipeline, basis),
        losses=tell_losses(pipeline, now),
        present=tell_present(pipeline, basis, present, watch, now),
        unread=tell_unread(present),
        verdict="" if pipeline.is_open else tell_verdict(pipeline, now, present),
        chart=describe_chart(pipeline, basis),
        no_chart=tell_no_chart(basis),
        name=watch.get("name", pipeline.topic),
        execution=describe_execution(pipeline, user, now=now, find_stop=shared.find_stop),
        to_do=queries.is_to_do(pipeline),
        rejected=describe_rejected(pipeline, last, lambda at: tell_time(at, now)),
        waits_since=queries.find_waiting_since(pipeline),
        offer=describe_offer(pipeline, now),
        reopened=reopened,
    )


def tell_verdict(pipeline, now, present=None):
    """Who decided what, and when: ``Approved by Ada at 10:12 CET.``

    ``present`` is what the KPI is now, for what a rejection waits for.
    """
    decision = queries.find_deciding_vote(pipeline)
    if decision is None:
        return tell_ending(pipeline, find_endings([pipeline]).get(pipeline.pk), now)
    when = tell_when(pipeline.decided_at, now)
    said = f" “{decision.comment}”" if decision.comment else ""
    if unless := tell_unless(pipeline, present, now):
        return f"Rejected by {decision.name}{unless}. {capitalise(when)}:{said}"
    return f"{queries.PAST[decision.vote].capitalize()} by {decision.name} {when}.{said}"


def tell_outcome(pipeline):
    """What a step just taken has led to, in a sentence."""
    if pipeline.state in VERDICTS:
        return "Closed; the verdict stays."
    if pipeline.state in {State.EXECUTING, State.DONE, State.FAILED, State.MEASURING}:
        return f"{pipeline.outcome[:1].upper()}{pipeline.outcome[1:] or 'It is tried again'}."
    if not pipeline.is_open:
        return tell_verdict(pipeline, timezone.now())
    votes = queries.count_approvals(pipeline)
    if not votes:
        return "The approval is undone; it waits for a decision again."
    wanted = count_words(pipeline.quorum, "approval")
    return f"{votes} of {wanted} {agree(votes)} in; it still waits for the others."
