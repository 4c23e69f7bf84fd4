"""Which KPIs an overview shows, in which order and in which groups."""

from metrics_app import queries
from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.filters import get_prefix, has_words, is_shown
from metrics_app.pages.tiles import list_states
from metrics_app.services.rules.deadman import list_silent

PER_PAGE = 60  # tiles
# On a wall; `filters.js` has the same order.
RANKS = ("firing", "recovering", "pending", "silent", "ok", "none")


def choose(kpis, filters):
    """The KPIs that pages are made of: where all fit on one, what is left out is only hidden there."""
    if len(kpis) <= PER_PAGE or not filters.any:
        return kpis
    named = [kpi for kpi in kpis if has_words(filters.text, kpi.name, kpi.topic)]
    if not filters.state:
        return named
    return [kpi for kpi, css in zip(named, list_conditions(named), strict=True) if filters.state in css]


def put_worst_first(kpis, filters, *, is_wall):
    """The KPIs with those beyond their limit first, on a wall by every state; groups keep their order."""
    if filters.grouped:
        return kpis
    if is_wall:
        ranks = [min(map(RANKS.index, found)) for found in list_conditions(kpis)]
    else:
        ranks = [state != "firing" for state in list_states(kpis)]
    return [kpi for _, kpi in sorted(zip(ranks, kpis, strict=True), key=lambda pair: pair[0])]


def place_tile(tile, filters):
    """The tile with its group, and whether the filters hide it."""
    is_hidden = not is_shown(filters, tile["name"], tile["topic"], tile["css"])
    return tile | {"hidden": is_hidden, "prefix": get_prefix(tile["topic"])}


def list_conditions(kpis):
    """The words of each KPI's condition, as its tile has them: a set of its state and "silent"."""
    now = queries.redis_now()
    end = (now // 1000 + 1) * 1000
    seen = queries.observe([(kpi.topic, end - kpi.window * 1000, end, "count") for kpi in kpis])
    found, overdue = [], list_silent([kpi.topic for kpi in kpis])
    for kpi, state, one in zip(kpis, list_states(kpis), seen, strict=True):
        silent = not one.n and (
            not get_aggregate(kpi.aggregate).judges_empty or queries.get_head(kpi.topic) is None
        )
        silent = silent or bool(kpi.topic in overdue and kpi.expected_interval)
        kept = {state} if state == "firing" or not silent else set()
        found.append(kept | ({"silent"} if silent else set()))
    return found
