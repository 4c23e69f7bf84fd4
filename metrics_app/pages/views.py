"""The pages about KPIs: they fetch, call and show."""

import time
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from metrics_app import registry
from metrics_app.core.conditions import LABELS
from metrics_app.core.filters import read_filters
from metrics_app.core.moments import parse_moment
from metrics_app.core.text.explanations import name_class, tell_judged
from metrics_app.exceptions import BadInput
from metrics_app.files import open_data
from metrics_app.models import Breach, Threshold
from metrics_app.pages.overviews import PER_PAGE, choose, place_tile, put_worst_first, tell_headline
from metrics_app.pages.shared import (
    describe_live,
    list_visible,
    page,
    show_unavailable,
    tell_present_standstill,
)
from metrics_app.pages.tiles import list_tiles
from metrics_app.services.conditions import read_conditions
from metrics_app.services.explain import describe, explain
from metrics_app.services.outcomes import read_outcomes
from metrics_app.services.silences import list_acting
from metrics_app.services.visibility import limit_to_visible
from metrics_app.services.watch.states import tell_silence


@require_safe
@page
def show_overview(request):
    """A tile per KPI that the filters in the address leave."""
    visible, filters = list_visible(request.user), read_filters(request.GET)
    seen = read_conditions(visible)
    chosen = put_worst_first(choose(visible, filters, seen), filters, seen, is_wall="wall" in request.GET)
    pages = Paginator(chosen, PER_PAGE)
    here = pages.get_page(request.GET.get("page"))
    tiles = [place_tile(tile, filters) for tile in list_tiles(here.object_list, seen, user=request.user)]
    context = {
        "page": "overview",
        "pages": here,
        "tiles": tiles,
        # Where all fit on the page, a KPI that is new comes onto it.
        "topics": ["*"] if len(visible) <= PER_PAGE else [tile["topic"] for tile in tiles],
        "headline": tell_headline(visible, seen),
        "standstill": tell_present_standstill(),
        "wall": "wall" in request.GET,
        "filters": filters,
        "states": LABELS.items(),
        "query": urlencode([pair for pair in request.GET.items() if pair[0] != "page"]),
        "total": len(visible),
        "shown": sum(not tile["hidden"] for tile in tiles),
        "one_page": len(visible) <= PER_PAGE,
    }
    return render(request, "metrics_app/overview.html", context)


@require_safe
@page
def show_tiles(request):
    """Tiles as JSON: those of ``?topic=`` (repeatable), or the first page of all."""
    wanted = set(request.GET.getlist("topic"))
    visible = list_visible(request.user)
    seen = read_conditions(visible)
    kpis = [kpi for kpi in visible if not wanted or kpi.topic in wanted][:PER_PAGE]
    headline = tell_headline(visible, seen)
    tiles = list_tiles(kpis, seen, user=request.user)
    found = {"tiles": tiles, "headline": headline, "total": len(visible)}
    return JsonResponse(found | describe_live())


@require_safe
@page
def show_live_status(request):
    """The server's clock and the time up to which all points have been counted."""
    return JsonResponse(describe_live())


def tell_slot(rule, found):
    """``class``, ``before`` and ``after`` of a described Explanation as pages name them; of codes none."""
    states = {
        name: state and tell_judged(rule, state, data_breach=found["data_breach"])
        for name, state in (("before", found["before"]), ("after", found["after"]))
    }
    return states | {"class": name_class(rule, found["class"])}


@require_safe
@page
def show_explanation(request, pk):
    """Why a threshold did, or did not, fire at ``?at=`` (default: now)."""
    rows = limit_to_visible(
        Threshold.objects.select_related("kpi"), registry.who_is(request.user), "kpi__topic"
    )
    threshold, now = get_object_or_404(rows, pk=pk), time.time_ns() // 1_000_000
    context = {"threshold": threshold, "page": "kpi"}
    try:
        at = parse_moment(request.GET.get("at", "0"), now=now, field="at")
        explanation = explain(threshold, at, now=now)
        found = describe(explanation, threshold)
    except BadInput as error:
        return render(request, "metrics_app/explain.html", context | {"fault": str(error)}, status=400)
    context |= {"found": found, "earlier": found["slot"] - 1, "told": tell_slot(explanation.rule, found)}
    # Slots or windows of seconds are not told apart by their minutes.
    context["precise"] = min(found["window"], threshold.interval) < 60
    context["silenced"] = tell_silence(threshold, list_acting(at=at))
    breaches = Breach.objects.filter(pk=found["breach"]).select_related("threshold__kpi")
    context["came"] = read_outcomes(breaches, request.user).get(found["breach"])
    return render(request, "metrics_app/explain.html", context)


@require_safe
@show_unavailable
def show_open_data(request):
    """What is published for everybody: figures, files, method and licence. No log-in."""
    context = {"page": "open_data"} | open_data.describe_page(request.get_host())
    with timezone.override(context["zone"]):
        response = render(request, "metrics_app/open_data.html", context)
    # The head of the page names who is logged in: only a stranger's page is the same for all.
    who = {"private": True} if request.user.is_authenticated else {"public": True}
    patch_cache_control(response, max_age=open_data.FRESH, **who)
    return response
