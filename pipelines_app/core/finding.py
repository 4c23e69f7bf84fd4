"""What somebody looks for among proposals: fields of an address, read, and said back in words."""

from datetime import date, datetime

from pipelines_app.core.fields import SEVERITIES, check_text, check_topic, shorten
from pipelines_app.core.states import AGREED, LABELS, OPEN, State
from pipelines_app.exceptions import BadInput

LONGEST = 200  # characters of a text that is looked for
FIRST_YEAR, LAST_YEAR = 2000, 9000  # of a day; nothing is older, and calendars end
# What became of a proposal, by the name in the address; "approved" is whatever an approval led to.
ENDS = {"approved": AGREED} | {
    state.value: frozenset({state}) for state in State if state not in OPEN | {State.APPROVED}
}
END_LABELS = {name: LABELS[State(name)] for name in ENDS}
MINE = {
    "decide": "I may decide it",
    "voted": "I voted on it",
    "proposed": "I proposed it",
}
NAMES = {
    "q": "what is searched for",
    "by": "the person",
    "kpi": "the KPI",
    "from": "the first day",
    "to": "the last day",
    "state": "the outcome",
    "severity": "the severity",
    "mine": "mine",
}
WAITING = ("severity", "kpi", "mine")
DECIDED = ("q", "state", "severity", "kpi", "by", "from", "to")


def read_fields(params, names):
    """``(wanted, faults)`` of an address: what it asks for by field, without the empty ones, and what is
    wrong with it, in sentences."""
    wanted, faults = {}, []
    for name in names:
        text = params.get(name, "").strip()
        try:
            if text and (value := READERS[name](text, NAMES[name])):
                wanted[name] = value
        except BadInput as error:
            faults.append(f"{str(error)[:1].upper()}{str(error)[1:]}.")
    if wanted.get("from", date.min) > wanted.get("to", date.max):
        faults.append(f"From {wanted['from']} to {wanted['to']} is no time: the first day is after the last.")
    return wanted, faults


def read_text(text, name):
    """What is looked for in texts, empty where nothing of it can be seen; BadInput."""
    return check_text(text, field=name, limit=LONGEST, required=False)


def read_topic(text, name):
    """A topic; BadInput."""
    try:
        return check_topic(text)
    except BadInput:
        raise BadInput(f"{name}: {shorten(text)} is no topic such as complaint.latency", field=name) from None


def read_day(text, name):
    """A date such as ``2026-11-28``; BadInput."""
    try:
        # ``fromisoformat`` would take 20261128 and 2026-W48-6 too.
        day = datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        day = None
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise BadInput(f"{name}: {shorten(text)} is no day such as 2026-11-28", field=name)
    return day


def read_one_of(choices):
    """A reader of one of these words."""

    def read(text, name):
        if text not in choices:
            raise BadInput(f"{name}: {shorten(text)} is none of {', '.join(choices)}", field=name)
        return text

    return read


READERS = {
    "q": read_text,
    "by": read_text,
    "kpi": read_topic,
    "state": read_one_of(ENDS),
    "severity": read_one_of(SEVERITIES),
    "mine": read_one_of(MINE),
    "from": read_day,
    "to": read_day,
}
TOLD = {
    "q": "with “{}”",
    "by": "decided by “{}”",
    "kpi": "about {}",
    "state": "{}",
    "severity": "of severity {}",
    "mine": "of which “{}” holds",
    "from": "from {} on",
    "to": "until {}",
}


def tell_field(name, value):
    """One thing that is looked for, in words: ``of severity critical``."""
    value = MINE[value] if name == "mine" else END_LABELS[value].lower() if name == "state" else value
    return TOLD[name].format(value)


def tell_wanted(wanted):
    """All that is looked for, in words that follow "proposals"; empty for nothing."""
    return ", ".join(tell_field(name, value) for name, value in wanted.items())


def write_fields(wanted):
    """The fields as an address carries them."""
    return {name: str(value) for name, value in wanted.items()}


def list_wider(wanted):
    """``(what is left out, in words; the fields that stay)`` for each field that can be left out."""
    return [
        (tell_field(name, value), write_fields({key: one for key, one in wanted.items() if key != name}))
        for name, value in wanted.items()
    ]
