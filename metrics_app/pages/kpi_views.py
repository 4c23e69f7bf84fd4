"""The page of one KPI: its chart over any span, as a table and as CSV, and the notes on it."""

import csv

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from metrics_app import queries, registry
from metrics_app.core.aggregate_records import COUNTED
from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.deadman import is_silence_rule
from metrics_app.core.moments import to_ms
from metrics_app.core.plans import NAMES, SHIFTS, SPANS, clamp_span
from metrics_app.core.text import words
from metrics_app.core.text.losses import tell_lost
from metrics_app.core.text.units import DASH, format_duration, format_number, format_value, tell_last
from metrics_app.exceptions import Conflict
from metrics_app.models import Breach, Note, Threshold
from metrics_app.pages.charts import describe_plot, list_marks, make_view
from metrics_app.pages.comparisons import list_comparisons, tell_lacking
from metrics_app.pages.forms import NoteForm
from metrics_app.pages.lights import clock_with_zone, describe_state_of
from metrics_app.pages.shared import describe_live, find_kpi, page, tell_present_standstill
from metrics_app.pages.sparklines import tell_limit
from metrics_app.pages.tiles import list_tiles
from metrics_app.pages.value_tables import list_records, list_values
from metrics_app.services.conditions import find_standstill, read_conditions
from metrics_app.services.forecasts import tell_forecast
from metrics_app.services.notes import delete_note, save_note
from metrics_app.services.rules.repeats import warn_of_repeats
from metrics_app.services.silences import list_acting
from metrics_app.services.watch.states import read_clock, tell_silence

LAST_BREACHES = 5
FIGURES = (
    ("mean", "mean"),
    ("median", "p50"),
    ("95 % are at or below", "p95"),
    ("lowest", "min"),
    ("highest", "max"),
)


def read_view(params, now):
    """The View an address asks for; what it misspells is the last hour, uncompared."""
    span = params.get("span") if params.get("span") in SPANS else "1h"
    wanted = params.get("compare") if params.get("compare") in SHIFTS else ""
    texts = params.get("from", ""), params.get("to", "")
    zoom = None
    if all(text.isascii() and text.isdecimal() and len(text) <= 13 for text in texts):
        start, end = clamp_span(*map(int, texts), now)
        zoom = (start, end) if start > 0 else None
    return make_view(span, now, wanted, zoom)


def find_now(kpi):
    """The server's time (ms), or up to when points are counted where the collector is behind."""
    now = queries.redis_now()
    return find_standstill(kpi.topic, now, queries.collected_through()) or now


@require_safe
@page
def show_kpi(request, topic):
    """One KPI: its chart, figures, thresholds, breaches and notes."""
    kpi = find_kpi(request.user, topic)
    context = describe_kpi(kpi, request.user) | describe_chart(request, kpi)
    context |= {"page": "kpi", "window_text": tell_last(format_duration(kpi.window)), "spans": NAMES.items()}
    context |= {"standstill": tell_present_standstill(), "form": NoteForm()}
    context["shown"] = [name for name in ("table", "percentiles") if name in request.GET]
    return render(request, "metrics_app/kpi.html", context)


@require_safe
@page
def show_kpi_live(request, topic):
    """The moving parts of a KPI's page: its tile as JSON, its tables as HTML."""
    parts = describe_kpi(find_kpi(request.user, topic), request.user)
    html = {
        name: render_to_string(f"metrics_app/_{name}.html", parts, request)
        for name in ("figures", "rules", "comparisons")
    }
    return JsonResponse({"tile": parts["tile"], "html": html} | describe_live())


@require_safe
@page
def show_kpi_chart(request, topic):
    """The chart of the view in the address as JSON, its marks and, with ``?table=``, its values as HTML."""
    kpi = find_kpi(request.user, topic)
    parts = describe_chart(request, kpi)
    names = ("marks", "values") if "table" in request.GET else ("marks",)
    html = {name: render_to_string(f"metrics_app/_{name}.html", parts, request) for name in names}
    return JsonResponse({"plot": parts["plot"], "html": html} | describe_live())


@require_safe
@page
def download_values(request, topic):
    """What the chart shows as CSV: times in the reader's zone with its offset, values unrounded."""
    kpi = find_kpi(request.user, topic)
    view = read_view(request.GET, find_now(kpi))
    plot = describe_plot(kpi, read_conditions([kpi])[topic].rule, view, timezone.get_current_timezone())
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{topic}-{view.span}.csv"'
    csv.writer(response).writerows(list_records(plot, timezone.get_current_timezone()))
    return response


def describe_chart(request, kpi):
    """The chart of the view in the address: ``plot``, ``marks`` and ``values`` for the templates."""
    view = read_view(request.GET, find_now(kpi))
    rule = read_conditions([kpi])[kpi.topic].rule
    plot = describe_plot(kpi, rule, view, timezone.get_current_timezone())
    marks = number_marks(kpi.topic, view, request.user)
    plot["marks"] = [{name: mark[name] for name in ("at", "until", "kind", "number")} for mark in marks]
    return {"plot": plot, "marks": marks, "values": list_values(plot, kpi, request.GET), "topic": kpi.topic}


def number_marks(topic, view, user):
    """Decisions, actions, notes, corrections, losses of a span in order of time, numbered as on the chart."""
    notes = [
        {"at": note.at, "until": note.until, "kind": "note", "text": note.text, "href": "", "note": note}
        | {"form": NoteForm.of(note)}
        for note in queries.list_notes(topic, view.start, view.end)
    ]
    marks = [{"until": None, "note": None} | mark for mark in list_marks(topic, view, user)]
    voided = [describe_correction(row) for row in queries.list_corrections(topic, view.start, view.end)]
    lost = [describe_loss(one) for one in queries.list_losses(topic, view.start, view.end)]
    found = sorted([*marks, *notes, *voided, *lost], key=lambda mark: mark["at"])
    return [mark | {"number": number} for number, mark in enumerate(found, 1)]


def describe_correction(row):
    """The mark of a span that was voided; of a restored one, why it counts again."""
    text = f"voided by {row.author.get_username()}: {row.reason}"
    if row.restored_by is not None:
        text = f"{text}. Restored by {row.restored_by.get_username()}, it counts: {row.restore_reason}"
    kind = "voided" if row.restored_by is None else "restored"
    return {"at": row.start, "until": row.end, "kind": kind, "text": text, "href": "", "note": None}


def describe_loss(lost):
    """The mark of a span whose points were lost."""
    until = lost.end if lost.end > lost.start else None
    told = {"text": tell_lost(lost.points), "href": "", "note": None}
    return {"at": lost.start, "until": until, "kind": "lost"} | told


def describe_kpi(kpi, user):
    """What a KPI's page shows this person beside its chart, as a template's context."""
    now, today = find_now(kpi), queries.redis_now()
    until = clock_with_zone(now, today) if today - now > queries.clock.BEHIND_AFTER else ""
    stats = queries.stats(kpi.topic, kpi.window, now=now)
    rules = list(
        Threshold.objects.filter(kpi__topic=kpi.topic, retired_at=None).select_related("kpi", "state_row")
    )
    breaches = Breach.objects.filter(threshold__kpi__topic=kpi.topic).select_related("threshold__kpi")
    tile = list_tiles([kpi], user=user)[0]
    chart, acting, clock = tile["chart"], list_acting(), read_clock()
    return {
        "tile": tile,
        "kpi_id": kpi.pk,
        "zone": timezone.get_current_timezone_name(),
        "is_open": kpi.open_data,
        "figures": list_figures(kpi, stats, chart["limit"], now),
        "comparisons": list_comparisons(
            kpi, now, timezone.get_current_timezone_name(), chart["limit"], until
        ),
        "lacking": tell_lacking(kpi.topic, now, timezone.get_current_timezone_name()),
        "rules": [
            describe_rule(rule, acting, now, clock, stats["last_point_at"], repeats)
            for rule, repeats in zip(rules, warn_of_repeats(rules), strict=True)
        ],
        "none_fired": tell_none_fired(rules, now),
        "breaches": list(breaches.prefetch_related("timeline")[:LAST_BREACHES]),
    }


def tell_none_fired(rules, now):
    """What stands where no breach is on record: since when anybody has judged, before that nobody knows."""
    judging = [to_ms(rule.created_at) for rule in rules if rule.enabled]
    return words.tell_none_fired(clock_with_zone(min(judging), now) if judging else "")


def list_figures(kpi, stats, limit, now):
    """``[(label, text), …]``: how many points, which is a plain number, and values in the KPI's unit.

    Of what counts (complaints received) each point is one: how many an hour, and no median of ones.
    """
    is_known = stats["count"] or queries.is_recorded(kpi.topic, now - kpi.window * 1000, now)
    points = ("points", format_number(stats["count"]) if is_known else DASH)
    if COUNTED in get_aggregate(kpi.aggregate).unit and stats["min"] == stats["max"]:
        rate = format_value(stats["rate_per_hour"], kpi.unit, "rate_per_hour") if is_known else DASH
        return [points, ("per hour", rate)]
    together = format_value(stats["sum"], kpi.unit) if is_known else DASH
    whole = [("together", together)] if kpi.aggregate == "sum" else []
    values = [(label, format_value(stats[name], kpi.unit, beside=limit)) for label, name in FIGURES]
    return [points, *whole, *values]


def describe_rule(rule, acting, now, clock, seen_at, repeats=()):
    """A threshold on its KPI's page: limit, light, what silences it, what its texts repeat in vain.

    ``seen_at`` as of a light.
    """
    silenced = tell_silence(rule, acting)
    light = describe_state_of(rule, clock, seen_at)
    if is_silence_rule(rule):
        return {"rule": rule, "limit": "", "silenced": silenced, **light}
    flags = list_flags(rule, now, seen_at)
    if rule.enabled and (forecast := tell_forecast(rule.kpi.topic, rule.kpi.unit, rule, now)):
        flags.insert(0, forecast)
    told = {"limit": tell_limit(rule), "silenced": silenced, "flags": [*flags, *repeats]}
    return {"rule": rule, **told, **light}


def list_flags(rule, now, seen_at):
    """What stands beside the state of a threshold, in sentences."""
    row = getattr(rule, "state_row", None)
    if row is None or not rule.enabled:
        return []
    # Before the first point nothing has ended.
    since = clock_with_zone(row.data_since, now) if row.data_since and seen_at else ""
    return words.tell_flags(row, delay=rule.delay, since=since, aggregate=rule.aggregate)


@require_POST
@page
def write_note(request, topic):
    """Adds, changes or deletes a note, as the form says; back to the chart it was written on."""
    registry.look_again()
    kpi = find_kpi(request.user, topic)
    pk, version = (read_whole(request.POST.get(name, "")) for name in ("note", "version"))
    note = Note(topic=kpi.topic) if pk is None else get_object_or_404(Note, pk=pk, topic=kpi.topic)
    form, deletes = NoteForm(request.POST, note=note), bool(pk) and request.POST.get("action") == "delete"
    try:
        if deletes:
            delete_note(note, by=request.user, version=version)
        elif not form.is_valid():
            return show_refused_note(request, kpi, form, pk)
        else:
            save_note(form.fill(note), by=request.user, version=version)
    except Conflict as error:
        form.add_error(None, f"{error}. What you wrote is below; it is not saved yet.")
        return show_refused_note(request, kpi, form, pk, status=409)
    done = "off the chart; it stays on record" if deletes else "on the chart"
    messages.success(request, f"The note “{note.text}” is {done}.")
    return redirect(f"{reverse('kpi', args=[kpi.topic])}?{request.GET.urlencode()}#notes")


def read_whole(text):
    """A number of a hidden field; None where there is none, 0, which no note has, for anything else."""
    if not text:
        return None
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def show_refused_note(request, kpi, form, pk, status=400):
    """The page again, with the fault, what was written, and the version that saving it now replaces."""
    context = describe_kpi(kpi, request.user) | describe_chart(request, kpi)
    context |= {"page": "kpi", "window_text": tell_last(format_duration(kpi.window)), "spans": NAMES.items()}
    context |= {"standstill": tell_present_standstill(), "form": form, "refused": True}
    # One that was deleted meanwhile is written anew.
    context["refused_note"] = queries.find_note(pk) if pk else None
    return render(request, "metrics_app/kpi.html", context, status=status)
