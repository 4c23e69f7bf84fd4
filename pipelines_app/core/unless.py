"""“No, unless”: the value and the end that a rejection names, as they are given, frozen and told."""

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime

from pipelines_app.core.fields import check_known, check_number, check_text, shorten
from pipelines_app.core.limits import SIDES
from pipelines_app.core.moments import check_moment
from pipelines_app.core.telling import name_zone
from pipelines_app.exceptions import BadInput

FIELD = "unless"
LONGEST_D = 365  # days from the rejection to the end
MOST_TIMES = 1000  # how often the largest of limit, opening and present a value may be: more never comes
EXPECTED_END = "a day such as 2026-03-03, a moment with its offset, or ms since the epoch"


@dataclass(frozen=True)
class Unless:
    """What a rejection waits for, in the quantity of the rule that opened the proposal.

    ``rule`` is that rule with the value as its ``limit``, its own ``beside`` it; ``until`` is the end,
    exclusive; ``said`` is ``unless above 60 h, until 3 March 2026``, ``by`` who rejected it.
    """

    value: float
    text: str
    label: str
    unit: str
    rule: dict
    until: datetime
    said: str
    by: str = ""

    @property
    def beyond(self):
        """``above 60 h``."""
        return f"{SIDES[self.rule['operator']]} {self.text}"

    def describe(self):
        """A dict for the audit chain, which has ``by`` as its actor."""
        found = asdict(self) | {"until": self.until.astimezone(UTC).isoformat()}
        del found["by"]
        return found


def read_unless(data, by):
    """The Unless of what ``describe`` made."""
    return Unless(**data | {"until": datetime.fromisoformat(data["until"])}, by=by)


def check_unless(given):
    """``{"value", "until"}`` as it was sent: a number or a text, a date or a moment; None for None."""
    if given is None:
        return None
    try:
        check_known(given, required=("value", "until"))
        return {"value": check_value(given["value"]), "until": check_end(given["until"])}
    except BadInput as error:
        errors = [one | {"field": ".".join(filter(None, (FIELD, one["field"])))} for one in error.errors]
        raise BadInput(str(error), errors=errors) from None


def check_value(value):
    """A finite number, or a text that is not empty."""
    if isinstance(value, str):
        return check_text(value, field="value", limit=50)
    if value is None or isinstance(value, bool):
        told = f"value must be a number or a text such as '60 h', not {shorten(value)}"
        raise BadInput(told, field="value")
    return check_number(value, field="value")


def check_end(end):
    """The date or the moment that an end names."""
    try:
        return end if type(end) is date else read_end(end)
    except ValueError:
        raise BadInput(f"until is {shorten(end)}: expected {EXPECTED_END}", field="until") from None


def read_end(end):
    """The same of a text, a datetime or an integer; ValueError."""
    if isinstance(end, str) and len(end) == len("2026-03-03"):
        return datetime.strptime(end, "%Y-%m-%d").date()
    return check_moment(end.isoformat() if isinstance(end, datetime) else end, field="until")


def say_unless(operator, text, end):
    """``unless above 60 h, until 3 March 2026``; ``end`` is a date, or a moment in the site's zone.

    The year is told, and an hour with its zone: the words are frozen, and read in others.
    """
    hour = f", {end:%H:%M} {name_zone(end)}" if isinstance(end, datetime) else ""
    return f"unless {SIDES[operator]} {text}, until {end.day} {end:%B %Y}{hour}"


def tell_history(found, *, rejected, came):
    """What a reopened version froze of the one before, in words; times as in "at 10:06 CET"."""
    said = f": “{found['comment']}”" if found["comment"] else "."
    return (
        f"Rejected by {found['by']} {rejected} {found['unless']}{said} "
        f"Now it has come: {found['label']} {found['text']} {came}."
    )
