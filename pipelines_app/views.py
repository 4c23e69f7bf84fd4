"""The inbox and the page of a proposal; every rule stands in ``services``."""

import csv
from datetime import datetime, timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from pipelines_app import queries, services
from pipelines_app.cards import cards, curves, waiting
from pipelines_app.cards.decided import make_lines
from pipelines_app.cards.effect_charts import describe_outcome, list_effect_rows
from pipelines_app.cards.facts import split_companions
from pipelines_app.cards.filters import describe_filters
from pipelines_app.cards.record_pages import TITLES, describe_record, list_earlier
from pipelines_app.cards.writing import tell_sight
from pipelines_app.core.counts import join_words
from pipelines_app.core.fields import is_id
from pipelines_app.core.finding import WAITING, read_fields
from pipelines_app.core.moments import find_midnight
from pipelines_app.core.states import AGREED, OPEN
from pipelines_app.exceptions import BadInput, Conflict, NotAllowed, NotMeasured

LIKE = 10  # earlier proposals on a page
MAX_ID = 2**63 - 1
# What a form may ask for: the service, and what it takes besides the version.
STEPS = {
    "approve": (services.approve, ("comment",)),
    "reject": (services.reject, ("comment",)),
    "change": (services.change_suggestion, ("suggestion", "comment", "earlier")),
    "withdraw": (services.withdraw, ("comment",)),
    "undo": (services.undo, ()),
    "confirm": (services.confirm, ("day", "comment")),
    "fail": (services.fail, ("comment",)),
    "retry": (services.retry, ()),
    "close": (services.close, ("comment",)),
}


def page(view):
    """A page for logged-in people, never from a cache."""
    return login_required(never_cache(view))


def find(user, pk):
    """The proposal, or 404 whether it is unknown or hidden."""
    rows = queries.visible_to(user).select_related("restricted_to")
    pipeline = rows.filter(pk=pk).first() if pk <= MAX_ID else None
    if pipeline is None:
        raise Http404(f"There is no proposal #{pk}, or you may not see it.")
    return queries.look(pipeline, queries.sight_of(user))


@require_safe
@page
def show_inbox(request):
    """The waiting proposals that fit the address, most urgent first; 400 where it makes no sense."""
    now, user = timezone.now(), request.user
    visible = queries.visible_to(user)
    wanted, faults = read_fields(request.GET, WAITING)
    context = {
        "page": "inbox",
        "cards": cards.make_cards(waiting.list_waiting(user, wanted, now=now), user, now=now),
        "to_do": cards.make_cards(queries.attach_versions(queries.list_to_do(visible)), user, now=now),
        "waiting": waiting.describe_waiting(user, now=now),
        "may_decide": queries.may_decide_any(user),
        "seen": tell_sight(user),
    }
    among = visible.filter(state__in=OPEN)
    context |= describe_filters(request.GET, wanted, faults, WAITING, among=among)
    context |= waiting.describe_today(user, now=now)
    return render(request, "pipelines_app/inbox.html", context, status=400 if faults else 200)


@require_safe
@page
def show_waiting(request):
    """How many wait, in a number and in words, and those that fit the address in their order."""
    wanted, _ = read_fields(request.GET, WAITING)
    today = waiting.describe_today(request.user)
    return JsonResponse(waiting.describe_waiting(request.user, wanted=wanted) | today)


@require_safe
@page
def show_card(request, pk):
    """One card of the inbox, for a page that is open."""
    card = cards.make_card(find(request.user, pk), request.user)
    context = {"card": card, "may_decide": queries.may_decide_any(request.user)}
    return render(request, "pipelines_app/_card.html", context)


@require_safe
@page
def show_since(request, pk):
    """What the KPI has done since the proposal was opened, as a fragment of its page."""
    pipeline = find(request.user, pk)
    return render(request, "pipelines_app/_since.html", describe_since(pipeline))


def describe_since(pipeline):
    """The context of the live panel."""
    silenced = curves.find_silenced(pipeline)
    return {"pipeline": pipeline, "since": curves.describe_since(pipeline), "silenced": silenced}


@require_safe
@page
def show_proposal(request, pk):
    """The page of a proposal."""
    return render_proposal(request, find(request.user, pk))


def render_proposal(request, pipeline, *, fault="", missing=False, status=200, **written):
    """The page with its evidence, the live panel, the decision, history and audit."""
    visible = queries.visible_to(request.user)
    may_change = pipeline.is_open and not queries.why_not_change(pipeline, request.user)
    context = describe_since(pipeline) | {
        "page": "inbox",
        "card": cards.make_card(pipeline, request.user),
        "evidence": pipeline.evidence,
        "like": make_lines(list(queries.list_like(pipeline, among=visible)[:LIKE]), timezone.now()),
        "audit": pipeline.moves.checked(),
        "decisions": pipeline.decisions.all(),
        "versions": pipeline.versions.all(),
        "outcome": describe_outcome(pipeline),
        "fault": fault,
        "may_change": may_change,
        "earlier": list_earlier(pipeline, request.user) if may_change else [],
        "missing": missing,
    }
    context |= describe_companions(pipeline) | written
    return render(request, "pipelines_app/proposal.html", context, status=status)


def describe_companions(pipeline):
    """``(name, value, what it was made of)`` of the KPIs frozen beside it that its reader may see."""
    shown = queries.show_parts(pipeline, {"companions": pipeline.evidence.get("companions")})
    return {"companions": split_companions(shown["companions"])}


@require_safe
@page
def show_record(request, pk):
    """What came of a proposal's suggestion before; ``?which=`` are the cases that a number counts."""
    pipeline = find(request.user, pk)
    which = request.GET.get("which", "approved")
    if which not in TITLES:
        raise Http404(f"There are no such cases: expected which to be one of {', '.join(TITLES)}.")
    context = describe_record(pipeline, request.user, which)
    context |= {"page": "inbox", "pipeline": pipeline}
    context["name"] = queries.describe_watch(pipeline.topic).get("name", pipeline.topic)
    return render(request, "pipelines_app/record.html", context)


@require_safe
@page
def download_effect(request, pk):
    """The days behind an effect as CSV; 404 where none is judged, or it is not as it was."""
    rows = list_effect_rows(find(request.user, pk))
    if rows is None:
        raise Http404(f"No effect of proposal #{pk} can be shown.")
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="effect-{pk}.csv"'
    csv.writer(response).writerows(rows)
    return response


@require_POST
@page
def decide(request, pk):
    """One step from a plain form: a vote, a change, or what follows an approval.

    A fault shows the proposal as it stands, with what went wrong and what was written.
    """
    pipeline = find(request.user, pk)
    vote = request.POST.get("vote")
    written = read_written(request, vote)
    try:
        moved = take_step(request, pipeline, vote)
    except Conflict as error:
        return render_proposal(request, find(request.user, pk), fault=str(error), **written, status=409)
    except NotAllowed as error:
        return render_proposal(request, pipeline, fault=str(error), **written, status=403)
    except NotMeasured as error:
        return render_proposal(request, pipeline, fault=str(error), **written, status=503)
    except BadInput as error:
        if vote == "reject" and not request.POST.get("comment", "").strip():
            return render_proposal(request, pipeline, **written, missing=True, status=400)
        return render_proposal(
            request, pipeline, fault=f"Nothing was decided: {error}.", **written, status=400
        )
    messages.success(request, f"“{moved.title}”: {tell_outcome(vote, moved)}")
    # Whoever has just approved it may want to undo it.
    stays = vote == "change" or moved.state in AGREED
    return redirect("pipeline_detail", pk) if stays else redirect("inbox")


def read_written(request, vote):
    """What a form carried besides the version, under the page's name for it."""
    if vote == "change":
        return {"changing": request.POST.get("suggestion", ""), "chosen": request.POST.get("earlier", "")}
    comment = {"withdrawing" if vote == "withdraw" else "comment": request.POST.get("comment", "")}
    return comment | {"unless": read_unless(request)}


def tell_outcome(vote, pipeline):
    """What a form that was taken has led to, in a sentence."""
    if vote == "change":
        return f"version {pipeline.version} waits for others to decide."
    return cards.tell_outcome(pipeline)


def take_step(request, pipeline, vote):
    """Calls the service that the form's ``vote`` names; BadInput for any other."""
    if vote not in STEPS:
        raise BadInput(f"vote must be one of {', '.join(STEPS)}", field="vote")
    version = request.POST.get("version", "")
    if not is_id(version):
        raise BadInput("the form lacks the version you saw", field="version")
    service, takes = STEPS[vote]
    given = {name: request.POST.get(name, "") for name in takes}
    if vote == "reject" and (unless := read_unless(request)):
        given["unless"] = unless
    return service(pipeline=pipeline, by=request.user, version=int(version), **given)


def read_unless(request):
    """What a form says that a rejection waits for; None where both fields are empty."""
    given = {name: request.POST.get(f"unless_{name}", "").strip() for name in ("value", "until")}
    return given if any(given.values()) else None


@require_http_methods(["GET", "HEAD", "POST"])
@page
def show_delegations(request):
    """Who decides in whose place, and a form to let somebody; for people who decide."""
    if not queries.may_decide_any(request.user):
        raise PermissionDenied("You do not decide on proposals: there is nothing to delegate.")
    fault = ""
    if request.method == "POST":
        try:
            messages.success(request, change_delegations(request))
            return redirect("inbox_delegations")
        except (BadInput, NotAllowed) as error:
            fault = f"Nothing was changed: {error}."
    context = describe_delegations(request.user) | {"page": "inbox", "fault": fault}
    context["written"] = {name: request.POST.get(name, "") for name in ("to", "first", "last")}
    return render(request, "pipelines_app/delegations.html", context, status=400 if fault else 200)


def describe_delegations(user):
    """The page's lists: lent and borrowed seats that are not over, and people to choose from."""
    given, received = queries.list_delegations(user)
    people = [(str(one.pk), queries.name_of(one)) for one in queries.list_permitted() if one.pk != user.pk]
    names = join_words([*dict.fromkeys(row.receiver_name for row in given if not row.touched)])
    headline = f"Your seat is lent to {names}" if names else "Nobody decides in your place"
    return {"given": given, "received": received, "people": people, "headline": headline}


def change_delegations(request):
    """Delegates, or ends a delegation; what came of it, in words."""
    if "end" in request.POST:
        row = queries.find_delegation(request.user, request.POST["end"])
        services.end_delegation(delegation=row, by=request.user)
        return f"{row.receiver_name} no longer decides for you."
    to = queries.find_permitted(request.POST.get("to", ""))
    (first, _), (last, end) = (read_day(request.POST.get(name, ""), name) for name in ("first", "last"))
    services.delegate(by=request.user, to=to, starts_at=first, ends_at=end)
    return f"{queries.name_of(to)} decides for you until {last:%d %b %Y}."


def read_day(text, field):
    """A day as the form writes it: where it and the next begin in the reader's zone; BadInput."""
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()
        # A calendar ends: what comes a day later must be a day, too.
        days = day, day + timedelta(days=1)
        return tuple(find_midnight(day, timezone.get_current_timezone()) for day in days)
    except (ValueError, OverflowError):
        shown = ascii(text)[:40] if text else "an empty field"
        raise BadInput(f"{shown} is not a day such as 2026-03-01", field=field) from None
