"""What a proposal is judged by: the rule that fired, or what was measured when somebody proposed it.

The words and the curve are the project's (``MEASUREMENTS``), frozen with the evidence as its
``quantity``; ``older`` reads what was frozen before there was one, or by somebody else.
"""

from dataclasses import dataclass, field

from pipelines_app.cards.older import read_older

# What makes a quantity, and what judges it.
QUANTITY = ("aggregate", "aggregate_value", "window")
RULE = (*QUANTITY, "operator", "limit")
# What the project freezes of one.
FROZEN = ("rule", "label", "unit", "value", "text", "limit_text")


@dataclass(frozen=True)
class Basis:
    """One quantity as it was frozen; times in ms.

    ``rule`` is a dict of ``RULE``, its ``limit`` None where somebody proposed; ``curve`` is
    ``{"ts", "values"}`` or None, called ``curve_label`` where it shows something else.
    """

    rule: dict
    label: str
    unit: str
    value: float | None
    text: str
    n: int | None = None
    limit_text: str = ""
    curve: dict | None = None
    curve_label: str = ""
    measured_to: int | None = None
    since: int | None = None
    threshold: int | None = field(default=None)

    @property
    def limit(self):
        """What it must not cross, or None."""
        return self.rule.get("limit")


def find_basis(pipeline, watch):
    """The Basis of a proposal, or None; ``watch`` is what the project says of its KPI today."""
    evidence = pipeline.evidence
    quantity = evidence.get("quantity")
    # Evidence may be anybody's: what is no whole quantity is read as it was before there was one.
    if not isinstance(quantity, dict) or not quantity.keys() >= set(FROZEN):
        older = read_older(evidence, pipeline, watch)
        return Basis(**older) if older else None
    threshold = evidence.get("threshold")
    return Basis(
        **{name: quantity[name] for name in FROZEN},
        n=evidence.get("n"),
        curve=quantity.get("curve"),
        measured_to=evidence.get("measured_to"),
        since=evidence.get("since"),
        threshold=threshold["id"] if threshold else None,
    )


def find_today(basis, watch):
    """``(known, rule)``: the rule that watches the KPI today; ``known`` is whether anyone can tell.

    For a breach its own threshold, for what somebody proposed the first that judges the same quantity.
    """
    rules = watch.get("rules")
    if rules is None or basis is None:
        return False, None
    if basis.threshold is not None:
        return True, next((rule for rule in rules if rule["id"] == basis.threshold), None)
    return True, next((rule for rule in rules if is_same(basis.rule, rule, QUANTITY)), None)


def is_same(one, other, names=RULE):
    """Whether two rules judge alike."""
    return all(one.get(name) == other.get(name) for name in names)
