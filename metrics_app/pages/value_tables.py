"""What a chart shows as a table for people and as records for programs."""

from datetime import datetime

from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.text.units import DASH, format_value
from metrics_app.pages.charts import COLUMNS


def list_values(plot, kpi, params):
    """``{"columns": labels, "rows": [(ts, beside it, cells), …]}``, newest first, as ``params`` ask."""
    columns = list_columns(plot, kpi, params)
    cells = zip(*(map(write, values) for _, values, write in columns), strict=True)
    beside = [
        ", ".join(
            filter(None, ("so far" * (at % plot["stride"] != 0), "" if known else "not recorded", lost))
        )
        for at, known, lost in zip(plot["ts"], plot["recorded"], plot["lost"], strict=True)
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
        beside["p95"] = "95 % are below"
    # A mean beside the mean of the same window would be the same column twice.
    beside.pop(aggregate, None)
    columns += [(label, plot[name], tell("mean")) for name, label in beside.items()]
    columns.append(("coverage", plot["coverage"], tell_share))
    return columns


def tell_share(share):
    """A part of one in per cent."""
    return DASH if share is None else f"{share:.0%}"


def list_records(plot, zone):
    """The head and a row per value, unrounded, with times in ``zone``; a comparison is the last column."""
    named = {name: plot[name] for name in (*COLUMNS, "recorded", "lost")}
    if plot["compare"]:
        named[plot["compare"]["name"].replace(" ", "_")] = plot["compare"]["values"]
    yield ["window_ends", *named]
    for at, *row in zip(plot["ts"], *named.values(), strict=True):
        yield [datetime.fromtimestamp(at / 1000, zone).isoformat(timespec="seconds"), *row]
