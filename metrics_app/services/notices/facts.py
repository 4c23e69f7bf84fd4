"""What a message says of each of its notices: one dict for mails and webhooks alike."""

from datetime import UTC, datetime
from types import SimpleNamespace
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.urls import NoReverseMatch, reverse

from metrics_app import conf
from metrics_app.core import notices
from metrics_app.core.text.moments import name_zone
from metrics_app.core.text.phrases import tell_rule
from metrics_app.core.text.units import format_value
from metrics_app.core.text.words import tell_outcome
from metrics_app.models import ThresholdVersion
from metrics_app.services.outcomes import NOTHING, read_outcomes


def describe_notices(told):
    """The facts of what is told, in order: ``(Notice, notices told along with it)``; times in ms."""
    breaches = {row.breach for row, _ in told if row.breach}
    stored, outcomes = load_versions(breaches), read_outcomes(breaches)
    return [
        describe_breach(row, before, make_rule(row, stored), outcomes.get(row.breach.pk))
        if row.breach
        else describe_test(row)
        for row, before in told
    ]


def load_versions(breaches):
    """``{(threshold id, version): rule}`` of the versions that fired."""
    # A few versions too many; one condition for each of thousands would be too deep for SQLite.
    thresholds, versions = ({getattr(b, name) for b in breaches} for name in ("threshold_id", "version"))
    found = ThresholdVersion.objects.filter(threshold__in=thresholds, version__in=versions)
    return {(row.threshold_id, row.version): row.rule for row in found}


def make_rule(row, stored):
    """The rule that a notice quotes: the one that fired, or the present one where it tells of the present.

    What no version keeps is as it is now.
    """
    breach, threshold = row.breach, row.breach.threshold
    present = {name: getattr(threshold, name) for name in threshold.RULE_FIELDS}
    fired = {} if row.event in notices.PRESENT else stored.get((breach.threshold_id, breach.version), {})
    return SimpleNamespace(**present | fired, kind=threshold.kind)


def describe_breach(row, before, rule, came=None):
    """The facts of a notice of a breach; ``before``: those that it tells along.

    ``came``: how what the breach opened stands, None where it opened nothing.
    """
    breach, threshold, kpi = row.breach, row.breach.threshold, row.breach.threshold.kpi
    summary = notices.write_summary(
        row.event,
        kind=breach.kind,
        name=str(kpi),
        value=row.value,
        unit=kpi.unit,
        rule=rule,
        cause=row.cause,
        over=is_over(row),
    )
    return describe_row(row) | {
        "summary": ", ".join(filter(None, (summary, tell_span(row, before)))),
        "before": [describe_covered(one) for one in before],
        "breach": breach.pk,
        "kind": breach.kind,
        "severity": breach.severity,
        "topic": kpi.topic,
        "kpi": str(kpi),
        "unit": kpi.unit,
        "threshold": threshold.pk,
        "threshold_name": threshold.name,
        "rule": tell_rule(rule, kpi.unit),
        "limit": rule.limit,
        "peak": breach.peak,
        "peak_text": format_value(breach.peak, kpi.unit, rule.aggregate, beside=rule.limit),
        "since": breach.since,
        "fired_at": breach.fired_at,
        "recovered_at": breach.recovered_at,
        "outcome": came["text"] if came else tell_outcome(breach.outcome),
        "undecided": bool(came and came["waits"]),
        "links": list_links(row, breach, kpi, came or NOTHING),
    }


def describe_test(row):
    """The facts of a test."""
    summary = "– Test: notices to this receiver arrive"
    empty = dict.fromkeys(("breach", "topic", "kpi", "severity", "threshold", "rule", "outcome"), "")
    own = {"kind": "", "kpi": "test", "summary": summary, "undecided": False, "before": [], "links": {}}
    return describe_row(row) | empty | own


def describe_covered(row):
    """What is said of a notice that a later one tells along."""
    return {"id": row.pk, "event": row.event, "at": row.at, "text": row.text, "value": row.value}


def is_over(row):
    """Whether the breach of a notice is over by now."""
    return row.breach is not None and row.breach.recovered_at is not None


def tell_span(row, before):
    """From when to when a breach lasted that was over before it was told; "" for all others.

    "fired 2026-11-24 10:02, recovered 10:20 CET", in the receiver's zone; with both names of it where the
    clocks were moved between.
    """
    ending = row.event in notices.ENDINGS
    if not (before if ending else is_over(row) and row.event in notices.OVER):
        return ""
    zone = ZoneInfo(row.receiver.zone)
    end_ms = row.at if ending else row.breach.recovered_at
    span = (row.breach.fired_at, end_ms)
    since, until = (datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone) for ms in span)
    day = "" if until.date() == since.date() else f"{until:%Y-%m-%d} "
    began, ended = name_zone(since), name_zone(until)
    data = row.breach.kind == "data"
    over = "ended" if data or name_head(row) == notices.ENDED else "recovered"
    start = f"{since:%Y-%m-%d %H:%M}" + ("" if began == ended else f" {began}")
    return f"{'began' if data else 'fired'} {start}, {over} {day}{until:%H:%M} {ended}"


def name_head(row):
    """``(shape, words)`` of a notice."""
    ended = notices.is_ended(row.event, row.value, row.cause)
    return notices.find_head(row.event, row.breach.kind if row.breach else "", ended=ended, over=is_over(row))


def describe_row(row):
    """What every notice has."""
    shape, words = name_head(row)
    head = f"{shape} {words[:1].upper()}{words[1:]}"
    return {
        "id": row.pk,
        "event": row.event,
        "at": row.at,
        "head": head,
        "text": row.text,
        "cause": row.cause,
        "ended": notices.is_ended(row.event, row.value, row.cause),
        "over": is_over(row),
        "value": row.value,
    }


def list_links(row, breach, kpi, came):
    """``{name: address}`` of the pages that say more; none without SITE_URL or without pages."""
    wanted = {
        "kpi": find_address("kpi", kpi.topic),
        "explain": find_address("explain", breach.threshold_id, at=row.at),
        "proposal": came["href"] and add_site(came["href"]),
    }
    return {name: address for name, address in wanted.items() if address}


def find_address(name, *args, **query):
    """The full address of a page; "" where there is none."""
    try:
        path = reverse(name, args=args)
    except NoReverseMatch:
        return ""
    return add_site(path + (f"?{urlencode(query)}" if query else ""))


def add_site(path):
    """The full address of a path of this site; "" without SITE_URL."""
    site = conf.get("SITE_URL").rstrip("/")
    return site and f"{site}{path}"
