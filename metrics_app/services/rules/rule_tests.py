"""Rule tests in YAML: read, refused by name, run."""

from datetime import date, datetime
from typing import NamedTuple

from metrics_app.core.documents import read_documents
from metrics_app.core.points import parse_iso
from metrics_app.core.rule_fields import read_field
from metrics_app.core.rule_tests import check, parse_points, walk
from metrics_app.core.text.entries import parse_duration
from metrics_app.core.watch import Rule
from metrics_app.exceptions import BadInput
from metrics_app.models import Threshold
from metrics_app.services.rules.backtest import make_rule
from metrics_app.services.rules.fields import check_rule

FIELDS = ("name", "threshold", "start", "points", "expect")
REQUIRED = ("threshold", "points", "expect")
DEFAULT_START = "2026-01-01T00:00:00+00:00"


class Outcome(NamedTuple):
    """One test: its name, how many expectations it has, and what is wrong with it."""

    name: str
    expected: int
    faults: list


def run_file(text):
    """The Outcomes of the documents of a YAML text; BadInput where it is none."""
    try:
        documents = [found.value for found in read_documents(text) if found.value is not None]
    except BadInput as error:
        raise BadInput(f"line {error.errors[0]['line']}: {error}") from None
    tests = [test for found in documents for test in (found if isinstance(found, list) else [found])]
    if not tests:
        raise BadInput("holds no test")
    return [run_test(test, number) for number, test in enumerate(tests, 1)]


def run_test(test, number):
    """The Outcome of one test; what cannot be read is a fault of it."""
    named = isinstance(test, dict) and test.get("name")
    name = str(named or f"test {number}")
    try:
        check_fields(test)
        rule, start = read_rule(test["threshold"]), read_start(test.get("start", DEFAULT_START))
        lines = test["points"] if isinstance(test["points"], list) else [test["points"]]
        parsed = [parse_points(line, start) for line in lines]
        ts, values = ([one for part in parsed for one in part[column]] for column in (0, 1))
        end = start + round(max(parse_duration(wanted["at"], "expect") for wanted in test["expect"]) * 1000)
        faults = list(check(rule, walk(rule, ts, values, start, end), start, test["expect"]))
    except BadInput as error:
        return Outcome(name, 0, [f"{fault['field'] or 'test'}: {fault['message']}" for fault in error.errors])
    return Outcome(name, len(test["expect"]), faults)


def check_fields(test):
    """BadInput for a test without its parts, or with parts nobody reads."""
    if not isinstance(test, dict):
        raise BadInput(f"{test!r:.100} is no test: expected {', '.join(FIELDS)}")
    for name in test:
        if name not in FIELDS:
            raise BadInput(f"unknown field {name!r:.50}: expected {', '.join(FIELDS)}")
    for name in REQUIRED:
        if not test.get(name):
            raise BadInput("is missing", field=name)
    rows = test["expect"]
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "at" in row for row in rows):
        raise BadInput("expected a list such as [{at: 50m, state: pending}]", field="expect")


def read_start(value):
    """ms of the start; YAML may have read it as a time already."""
    if isinstance(value, (datetime, date)):
        value = value.isoformat()
    return parse_iso(str(value))


def read_rule(fields):
    """The pure Rule of a test's threshold; BadInput with every fault."""
    if not isinstance(fields, dict):
        raise BadInput(f"{fields!r:.100} is no rule", field="threshold")
    rule_fields = {*Rule._fields, "severity", "title", "suggestion", "name"}
    for name in fields:
        if name not in rule_fields:
            raise BadInput(
                f"unknown field {name!r:.50}: expected {', '.join(Rule._fields)}", field="threshold"
            )
    for name in ("aggregate", "window", "operator", "limit"):
        if name not in fields:
            raise BadInput("is missing", field=f"threshold.{name}")
    aggregate = str(fields["aggregate"])
    given = {name: read_field(name, value, aggregate=aggregate) for name, value in fields.items()}
    threshold = Threshold(**given)
    check_rule(threshold)
    return make_rule(threshold)
