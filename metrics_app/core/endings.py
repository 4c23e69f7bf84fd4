"""Why a breach ended where no value ended it: the rule was changed. Pure.

Rules are dicts as versions keep them; ``unit`` is that of the KPI.
"""

from types import SimpleNamespace

from metrics_app.core.classes import CLEAR, classify
from metrics_app.core.text.phrases import tell_changes, write_limit

ASKED = ("aggregate", "aggregate_value", "window")  # what is read of the points
JUDGED = (*ASKED, "operator", "limit", "recovery_limit", "min_count")


def tell_cause(before, after, seen, unit, *, at_once=False):
    """ "the limit was changed to 200"; "" where the rule that fired would have seen it recover too.

    ``seen`` is the Observation of the later rule. What another window or aggregate would
    have seen is not known: such a change is the cause only of what it ends ``at_once``.
    """
    changed = {name: after[name] for name in JUDGED if name in after and before.get(name) != after[name]}
    if not changed:
        return ""
    is_cause = (
        at_once if changed.keys() & set(ASKED) else classify(SimpleNamespace(**after | before), seen) != CLEAR
    )
    if not is_cause:
        return ""
    if "limit" in changed and not changed.keys() & set(ASKED):
        return f"the limit was changed to {write_limit(after['limit'], unit, after['aggregate'])}"
    return f"the rule was changed: {tell_changes(before, {n: after[n] for n in changed}, unit)}"
