"""The pages about KPIs: they fetch, call and show."""

import time
from functools import wraps

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils.timezone import localtime
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from metrics_app import conf, forms, queries, registry
from metrics_app.core.deadman import is_silence_rule
from metrics_app.core.moments import parse_moment
from metrics_app.core.units import format_duration, format_value
from metrics_app.core.words import describe_overview, natural_key
from metrics_app.curves import describe_limit
from metrics_app.exceptions import BadInput, BusUnavailable
from metrics_app.models import Breach, Threshold
from metrics_app.services.explain import describe, explain
from metrics_app.services.record import record
from metrics_app.services.silences import find_silence, list_acting
from metrics_app.services.visibility import limit_to_visible
from metrics_app.tiles import (
    describe_dead_man,
    describe_standstill,
    describe_state_of,
    find_standstill,
    list_states,
    list_tiles,
)

PER_PAGE = 60  # tiles
LAST_BREACHES = 5
FIGURES = (
    ("points", "count", "count"),
    ("mean", "mean", "mean"),
    ("median", "p50", "mean"),
    ("95 % are below", "p95", "mean"),
    ("lowest", "min", "mean"),
    ("highest", "max", "mean"),
)
COMPLAINTS = ("complaint.received", "complaint.latency")


def show_unavailable(view):
    """Answers 503 with a whole sentence while Redis is away: a page, or JSON where a script asks."""

    @wraps(view)
    def wrapped(request, *args, **kwargs):
        try:
            return view(request, *args, **kwargs)
        except BusUnavailable as error:
            if request.headers.get("Accept", "").startswith("application/json"):
                response = JsonResponse({"errors": [{"message": str(error)}]}, status=503)
            else:
                response = render(request, "metrics_app/unavailable.html", {"reason": str(error)}, status=503)
            response["Retry-After"] = "5"
            return response

    return wrapped


def page(view):
    """A page for logged-in people, never from a cache, in words when Redis is away."""
    return login_required(never_cache(show_unavailable(view)))


def list_visible(user):
    """The KPIs this person may see, in the order of their topics."""
    who = registry.who_is(user)
    visible = [kpi for kpi in registry.list_kpis() if registry.may_read(who, kpi.topic)]
    return sorted(visible, key=lambda kpi: natural_key(kpi.topic))


def find_kpi(user, topic):
    """The KPI of a topic this person may see, or 404."""
    for kpi in list_visible(user):
        if kpi.topic == topic:
            return kpi
    raise Http404(f"No KPI {topic!r} that you may see.")


@require_safe
@page
def show_overview(request):
    """A tile per KPI."""
    pages = Paginator(list_visible(request.user), PER_PAGE)
    here = pages.get_page(request.GET.get("page"))
    tiles = list_tiles(here.object_list)
    context = {
        "page": "overview",
        "pages": here,
        "tiles": tiles,
        "topics": ["*"] if pages.num_pages == 1 else [tile["topic"] for tile in tiles],
        "headline": describe_overview(list_states(pages.object_list)),
        "standstill": describe_present_standstill(),
    }
    return render(request, "metrics_app/overview.html", context)


def describe_present_standstill():
    """What a page says first while the collector is behind; else empty."""
    return describe_standstill(queries.redis_now(), queries.collected_through())


@require_safe
@page
def show_tiles(request):
    """Tiles as JSON: those of ``?topic=`` (repeatable), or the first page of all."""
    wanted = set(request.GET.getlist("topic"))
    kpis = [kpi for kpi in list_visible(request.user) if not wanted or kpi.topic in wanted]
    headline = describe_overview(list_states(list_visible(request.user)))
    return JsonResponse({"tiles": list_tiles(kpis[:PER_PAGE]), "headline": headline} | describe_live())


@require_safe
@page
def show_live_status(request):
    """The server's clock and the time up to which all points have been counted."""
    return JsonResponse(describe_live())


def describe_live():
    """``{"now", "through"}`` in ms; through is null before a collector ever ran."""
    marks = queries.collected_through()
    return {"now": queries.redis_now(), "through": min(marks.values()) if marks else None}


@require_safe
@page
def show_kpi(request, topic):
    """One KPI: its last hour, figures, thresholds and breaches."""
    kpi = find_kpi(request.user, topic)
    context = describe_kpi(kpi) | {"page": "kpi", "window_text": format_duration(kpi.window)}
    context["standstill"] = describe_present_standstill()
    return render(request, "metrics_app/kpi.html", context)


@require_safe
@page
def show_kpi_live(request, topic):
    """The moving parts of a KPI's page: its tile as JSON, its tables as HTML."""
    parts = describe_kpi(find_kpi(request.user, topic))
    html = {
        name: render_to_string(f"metrics_app/_{name}.html", parts, request) for name in ("figures", "rules")
    }
    return JsonResponse({"tile": parts["tile"], "html": html} | describe_live())


def describe_kpi(kpi):
    """What a KPI's page shows, as a template's context."""
    now = queries.redis_now()
    stats = queries.stats(
        kpi.topic, kpi.window, now=find_standstill(kpi.topic, now, queries.collected_through())
    )
    rules = Threshold.objects.filter(kpi__topic=kpi.topic).select_related("kpi", "state_row")
    breaches = Breach.objects.filter(threshold__kpi__topic=kpi.topic).select_related("threshold__kpi")
    tile = list_tiles([kpi])[0]
    chart, acting = tile["chart"], list_acting()
    return {
        "tile": tile,
        "kpi_id": kpi.pk,
        "figures": [
            (label, format_value(stats[name], kpi.unit, aggregate, chart["limit"]))
            for label, name, aggregate in FIGURES
        ],
        "rules": [describe_rule(rule, acting) for rule in rules],
        "breaches": list(breaches.prefetch_related("timeline")[:LAST_BREACHES]),
        "minutes": [
            (ts, format_value(value, kpi.unit, chart["aggregate"], chart["limit"]))
            for ts, value in reversed(list(zip(chart["ts"], chart["values"], strict=True)))
        ],
    }


def describe_rule(rule, acting):
    """A threshold on its KPI's page: its limit, its light and what silences it."""
    silence = find_silence(rule, acting)
    silenced = silence.describe() if silence else ""
    if is_silence_rule(rule):
        return {"rule": rule, "limit": "", "silenced": silenced, **describe_dead_man(rule)}
    return {"rule": rule, "limit": describe_limit(rule), "silenced": silenced, **describe_state_of(rule)}


@require_http_methods(["GET", "HEAD", "POST"])
@page
def show_complaints(request):
    """The demo's form: file complaints, answer one after a chosen time."""
    if not conf.get("COMPLAINTS_DEMO"):
        raise Http404("The complaint form is switched off.")
    form = forms.read_complaints(request.POST) if request.method == "POST" else forms.AnswerForm()
    if form.is_valid():
        record(form.points())
        messages.success(request, form.describe(localtime()))
        # So that a reload of the page files nothing again.
        return redirect("complaints_demo")
    kpis = [kpi for kpi in map(registry.get_kpi, COMPLAINTS) if kpi is not None]
    context = {
        "page": "complaints",
        "form": form,
        "choices": [(seconds, format_duration(seconds)) for seconds in forms.LATENCIES],
        "tiles": list_tiles(kpis),
        "topics": COMPLAINTS,
    }
    status = 400 if form.is_bound else 200
    return render(request, "metrics_app/complaints.html", context, status=status)


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
        found = describe(
            explain(threshold, parse_moment(request.GET.get("at", "0"), now=now, field="at"), now=now),
            threshold,
        )
    except BadInput as error:
        return render(request, "metrics_app/explain.html", context | {"fault": str(error)}, status=400)
    return render(
        request, "metrics_app/explain.html", context | {"found": found, "earlier": found["slot"] - 1}
    )
