"""Which KPIs an overview shows, in which order and in which groups."""

from metrics_app import queries
from metrics_app.core.filters import get_prefix, is_shown
from metrics_app.core.text.losses import tell_lacking
from metrics_app.core.text.words import tell_overview
from metrics_app.pages.lights import clock_with_zone
from metrics_app.pages.tiles import list_lost

PER_PAGE = 60  # tiles


def choose(kpis, filters, seen):
    """The KPIs that pages are made of: where all fit on one, what is left out is only hidden there.

    ``seen``: their ``read_conditions``.
    """
    if len(kpis) <= PER_PAGE or not filters.any:
        return kpis
    return [kpi for kpi in kpis if is_shown(filters, kpi.name, kpi.topic, seen[kpi.topic].condition.css)]


def put_worst_first(kpis, filters, seen, *, is_wall):
    """The KPIs with those beyond their limit first, on a wall by every condition; groups keep their order."""
    if filters.grouped:
        return kpis
    ranks = {kpi.topic: seen[kpi.topic].condition.rank for kpi in kpis}
    return sorted(kpis, key=lambda kpi: ranks[kpi.topic] if is_wall else ranks[kpi.topic] > 0)


def place_tile(tile, filters):
    """The tile with its group, and whether the filters hide it."""
    is_hidden = not is_shown(filters, tile["name"], tile["topic"], tile["css"])
    return tile | {"hidden": is_hidden, "prefix": get_prefix(tile["topic"])}


def tell_headline(kpis, seen):
    """The first sentence of the overview, in the reader's zone: of all KPIs that one may see."""
    conditions, now = [seen[kpi.topic].condition for kpi in kpis], queries.redis_now()
    since = min((one.unjudged_since for one in conditions if one.unjudged_since is not None), default=None)
    told = tell_overview(conditions, clock_with_zone(since, now) if since else "")
    lost = [one[-1].end for one in list_lost(kpis, now).values() if one]
    return " · ".join(filter(None, (told, lost and tell_lacking(len(lost), clock_with_zone(max(lost), now)))))
