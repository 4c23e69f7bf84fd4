"""What a proposal's card shows, ready to be written on a page."""

from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode

from django.utils import timezone

from pipelines_app import queries
from pipelines_app.cards.author import Author, describe_author
from pipelines_app.cards.basis import find_basis, find_today
from pipelines_app.cards.execution import Execution, describe_execution
from pipelines_app.cards.figures import tell_opening, tell_present
from pipelines_app.cards.rejections import Rejected, describe_rejected
from pipelines_app.cards.terms import tell_needs
from pipelines_app.cards.track_records import list_parts
from pipelines_app.cards.unless import describe_offer, tell_reopened, tell_unless
from pipelines_app.cards.writing import tell_time, to_local, write
from pipelines_app.core.durations import HOUR_MS, SECOND_MS
from pipelines_app.core.finding import write_fields
from pipelines_app.core.record import tell_counts
from pipelines_app.core.states import LABELS, VERDICTS, State
from pipelines_app.core.track_records import list_reviewed
from pipelines_app.queries.finding import find_rejections, limit_alike, pick_mine

SQUARES = 12
SURE_AFTER = 10 * 60 * SECOND_MS  # of waiting, before its cost is told per hour
LOWER = ("lt", "lte")  # the limit is a floor
# How an effect looks on the track record; what is not measured yet stays empty.
EFFECTS = {State.EFFECTIVE.value: "good", State.HARMFUL.value: "bad", State.INEFFECTIVE.value: "none"}


def list_waiting(user, wanted, *, now):
    """The open proposals that this person may see and that fit ``wanted``, most urgent first."""
    waiting = queries.list_inbox(limit_alike(queries.visible_to(user), wanted), now=now)
    return pick_mine(waiting, wanted["mine"], user, now=now) if "mine" in wanted else waiting


def describe_waiting(user, *, wanted=None, now=None):
    """What waits, among what this person may see: ``count``, ``order`` (ids) and it in words.

    ``to_do`` is how many steps, failures and effects this person can carry on. ``count`` is of those
    that this person may decide; nobody else's are theirs to hurry with. ``order`` is of those that fit
    ``wanted`` (``core.finding``). ``oldest`` (ms) lets a page count on: the texts have an age between
    ``before`` and ``after``.
    """
    now = now or timezone.now()
    waiting = queries.list_inbox(queries.visible_to(user), now=now)
    mine = sum(not queries.why_not_decide(pipeline, user, now=now) for pipeline in waiting)
    told = {"count": mine, "headline": tell_headline(mine, len(waiting), user)}
    told["to_do"] = queries.count_to_do(queries.visible_to(user), user, now=now)
    if not waiting:
        none = {"sentence": "No proposal waits for a decision", "order": [], "oldest": None}
        return told | none | {"lead": "", "before": "", "after": ""}
    oldest = min(map(queries.find_waiting_since, waiting))
    age = write(round_age((now - oldest).total_seconds()), "seconds")
    since = "for " if len(waiting) == 1 else "the oldest for "
    after = " · sorted by severity, then by what the waiting costs"
    return told | {
        "sentence": f"{count_waiting(len(waiting))} for a decision, {since}{age}",
        "lead": f"{since.capitalize()}{age}{after}",
        "before": since.capitalize(),
        "after": after,
        "oldest": queries.to_ms(oldest),
        "order": [pipeline.pk for pipeline in (list_waiting(user, wanted, now=now) if wanted else waiting)],
    }


def tell_headline(mine, count, user):
    """``1 proposal waits for you · 2 wait for others``; without "you" for who decides on none."""
    if not queries.may_decide_any(user):
        return f"{count_waiting(count)} for a decision"
    others = count - mine
    rest = f" · {others} {'waits' if others == 1 else 'wait'} for others" if others else ""
    return f"{count_waiting(mine)} for you{rest}"


def count_waiting(count):
    """``2 proposals wait``."""
    few = {0: "No proposal waits", 1: "1 proposal waits"}
    return few.get(count, f"{count} proposals wait")


def tell_today(user, *, now=None):
    """What was decided today, among what this person may see, in a sentence."""
    since = queries.start_of_day(now or timezone.now())
    today = queries.count_decided(queries.visible_to(user), since=since)
    names = ("approved", "rejected", "expired", *["withdrawn"] * bool(today["withdrawn"]))
    return "Decided today: " + ", ".join(f"{today[name]} {name}" for name in names)


def describe_today(user, *, now=None):
    """``today`` in a sentence, and the fields ``today_query`` of the address that lists just that."""
    day = timezone.localdate(now)
    query = urlencode(write_fields({"from": day, "to": day}))
    return {"today": tell_today(user, now=now), "today_query": query}


def round_age(seconds):
    """Whole minutes from one minute on: below it the seconds, which the page counts on."""
    return seconds // 60 * 60 if seconds >= 60 else max(0, int(seconds))


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
    present: str
    verdict: str
    chart: dict | None
    name: str
    execution: Execution
    to_do: bool
    rejected: Rejected | None
    waits_since: datetime
    offer: dict | None
    reopened: str


def make_cards(pipelines, user, *, now):
    """The ``Card`` of each proposal, in the same order."""
    visible = queries.visible_to(user)
    rejections = find_rejections(pipelines, among=visible)
    queries.attach_records(pipelines, among=visible)
    return [make_card(row, user, now=now, rejections=rejections) for row in pipelines]


def make_card(pipeline, user, *, now=None, rejections=None):
    """The ``Card`` of a proposal as this person may see it; ``rejections`` where they were read for many."""
    now = now or timezone.now()
    if rejections is None:
        rejections = find_rejections([pipeline], among=queries.visible_to(user))
    watch = queries.describe_watch(pipeline.topic)
    basis, present = read_figures(pipeline, watch, now, with_cost=pipeline.is_open)
    reopened = tell_reopened(pipeline, now) if pipeline.is_open else ""
    # That sentence says already who rejected it and why.
    last = None if reopened or not pipeline.is_open else rejections.get(pipeline.pk)
    holder, why_not = queries.find_seat(pipeline, user, now=now)
    return Card(
        pipeline=pipeline,
        author=describe_author(pipeline),
        why_not=why_not,
        stands_for="" if holder in (None, user) else queries.name_of(holder),
        needs=tell_needs(pipeline, now) if pipeline.is_open else "",
        tampered=queries.tell_tampering(pipeline),
        cost=describe_cost(basis, present, now) if pipeline.is_open else None,
        no_cost=tell_no_cost(pipeline, basis, present),
        record=describe_record(pipeline, user),
        opening=tell_opening(pipeline, basis),
        present=tell_present(pipeline, basis, present, watch, now),
        verdict="" if pipeline.is_open else tell_verdict(pipeline, now, present),
        chart=describe_chart(pipeline, basis),
        name=watch.get("name", pipeline.topic),
        execution=describe_execution(pipeline, user, now=now),
        to_do=queries.is_to_do(pipeline),
        rejected=describe_rejected(pipeline, last, now),
        waits_since=queries.find_waiting_since(pipeline),
        offer=describe_offer(pipeline, now),
        reopened=reopened,
    )


def read_figures(pipeline, watch, now, *, with_cost=False, draw_from=None):
    """``(basis, present)``: what was frozen, and the same quantity as the project measures it now.

    What somebody proposed is held against the limit that watches that quantity today, if any.
    """
    basis = find_basis(pipeline, watch)
    if basis is None:
        return None, None
    rule = basis.rule if basis.limit is not None else find_today(basis, watch)[1] or basis.rule
    since = basis.since or queries.to_ms(pipeline.created_at)
    if reopened := queries.find_reopening(pipeline):
        # What a rejection has put up with was decided: the waiting began anew.
        since = reopened["at"]
    wanted = {"draw_from": draw_from, "cost_from": since if with_cost else None}
    present = queries.measure(pipeline.topic, rule, now, **wanted)
    if present is not None and basis.curve_label:
        # Frozen without words: the project has them.
        basis = replace(basis, label=present["label"])
    return basis, present


def describe_cost(basis, present, now):
    """What the waiting costs, as the project counts it: ``{"amount", "text"}``; None where it does not."""
    cost = present and present.get("cost")
    if not cost:
        return None
    limit = "today's limit" if basis.limit is None else "the limit"
    since = tell_time(to_local(cost["since"]), now)
    text = cost["words"].replace("{limit}", limit).replace("{since}", since)
    # Over a few minutes a rate per hour would be a guess.
    if queries.to_ms(now) - cost["since"] >= SURE_AFTER:
        text += f"; {write(cost['per_hour'], cost['unit'])} more each hour at this pace"
    return {"amount": write(cost["value"], cost["unit"]), "text": text}


def tell_no_cost(pipeline, basis, present):
    """Why the waiting has no cost that can be told."""
    if not pipeline.topic:
        return "no KPI measures it"
    if basis is None or present is None:
        return "nothing measures its KPI"
    if present.get("fault"):
        return present["fault"]
    if present["rule"].get("limit") is None:
        return "no limit is set that a cost could count from"
    return f"the {present['label']} has no cost that adds up"


def describe_record(pipeline, user):
    """What became of like proposals as squares, newest last, and a sentence; the record of the suggestion.

    ``parts`` of the record's line, ``review``: the cases because of which to review the approach.
    """
    visible = queries.visible_to(user)
    like = queries.list_like(pipeline, among=visible).values_list("state", flat=True)[:SQUARES]
    squares = [EFFECTS.get(state, "open") for state in reversed(like)]
    counts = queries.count_like(pipeline, among=visible)
    record = queries.find_record(pipeline, among=visible)
    told = {"parts": list_parts(record), "review": list_reviewed(record)}
    if record.cases:
        # Its line tells the effects already, of the suggestion and not of the title.
        counts |= dict.fromkeys(EFFECTS, 0)
    return told | {"squares": squares, "sentence": tell_counts(counts)}


def tell_verdict(pipeline, now, present=None):
    """Who decided what, and when: ``Approved by Ada at 10:12.``

    ``present`` is what the KPI is now, for what a rejection waits for.
    """
    decision = queries.find_deciding_vote(pipeline)
    at = tell_time(pipeline.decided_at, now) if pipeline.decided_at else ""
    if decision is None:
        return f"{LABELS[State(pipeline.state)]} at {at}."
    said = f" “{decision.comment}”" if decision.comment else ""
    if unless := tell_unless(pipeline, present, now):
        return f"Rejected by {decision.name}{unless}. At {at}:{said}"
    return f"{queries.PAST[decision.vote].capitalize()} by {decision.name} at {at}.{said}"


def tell_outcome(pipeline):
    """What a step just taken has led to, in a sentence."""
    if pipeline.state in VERDICTS:
        return "Closed; the verdict stays."
    if pipeline.state in {State.EXECUTING, State.DONE, State.FAILED, State.MEASURING}:
        return f"{pipeline.outcome[:1].upper()}{pipeline.outcome[1:] or 'It is tried again'}."
    if not pipeline.is_open:
        return tell_verdict(pipeline, timezone.now())
    votes = pipeline.decisions.filter(version=pipeline.version, vote="approve").count()
    if not votes:
        return "The approval is undone; it waits for a decision again."
    return f"{votes} of {pipeline.quorum} approvals are in; it still waits for the others."


def describe_chart(pipeline, basis):
    """The frozen curve for the spark-line, with the rule it was judged by; None without one."""
    if basis is None or not basis.curve:
        return None
    found = describe_curve(basis, basis.curve, basis.measured_to or basis.curve["ts"][-1])
    if basis.curve_label:
        found |= {"label": basis.curve_label, "unit": pipeline.unit}
        if basis.rule["aggregate"] != "mean":
            found |= {"limit": None, "limit_label": ""}
    return found | {"sentence": tell_opening(pipeline, basis)}


def describe_curve(basis, curve, end):
    """A curve as ``spark.js`` draws it: the limit in the picture, the side that is bad tinted."""
    return {
        "ts": curve["ts"],
        "values": curve["values"],
        "start": curve["ts"][0],
        "end": end,
        "label": basis.label,
        "unit": basis.unit,
        "limit": basis.limit,
        "limit_label": basis.limit_text,
        "above": basis.rule.get("operator") not in LOWER,
    }


def find_silenced(pipeline):
    """What silences the rule behind a proposal today (that of its evidence, else any), in words, or ""."""
    rules = queries.describe_watch(pipeline.topic).get("rules", [])
    fired = pipeline.evidence.get("threshold")
    wanted = fired.get("id") if isinstance(fired, dict) else None
    told = [rule.get("silenced", "") for rule in rules if wanted in (None, rule.get("id"))]
    return next(filter(None, told), "")


def describe_since(pipeline, *, now=None):
    """The live panel beside the evidence: the same quantity until now; None where nothing measures it."""
    now = now or timezone.now()
    watch = queries.describe_watch(pipeline.topic)
    end, opened = queries.to_ms(now), queries.to_ms(pipeline.created_at)
    basis, present = read_figures(pipeline, watch, now, draw_from=min(opened, end - HOUR_MS))
    if not present or not present.get("curve"):
        return None
    # Its words are the frozen ones, and where those were left to the project, the project's.
    shown = replace(basis, unit=present["unit"]) if basis.curve_label else basis
    said = tell_present(pipeline, basis, present, watch, now)
    return describe_curve(shown, present["curve"], present["curve"]["ts"][-1]) | {
        "mark": opened,
        "sentence": said or "Nothing has been measured in its window",
    }
