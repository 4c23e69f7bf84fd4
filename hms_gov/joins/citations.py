"""Evidence that a proposer names: a breach, a threshold, or a KPI over a window, frozen with what it says.

What is hidden from the reader is answered as what does not exist. Times are ms, windows seconds.
"""

from types import SimpleNamespace

from hms_gov.joins.evidence import find_rule
from hms_gov.joins.quantities import describe, observe, read_rule
from metrics_app.addresses import find_address
from metrics_app.core.aggregates import list_names
from metrics_app.core.conditions import OK, UNJUDGED
from metrics_app.core.durations import DAY_S
from metrics_app.exceptions import BadInput as BadQuestion
from metrics_app.exceptions import MetricsError
from metrics_app.models import Breach, Threshold
from metrics_app.registry import get_kpi, is_listed, who_is
from metrics_app.services.conditions import judge_threshold
from metrics_app.services.watch.states import read_clock
from pipelines_app.core.fields import check_known, shorten
from pipelines_app.exceptions import BadInput, NotMeasured

MAX_WINDOW = 31 * DAY_S  # as of a threshold
EXPECTED = 'expected {"breach": 12}, {"threshold": 3} or {"topic": "complaint.latency", "window": 1800}'


def cite(entries, *, reader, group, at, field="evidence"):
    """What each entry says at a moment: ``named``, ``title``, ``said``, ``topic``, ``value``, ``unit``, …

    ``reader`` is a key or a user, ``group`` the one whose members alone will read it (None: everybody).
    BadInput names the entry, NotMeasured says that Redis or the database is away.
    """
    who = reader if hasattr(reader, "scopes") else who_is(reader)
    asked = SimpleNamespace(who=who, group=group, at=at)
    try:
        return [cite_one(entry, asked, f"{field}.{number}") for number, entry in enumerate(entries)]
    except MetricsError as error:
        raise NotMeasured(f"What the proposal names cannot be read right now: {error}") from error


def cite_one(entry, asked, field):
    """What one entry says; BadInput under its ``field``."""
    kinds = [kind for kind in KINDS if kind in entry]
    if len(kinds) != 1:
        raise BadInput(EXPECTED, field=field)
    try:
        return {"named": entry, "kind": kinds[0], "at": asked.at} | KINDS[kinds[0]](entry, asked)
    except (BadInput, BadQuestion) as error:
        errors = [one | {"field": ".".join(filter(None, (field, one["field"])))} for one in error.errors]
        raise BadInput(str(error), errors=errors) from None


def cite_breach(entry, asked):
    """The value that fired, against which limit, and whether it is over."""
    check_known(entry, required=("breach",))
    breach = find_row(Breach.objects.select_related("threshold__kpi"), entry["breach"])
    kpi = breach and breach.threshold.kpi
    refuse_hidden(kpi, asked, "breach", entry["breach"])
    rule = read_rule(kpi, find_rule(breach))
    seen = describe(kpi, rule, breach.value)
    state = "still on" if breach.recovered_at is None else "over"
    said = "no points came" if breach.kind == Breach.Kind.DATA else tell_seen(seen)
    found = describe_found(kpi, seen, f"Breach #{breach.pk} of “{breach.threshold}”", f"{said}; {state}")
    return found | {"n": breach.n, "fired_at": breach.fired_at, "recovered_at": breach.recovered_at}


def cite_threshold(entry, asked):
    """What the rule sees now, against which limit, and in what state it is."""
    check_known(entry, required=("threshold",))
    rows = Threshold.objects.filter(retired_at=None).select_related("kpi", "state_row")
    threshold = find_row(rows, entry["threshold"])
    refuse_hidden(threshold and threshold.kpi, asked, "threshold", entry["threshold"])
    rule = read_rule(threshold.kpi, {name: getattr(threshold, name) for name in Threshold.RULE_FIELDS})
    seen, n = see(threshold.kpi, rule, asked.at)
    condition = judge_threshold(threshold, read_clock())
    state = tell_state(threshold, condition)
    title = f"Rule “{threshold}”, version {threshold.version}"
    found = describe_found(threshold.kpi, seen, title, f"{tell_seen(seen)}; the rule is {state}")
    return found | {"n": n, "version": threshold.version}


def tell_state(threshold, condition):
    """In what state a rule is, in words: "ok" only where somebody judges it."""
    if not threshold.enabled:
        return "switched off"
    if not condition.is_judged:
        return "not judged yet"
    if condition.proves_nothing and condition.state == OK:
        return "not judged: the points so far prove nothing"
    return condition.label.lower() if condition.name == UNJUDGED else condition.state


def cite_topic(entry, asked):
    """What a KPI is over a window that ends now."""
    check_known(entry, required=("topic",), optional=("window", "aggregate"))
    kpi = get_kpi(entry["topic"]) if isinstance(entry["topic"], str) else None
    refuse_hidden(kpi, asked, "topic", entry["topic"])
    window, aggregate = entry.get("window", kpi.window), entry.get("aggregate", kpi.aggregate)
    if type(window) is not int or not 1 <= window <= MAX_WINDOW:
        raise BadInput(f"{shorten(window)} is no window: expected 1 to {MAX_WINDOW} seconds", field="window")
    names = list_names("on_tiles")
    if aggregate not in names:
        raise BadInput(
            f"{shorten(aggregate)} is no aggregate: expected one of {', '.join(names)}", field="aggregate"
        )
    rule = read_rule(kpi, {"window": window, "aggregate": aggregate})
    seen, n = see(kpi, rule, asked.at)
    return describe_found(kpi, seen, str(kpi), tell_seen(seen)) | {"n": n, "window": window}


# What an entry may name, by the field that names it.
KINDS = {"breach": cite_breach, "threshold": cite_threshold, "topic": cite_topic}


def find_row(rows, number):
    """The row with an id, or None where there is none or it is no id."""
    return rows.filter(pk=number).first() if type(number) is int and 0 < number < 2**63 else None


def refuse_hidden(kpi, asked, kind, name):
    """BadInput for what is not there or not for the reader's eyes, and for what others must not read."""
    if kpi is None or not may_name(asked.who, kpi):
        raise BadInput(f"there is no {kind} {shorten(name)} that you may see", field=kind)
    if kpi.restricted and (asked.group is None or asked.group.pk != kpi.owner_id):
        raise BadInput(
            f"{kpi.topic} is restricted to its group, and the proposal would be read by others: "
            "propose about a KPI of that group",
            field=kind,
        )


def may_name(who, kpi):
    """Whether a person or key may see a KPI: within the topics of the key, and of its group if restricted."""
    if who is None:
        return False
    if getattr(who, "is_superuser", False):
        return True
    topics = getattr(who, "topics", ())
    if topics and not is_listed(topics, kpi.topic):
        return False
    return not kpi.restricted or kpi.owner_id in getattr(who, "groups", ())


def see(kpi, rule, at):
    """``(quantity, points)`` of a rule in its window up to a moment (ms)."""
    # Windows end at the next whole second, as everywhere.
    [(value, n)] = observe([kpi.topic], [rule], (at // 1000 + 1) * 1000)
    return describe(kpi, rule, value), n


def tell_seen(seen):
    """``mean over 30 min 52 h, limit 48 h``."""
    limit = f", limit {seen['limit_text']}" if seen["limit_text"] else ""
    return f"{seen['label']} {seen['text']}{limit}"


def describe_found(kpi, seen, title, said):
    """What an entry says, in words and numbers, with the page of its KPI."""
    return {
        "title": title,
        "said": said,
        "topic": kpi.topic,
        "label": seen["label"],
        "value": seen["value"],
        "unit": seen["unit"],
        "link": find_address("kpi", kpi.topic),
    }
