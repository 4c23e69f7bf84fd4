"""The page of what was decided: its whole question stands in the address."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import InvalidPage, Paginator
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from pipelines_app import queries
from pipelines_app.cards.decided import make_lines
from pipelines_app.cards.filters import describe_filters
from pipelines_app.cards.writing import tell_sight
from pipelines_app.core.counts import agree, count_words
from pipelines_app.core.fields import shorten
from pipelines_app.core.finding import DECIDED, read_fields, tell_wanted
from pipelines_app.queries import finding

PER_PAGE = 25


@require_safe
@login_required
@never_cache
def show_decided(request):
    """What was decided and fits the address, the last first; 400 where the address makes no sense."""
    visible = queries.visible_to(request.user)
    wanted, faults = read_fields(request.GET, DECIDED)
    found = Paginator(finding.find_decided(visible, wanted), PER_PAGE)
    try:
        shown = found.page(request.GET.get("page") or 1)
    except InvalidPage:
        verb, pages = agree(found.num_pages), count_words(found.num_pages, "page")
        faults.append(f"There is no page {shorten(request.GET['page'])}: there {verb} {pages}.")
        shown = found.page(1)
    context = describe_filters(request.GET, wanted, faults, DECIDED, among=visible) | {
        "page": "inbox",
        "shown": shown,
        "lines": [] if faults else make_lines(list(shown.object_list), timezone.now()),
        "headline": tell_headline(found.count, wanted, request.user),
        "seen": tell_sight(request.user),
    }
    return render(request, "pipelines_app/decided.html", context, status=400 if faults else 200)


def tell_headline(count, wanted, user):
    """``3 proposals were decided, from 2026-11-28 on``; of none among those that this person may see."""
    told, seen = tell_wanted(wanted), tell_sight(user, count=count)
    said = count_words(count, f"proposal{seen} was decided", "proposals were decided").capitalize()
    return said + (f", {told}" if told else "")
