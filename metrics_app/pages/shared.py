"""What the views of pages share: who may see them, and what they say while Redis is away."""

import logging
from functools import wraps

from django.contrib.auth.decorators import login_required
from django.http import Http404, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from metrics_app import queries, registry
from metrics_app.core.text.words import natural_key
from metrics_app.exceptions import BusUnavailable
from metrics_app.pages.tiles import tell_standstill
from metrics_app.queries.clock import Clock
from metrics_app.queries.worked import read_judged

logger = logging.getLogger(__name__)


def show_unavailable(view):
    """Answers 503 with a whole sentence while Redis is away: a page, or JSON where a script asks."""

    @wraps(view)
    def wrapped(request, *args, **kwargs):
        try:
            return view(request, *args, **kwargs)
        except BusUnavailable as error:
            # The reason of the answer that Django logs: what holds an outage back goes by it.
            logger.error("%s", error)
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
    """The KPI of a topic this person may see, or 404: the same answer where there is none."""
    for kpi in list_visible(user):
        if kpi.topic == topic:
            return kpi
    raise Http404("No KPI of that topic that you may see.")


def tell_present_standstill():
    """What a page says first while the collector is behind; else empty."""
    return tell_standstill(queries.redis_now(), queries.collected_through())


def describe_live():
    """``Clock.describe`` of now, for each answer to an open page; BusUnavailable while Redis is away."""
    now, judged = queries.redis_now(), read_judged()
    return Clock(now, queries.collected_through(), judged).describe()
