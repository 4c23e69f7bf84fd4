"""Every number of things is written by the one place that knows its plural: "1 row", "2 rows", "no row"."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("metrics_app", "pipelines_app", "hms_gov", "templates")
THE_PLACES = {
    "metrics_app/core/text/counts.py",
    "pipelines_app/core/counts.py",
    "metrics_app/static/metrics_app/counts.js",
}
THINGS = """
    actions approvals attempts breaches bytes cases changes characters columns complaints days
    decisions digits entries evaluations expectations faults figures files groups guardrails hours
    keys KPIs lines mails messages minutes moments notes notices pages people persons points
    proposals receivers rows rules seconds shards silences slots steps streams tables tests
    thresholds topics versions votes weeks windows years
"""
PLURAL = re.compile(rf"^ (?:[a-z]+ )?(?:{'|'.join(THINGS.split())})\b")
# A limit that is stated, and a number that was found too large, are above one.
ABOVE_ONE = re.compile(r"too many|too long|at most|more than|too often|\bover $|1 to $|fewer than")
# What stands before it is no number, or always one above one.
APART = ("SHAPES['ok']", "row.breach.severity", "math.floor(value.bit_length() * DIGIT) + 1")
# "1,204 points" of a name in capitals is a constant.
CONSTANT = re.compile(r"[A-Z][A-Z_]+")


def list_files(*suffixes):
    """The paths of our sources with these suffixes."""
    found = (path for room in ROOMS for path in (ROOT / room).rglob("*") if path.suffix in suffixes)
    unwanted = {"migrations", "vendor", "node_modules"}
    return sorted(path for path in found if not unwanted & set(path.parts) and name(path) not in THE_PLACES)


def name(path):
    """A path below the root of the project."""
    return path.relative_to(ROOT).as_posix()


def find_in_python(text):
    """``[(line, words)]`` of the f-strings in which a number stands before a plural of its own."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.JoinedStr):
            continue
        said = "".join(part.value for part in node.values if isinstance(part, ast.Constant))
        before = ""
        for number, after in zip(node.values, node.values[1:], strict=False):
            if isinstance(number, ast.Constant):
                before = number.value
            if not isinstance(number, ast.FormattedValue) or not isinstance(after, ast.Constant):
                continue
            value = ast.unparse(number.value)
            is_many = CONSTANT.fullmatch(value.rpartition(".")[2]) or value in APART
            if PLURAL.match(after.value) and not is_many and not ABOVE_ONE.search(said + before):
                found.append((node.lineno, f"{{{value}}}{after.value[:30]}"))
    return found


def find_in_text(text, value):
    """The same of templates and scripts, where the pattern ``value`` has the number as its group."""
    return [
        (text.count("\n", 0, one.start()) + 1, one[0])
        for one in re.finditer(rf"{value}( (?:[a-z]+ )?\w+)", text)
        if PLURAL.match(one[2]) and not CONSTANT.fullmatch(one[1])
    ]


def find_plurals(path):
    """What a source writes itself."""
    text = path.read_text()
    if path.suffix == ".py":
        return find_in_python(text)
    return find_in_text(text, r"\$\{([^}]*)\}" if path.suffix == ".js" else r"\{\{([^}]*)\}\}")


def test_no_sentence_writes_a_plural_of_its_own():
    files = list_files(".py", ".html", ".txt", ".js")
    found = [f"{name(path)}:{line}: {said}" for path in files for line, said in find_plurals(path)]
    assert not found, "write by count_words:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ('f"{rows:,} rows left out"', True),
        ('f"{len(a)} late points"', True),
        ("f\"{count_words(rows, 'row')} left out\"", False),
        ('f"{count} points are too many"', False),
        ('f"over {MOST} points"', False),
        ('f"{name} is gone"', False),
    ],
)
def test_the_walk_finds_what_it_looks_for(text, is_found):
    assert bool(find_in_python(text)) == is_found
