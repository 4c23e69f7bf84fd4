"""What a proposal's figures were and are, in words."""

from datetime import UTC, datetime

from django.utils import timezone

from pipelines_app import conf
from pipelines_app.cards.basis import find_today, is_beyond, is_same, read_present

AGGREGATES = {
    "p50": "median",
    "rate_per_hour": "rate",
    "min": "minimum",
    "max": "maximum",
    "share_above": "share above the value set",
    "share_within": "share within the value set",
    "mean_change_day": "day-on-day change of the mean",
    "mean_change_week": "week-on-week change of the mean",
    "rate_change_day": "day-on-day change of the rate",
    "rate_change_week": "week-on-week change of the rate",
}


def write(value, unit="", aggregate="mean", beside=None):
    """A value in the reader's units, as the project writes it; ``beside`` is the limit it stands next to."""
    if function := conf.load("FORMAT"):
        return function(value, unit, aggregate, **({} if beside is None else {"beside": beside}))
    return "—" if value is None else f"{value:g} {unit}".strip()


def to_local(ms):
    """Milliseconds as a moment in the reader's zone."""
    return timezone.localtime(datetime.fromtimestamp(ms / 1000, UTC))


def tell_time(moment, now):
    """``10:06``, with the day where it is not today's."""
    local = timezone.localtime(moment)
    text = f"{local:%H:%M}"
    return text if local.date() == timezone.localtime(now).date() else f"{local.day} {local:%b %H:%M}"


def tell_opening(pipeline, basis):
    """What the KPI was when it was opened: as measured, and as the proposer says."""
    said = "" if pipeline.kpi is None else f"The proposer says {write(pipeline.kpi, pipeline.unit)}"
    if not basis:
        return said or "Proposed without a value"
    aggregate, limit = basis["aggregate"], basis["limit"]
    name = AGGREGATES.get(aggregate, aggregate)
    window = write(basis["window"], "seconds")
    points = "1 point" if basis["n"] == 1 else f"{basis['n']:,} points"
    value = write(basis["value"], pipeline.unit, aggregate, limit)
    if not basis.get("said"):
        limit = write(limit, pipeline.unit, aggregate)
        return f"{name.capitalize()} {value} over {window} ({points}; limit {limit})"
    if basis["value"] is None:
        measured = "nothing was measured then"
    else:
        measured = f"measured then: {value} ({name} over {window}, {points})"
    return f"{said}; {measured}" if said else measured[0].upper() + measured[1:]


def tell_present(pipeline, basis, watch, now):
    """What the KPI is now, against its limit then and today; empty where nothing measures it."""
    value = read_present(pipeline.topic, basis.get("aggregate"), basis.get("window"), now)
    if value is None:
        return ""
    aggregate = basis["aggregate"]
    known, today = find_today(basis, watch)
    beside = basis["limit"] if basis["limit"] is not None else today and today["limit"]
    text = f"Now {write(value, pipeline.unit, aggregate, beside)}"
    if basis["limit"] is None:
        return text + tell_said(pipeline, basis, value, today)
    if known and not (today and is_same(basis, today)):
        return f"{text}, {compare_limits(pipeline, basis, value, today, now)}"
    if not is_beyond(value, basis):
        return f"{text}, back within the limit"
    return text + tell_move(pipeline, basis, value, "at opening")


def tell_said(pipeline, basis, value, today):
    """How the present compares with what was measured when somebody proposed, and with today's limit."""
    text = tell_move(pipeline, basis, value, "then")
    if not today:
        return text
    limit = write(today["limit"], pipeline.unit, today["aggregate"])
    return f"{text}; {'beyond' if is_beyond(value, today) else 'within'} today's limit of {limit}"


def tell_move(pipeline, basis, value, when):
    """``, higher than at opening``; empty where nothing was measured then."""
    before, aggregate = basis["value"], basis["aggregate"]
    if before is None:
        return ""
    if write(value, pipeline.unit, aggregate) == write(before, pipeline.unit, aggregate):
        return f", as {when}"
    return f", {'higher' if value > before else 'lower'} than {when}"


def compare_limits(pipeline, basis, value, today, now):
    """``within the 48 h of then; beyond today's 10 min``: the rule has changed since."""
    then = write(basis["limit"], pipeline.unit, basis["aggregate"])
    text = f"{'beyond' if is_beyond(value, basis) else 'within'} the {then} of then"
    if today is None:
        return f"{text}; no rule watches it today"
    present, figure = value, ""
    if (today["aggregate"], today["window"]) != (basis["aggregate"], basis["window"]):
        present = read_present(pipeline.topic, today["aggregate"], today["window"], now)
        name = AGGREGATES.get(today["aggregate"], today["aggregate"])
        figure = f" for the {name} over {write(today['window'], 'seconds')}"
    limit = write(today["limit"], pipeline.unit, today["aggregate"])
    return f"{text}; {'beyond' if is_beyond(present, today) else 'within'} today's {limit}{figure}"
