"""Why a breach ended where no value ended it: the rule was changed. Pure.

Rules are dicts as versions keep them; ``unit`` is that of the KPI.
"""

from types import SimpleNamespace

from metrics_app.core.classes import CLEAR, classify
from metrics_app.core.text.phrases import is_changed, tell_changes, write_limit

ASKED = ("aggregate", "aggregate_value", "window", "zone")  # what is read of the points
CLASSED_BY = (*ASKED, "operator", "limit", "recovery_limit", "min_count")  # what the class of a slot goes by
EXPECTED = ("no_data", "no_data_for")  # what is asked of points that do not come


def tell_cause(before, after, seen, unit, *, at_once=False):
    """ "the limit was changed to 200"; "" where the rule that fired would have seen it recover too.

    ``seen`` is the Observation of the later rule. What another window or aggregate would
    have seen is not known: such a change is the cause only of what it ends ``at_once``.
    """
    changed = find_changed(before, after, CLASSED_BY)
    if not changed:
        return ""
    is_cause = (
        at_once if changed.keys() & set(ASKED) else classify(SimpleNamespace(**after | before), seen) != CLEAR
    )
    if not is_cause:
        return ""
    if "limit" in changed and not changed.keys() & set(ASKED):
        return f"the limit was changed to {write_limit(after['limit'], unit, after['aggregate'])}"
    return f"the rule was changed: {tell_changes(before, changed, unit)}"


def tell_data_cause(before, after, seen, unit, *, at_once=False):
    """ "the rule was changed: no data: fire → keep"; "" where points ended a data breach.

    Where the window is still empty only the rule can have ended it. A longer window, or another
    aggregate, is the cause only of what it ends ``at_once``.
    """
    changed = find_changed(before, after, (*EXPECTED, *ASKED))
    is_cause = seen.n == 0 or (at_once and changed.keys() & set(ASKED))
    return f"the rule was changed: {tell_changes(before, changed, unit)}" if changed and is_cause else ""


def find_changed(before, after, names):
    """``{name: new value}`` of those fields that differ; an older version may lack one of today."""
    return {name: after[name] for name in names if name in after and is_changed(before, name, after[name])}
