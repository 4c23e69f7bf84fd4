"""Texts that repeat numbers which a rule no longer has: every door that edits a rule warns of them."""

from metrics_app.core.deadman import is_silence_rule
from metrics_app.core.text.phrases import tell_rule
from metrics_app.core.text.repeats import list_mentions, list_repeats
from metrics_app.models import Threshold, ThresholdVersion

OWN = ("name", "title", "suggestion")


def warn_of_repeats(thresholds):
    """``[[sentence, …], …]`` of ``Threshold`` rows with their KPI, saved or not, in their order."""
    return [[said for _, said in found] for found in find_repeats(thresholds)]


def sign(threshold):
    """A rule as what it opens is signed: its name, with the rule where the name repeats what it was."""
    [found] = find_repeats([threshold])
    is_stale = any(name == "name" for name, _ in found)
    return f"{threshold}, now {tell_rule(threshold, threshold.kpi.unit)}" if is_stale else str(threshold)


def find_repeats(thresholds):
    """``[[(which text, sentence), …], …]`` of ``Threshold`` rows with their KPI, saved or not, in order.

    Held against the versions that are stored: a number that any of them had, and the rule has not now.
    One query for all whose texts hold numbers, none where no text does.
    """
    texts = [list_texts(threshold) for threshold in thresholds]
    wanted = {row.pk for row, own in zip(thresholds, texts, strict=True) if row.pk and own}
    earlier = {}
    for row in ThresholdVersion.objects.filter(threshold__in=wanted) if wanted else ():
        earlier.setdefault(row.threshold_id, []).append(row.rule)
    return [
        list_repeats(own, row, earlier.get(row.pk, ()), row.kpi.unit) if own else []
        for row, own in zip(thresholds, texts, strict=True)
    ]


def list_texts(threshold):
    """``{what it is: text}`` of the texts about a rule that hold a number; none of a dead man."""
    if is_silence_rule(threshold):
        return {}
    kpi, params = threshold.kpi, list_strings(threshold.action_params)
    texts = {name: getattr(threshold, name) for name in OWN}
    texts |= {f"{name} in the action's parameters": text for name, text in params}
    texts |= {"KPI's name": kpi.name, "KPI's description": kpi.description, "KPI's method": kpi.method}
    return {name: text for name, text in texts.items() if text and list_mentions(text)}


def list_strings(params, name="text"):
    """``(name, text)`` of the texts in an action's parameters, at whatever depth.

    What is nothing but a number, as a limit to set, repeats nothing.
    """
    if isinstance(params, str):
        if [one.said for one in list_mentions(params)] != [params.strip().lower()]:
            yield name, params
    elif isinstance(params, dict):
        for key, value in params.items():
            yield from list_strings(value, str(key))
    elif isinstance(params, list):
        for value in params:
            yield from list_strings(value, name)


def warn_of_kpi(kpi):
    """The sentences about a KPI's own texts, of all rules on it that are in use."""
    rows = Threshold.objects.filter(kpi=kpi, retired_at=None, kind=Threshold.Kind.LIMIT)
    rows = list(rows.select_related("kpi"))
    told = (said for sentences in warn_of_repeats(rows) for said in sentences if said.startswith("The KPI's"))
    return list(dict.fromkeys(told))
