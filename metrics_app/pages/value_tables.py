"""What a chart shows as a table for people and as records for programs."""

from datetime import datetime

from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.text.units import format_value
from metrics_app.pages.charts import COLUMNS


def list_values(plot, kpi, params):
    """``{"columns": labels, "rows": [(ts, beside it, cells), …]}``, newest first, as ``params`` ask."""
    columns = list_columns(plot, kpi, params)
    cells = zip(*(map(write, values) for _, values, write in columns), strict=True)
    beside = [
        ", ".join(filter(None, ("so far" * (at % plot["stride"] != 0), tell_unrecorded(n, share), lost)))
        for at, n, share, lost in zip(plot["ts"], plot["n"], plot["recorded"], plot["lost"], strict=True)
    ]
    rows = list(zip(plot["ts"], beside, cells, strict=True))
    return {"columns": [label for label, _, _ in columns], "rows": rows[::-1]}


def list_columns(plot, kpi, params):
    """``(label, values, how one is written)`` of everything that is drawn, and what it rests on."""

    def tell(aggregate):
        return lambda value: format_value(value, kpi.unit, aggregate, plot["limit"])

    aggregate = plot["aggregate"]
    columns = [(plot["what"], plot["value"], tell(aggregate))]
    if plot["compare"]:
        columns.append((plot["compare"]["name"], plot["compare"]["values"], tell(aggregate)))
    columns.append(("points", plot["n"], lambda n: format_value(n, "", "count")))
    beside = {"mean": "mean", "p50": "median"}
    if "percentiles" in params and get_aggregate(aggregate).on_scale:
        beside["p95"] = "95 % are at or below"
    # A mean beside the mean of the same window would be the same column twice.
    beside.pop(aggregate, None)
    columns += [(label, plot[name], tell("mean")) for name, label in beside.items()]
    columns.append(("recorded", plot["recorded"], tell_share))
    return columns


def tell_share(share):
    """A part of one in per cent; "0 %" and "100 %" are of nothing and of all."""
    percent = round(share * 100)
    return f"{min(max(percent, 1), 99) if 0 < share < 1 else percent} %"


def tell_unrecorded(n, share):
    """Why a window has no value though nothing is 0 of it; "" where it has one, or no point came."""
    if n is not None:
        return ""
    return "recorded in part" if share else "not recorded"


def list_records(plot, zone):
    """The head and a row per value, unrounded, with times in ``zone``; a comparison is the last column."""
    named = {name: plot[name] for name in (*COLUMNS, "recorded", "lost")}
    if plot["compare"]:
        named[plot["compare"]["name"].replace(" ", "_")] = plot["compare"]["values"]
    yield ["window_ends", *named]
    for at, *row in zip(plot["ts"], *named.values(), strict=True):
        yield [datetime.fromtimestamp(at / 1000, zone).isoformat(timespec="seconds"), *row]
