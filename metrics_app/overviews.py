"""Which KPIs an overview shows, and in which groups."""

from metrics_app import queries
from metrics_app.core.aggregates import ZERO_WHEN_EMPTY
from metrics_app.core.filters import get_prefix, has_words, is_shown
from metrics_app.tiles import list_states

PER_PAGE = 60  # tiles


def choose(kpis, filters):
    """The KPIs that pages are made of: where all fit on one, what is left out is only hidden there."""
    if len(kpis) <= PER_PAGE or not filters.any:
        return kpis
    named = [kpi for kpi in kpis if has_words(filters.text, kpi.name, kpi.topic)]
    if not filters.state:
        return named
    return [kpi for kpi, css in zip(named, list_conditions(named), strict=True) if filters.state in css]


def place_tile(tile, filters):
    """The tile with its group, and whether the filters hide it."""
    is_hidden = not is_shown(filters, tile["name"], tile["topic"], tile["css"])
    return tile | {"hidden": is_hidden, "prefix": get_prefix(tile["topic"])}


def list_conditions(kpis):
    """The words of each KPI's condition, as its tile has them: a set of its state and "silent"."""
    now = queries.redis_now()
    end = (now // 1000 + 1) * 1000
    seen = queries.observe([(kpi.topic, end - kpi.window * 1000, end, "count") for kpi in kpis])
    found = []
    for kpi, state, one in zip(kpis, list_states(kpis), seen, strict=True):
        silent = not one.n and (kpi.aggregate not in ZERO_WHEN_EMPTY or queries.get_head(kpi.topic) is None)
        kept = {state} if state == "firing" or not silent else set()
        found.append(kept | ({"silent"} if silent else set()))
    return found
