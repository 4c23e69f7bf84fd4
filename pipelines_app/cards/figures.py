"""What a proposal's figures were and are, in words.

``present`` is what the project measures now (``queries.measure``), None where it measures nothing.
"""

from pipelines_app import queries
from pipelines_app.cards.basis import find_today, is_same
from pipelines_app.cards.facts import FARTHEST
from pipelines_app.cards.writing import capitalise, tell_time, tell_when, to_local, write
from pipelines_app.core.counts import count_words
from pipelines_app.core.limits import is_beyond


def tell_opening(pipeline, basis):
    """What the KPI was when it was opened: as measured, and as the proposer says."""
    said = "" if pipeline.kpi is None else f"The proposer says {write(pipeline.kpi, pipeline.unit)}"
    if basis is None:
        return said or "Proposed without a value"
    behind = [] if basis.n is None else [count_points(basis.n)]
    if basis.limit is not None:
        behind.append(f"limit {basis.limit_text}")
        return f"{capitalise(basis.label)}: {basis.text}{put_aside(behind)}"
    measured = f"{basis.label}: {basis.text}{put_aside(behind)}"
    if said and write(pipeline.kpi, pipeline.unit) == basis.text:
        return capitalise(measured)
    return f"{said}; measured then, {measured}" if said else f"Measured then, {measured}"


def tell_losses(pipeline, now):
    """Sentences about points of the evidence's span that were lost before it was frozen."""
    losses = pipeline.evidence.get("losses")
    # Evidence may be anybody's: what is no loss as the project freezes it says nothing here.
    told = [one for one in losses if isinstance(one, dict)] if isinstance(losses, list) else []
    return [
        f"{capitalise(one['text'])} {tell_when(to_local(one['end']), now)}: no figure here has them"
        for one in told
        if isinstance(one.get("text"), str) and is_moment(one.get("end"))
    ]


def is_moment(ms):
    """Whether a value of the evidence is a time that can be written."""
    return isinstance(ms, int) and 0 <= ms < FARTHEST


def put_aside(words):
    """Words in brackets behind a text."""
    return f" ({'; '.join(words)})" if words else ""


def count_points(n):
    """``1,240 points``."""
    return count_words(n, "point")


def tell_present(pipeline, basis, present, watch, now):
    """What the KPI is now, against its limit then and today; empty where nothing measures it.

    What is measured is no judgement: where nobody judges the rule today, it is held against no limit.
    """
    if present is None or basis is None:
        return ""
    text = tell_newest(present, now)
    if present.get("fault"):
        return text
    known, today = find_today(basis, watch)
    if since := (today or {}).get("unjudged_since"):
        return f"{text}; its rule has not been judged since {tell_time(to_local(since), now)}"
    if present["value"] is None:
        return text
    if basis.limit is None:
        return text + tell_said(basis, present, today)
    if known and not (today and is_same(basis.rule, today)):
        return f"{text}, {compare_limits(pipeline, basis, present, today, now)}"
    if not is_beyond(present["value"], basis.rule):
        return f"{text}, back within the limit"
    return text + tell_move(basis, present, "at opening")


def tell_unread(present):
    """Why nobody can tell what the KPI is now; empty where it can be read, or nothing measures it."""
    return capitalise(present["fault"]) if present and present.get("unread") else ""


def tell_newest(present, now):
    """``Now 54 h``; where the figures stand still, what it was when they stopped; else why there are none."""
    if present.get("fault"):
        return capitalise(present["fault"])
    at = present.get("behind")
    when = "now" if at is None else f"{tell_when(to_local(at), now)}, since when figures stand still"
    if present["value"] is None:
        return f"Nothing is measured in its window {when}"
    return f"Now {present['text']}" if at is None else f"{present['text']} {when}"


def tell_said(basis, present, today):
    """How the present compares with what was measured when somebody proposed, and with today's limit."""
    text = tell_move(basis, present, "then")
    if not today:
        return text
    side = "beyond" if is_beyond(present["value"], today) else "within"
    return f"{text}; {side} today's limit of {present['limit_text']}"


def tell_move(basis, present, when):
    """``, higher than at opening``; empty where nothing was measured then."""
    if basis.value is None:
        return ""
    if present["text"] == basis.text:
        return f", as {when}"
    return f", {'higher' if present['value'] > basis.value else 'lower'} than {when}"


def compare_limits(pipeline, basis, present, today, now):
    """``within the 48 h of then; beyond today's 10 min``: the rule has changed since."""
    side = "beyond" if is_beyond(present["value"], basis.rule) else "within"
    text = f"{side} the {basis.limit_text} of then"
    if today is None:
        return f"{text}; no rule watches it today"
    seen = queries.measure(pipeline.topic, today, now)
    if seen is None or seen.get("unread"):
        return text
    figure = "" if seen["label"] == present["label"] else f" for the {seen['label']}"
    side = "beyond" if is_beyond(seen["value"], today) else "within"
    return f"{text}; {side} today's {seen['limit_text']}{figure}"
