"""What a message says of each of its notices: one dict for mails and webhooks alike."""

from types import SimpleNamespace
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse

from metrics_app import conf
from metrics_app.core import notices
from metrics_app.core.text.phrases import tell_rule
from metrics_app.core.text.units import format_value
from metrics_app.core.text.words import PROPOSAL, tell_outcome
from metrics_app.models import ThresholdVersion


def describe_notices(rows):
    """The facts of ``Notice`` rows with their breaches, in order; times in ms."""
    rules = load_rules({row.breach for row in rows if row.breach})
    return [describe_breach(row, rules[row.breach.pk]) if row.breach else describe_test(row) for row in rows]


def load_rules(breaches):
    """``{breach id: rule}`` in the version that fired; what no version keeps is as it is now."""
    # A few versions too many; one condition for each of thousands would be too deep for SQLite.
    thresholds, versions = ({getattr(b, name) for b in breaches} for name in ("threshold_id", "version"))
    found = ThresholdVersion.objects.filter(threshold__in=thresholds, version__in=versions)
    stored = {(row.threshold_id, row.version): row.rule for row in found}
    return {breach.pk: make_rule(breach, stored) for breach in breaches}


def make_rule(breach, stored):
    """The rule of one breach."""
    threshold = breach.threshold
    present = {name: getattr(threshold, name) for name in threshold.RULE_FIELDS}
    fired = stored.get((breach.threshold_id, breach.version), {})
    return SimpleNamespace(**present | fired, kind=threshold.kind)


def describe_breach(row, rule):
    """The facts of a notice of a breach."""
    breach, threshold, kpi = row.breach, row.breach.threshold, row.breach.threshold.kpi
    return describe_row(row) | {
        "summary": notices.write_summary(
            row.event,
            kind=breach.kind,
            name=str(kpi),
            value=row.value,
            unit=kpi.unit,
            rule=rule,
            cause=row.cause,
        ),
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
        "outcome": tell_outcome(breach.outcome),
        "links": list_links(row, breach, kpi),
    }


def describe_test(row):
    """The facts of a test."""
    summary = "– Test: notices to this receiver arrive"
    empty = dict.fromkeys(("breach", "topic", "kpi", "severity", "threshold", "rule", "outcome"), "")
    return describe_row(row) | empty | {"kind": "", "kpi": "test", "summary": summary, "links": {}}


def name_head(row):
    """``(shape, words)`` of a notice."""
    ended = notices.is_ended(row.event, row.value, row.cause)
    return notices.find_head(row.event, row.breach.kind if row.breach else "", ended=ended)


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
        "value": row.value,
    }


def list_links(row, breach, kpi):
    """``{name: address}`` of the pages that say more; none without SITE_URL or without pages."""
    found = PROPOSAL.search(breach.outcome)
    wanted = {
        "kpi": find_address("kpi", kpi.topic),
        "explain": find_address("explain", breach.threshold_id, at=row.at),
        "proposal": find_address("pipeline_detail", found[1]) if found else "",
    }
    return {name: address for name, address in wanted.items() if address}


def find_address(name, *args, **query):
    """The full address of a page; "" where there is none."""
    site = conf.get("SITE_URL").rstrip("/")
    try:
        path = reverse(name, args=args)
    except NoReverseMatch:
        return ""
    return site and f"{site}{path}" + (f"?{urlencode(query)}" if query else "")
