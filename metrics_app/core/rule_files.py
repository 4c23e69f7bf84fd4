"""Thresholds and their KPIs as a file says them: pure, plain fields in and out.

A file is the whole truth of each threshold in it: a field that is left out is what a
new threshold begins with. The same for a ``kpi:`` part; without one the KPI stays.
"""

import re
import unicodedata
from typing import NamedTuple

from metrics_app.core.documents import write_inline
from metrics_app.core.points import check_topic
from metrics_app.core.rule_fields import read_field, write_field
from metrics_app.core.text.entries import parse_duration, write_compact
from metrics_app.core.text.literals import show
from metrics_app.exceptions import BadInput

HEAD = """\
# Thresholds and the KPIs they watch, as `manage.py export_thresholds` writes them and
# `manage.py import_thresholds` reads them. Fields that are left out are what a new one begins with.
kpis:
"""
KEY = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}\Z")
LONGEST_MADE = 90  # characters; a number behind it must fit
PARTS = ("kpi", "thresholds")
KPI_DURATIONS = frozenset({"window", "expected_interval"})
REQUIRED = ("aggregate", "window", "operator", "limit")


class Entry(NamedTuple):
    """What a file says of one topic: fields of the KPI (None: nothing), fields of each threshold by key."""

    kpi: dict | None
    thresholds: dict


class Faults(list):
    """All that is wrong with a file, each with its place."""

    def __init__(self, lines):
        super().__init__()
        self.lines = lines

    def add(self, path, message):
        """Notes a fault at a path, on the line of the nearest part that is there."""
        known = next(path[:end] for end in range(len(path), -1, -1) if path[:end] in self.lines)
        self.append({"field": ".".join(map(str, path)), "line": self.lines[known], "message": message})


def make_key(name, aggregate, window, taken):
    """A key for a threshold that has none: from its name, else from what it looks at."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    first = (words or f"{aggregate}-{write_compact(window)}").replace("_", "-")[:LONGEST_MADE].strip("-")
    key, number = first, 1
    while key in taken:
        number += 1
        key = f"{first}-{number}"
    return key


def write_rules(entries, begins, describe):
    """The text of a file: ``{topic: Entry}`` in order of topics and keys, with comments.

    ``begins`` are the fields of a new KPI and a new threshold, ``{"kpi": …, "threshold": …}``;
    ``describe(fields, unit)`` says a rule in words.
    """
    lines = []
    for topic, entry in sorted(entries.items()):
        unit = (entry.kpi or {}).get("unit", "")
        lines += ["", f"  {write_inline(topic)}:", *write_kpi(entry.kpi, begins["kpi"])]
        lines += ["    thresholds:"] if entry.thresholds else []
        for key, fields in sorted(entry.thresholds.items()):
            lines += [f"      # {make_comment(describe(fields, unit))}", f"      {write_inline(key)}:"]
            lines += [f"        {line}" for line in write_threshold(fields, begins["threshold"], unit)]
    return HEAD.removesuffix("kpis:\n") + "kpis: {}\n" if not lines else HEAD + "\n".join(lines[1:]) + "\n"


def make_comment(text):
    """A text on one line, without what YAML would not read even in a comment."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def write_kpi(fields, begins):
    """The lines of the KPI's own part; none where nothing is said of it."""
    if fields is None:
        return []
    said = {name: value for name, value in fields.items() if value != begins[name]}
    parts = {name: write_compact(v) if name in KPI_DURATIONS else v for name, v in said.items()}
    if not parts:
        return ["    kpi: {}"]
    return ["    kpi:", *(f"      {name}: {write_inline(value)}" for name, value in parts.items())]


def write_threshold(fields, begins, unit):
    """The lines of a threshold: what makes its rule, and what is not as it begins."""
    for name, value in fields.items():
        if name in REQUIRED or value != begins[name]:
            written = write_field(name, value, unit, fields["aggregate"])
            yield f"{name}: {write_inline(written)}"


def count_entries(value):
    """How many KPIs and thresholds together the plain value of a file names, well written or not."""
    topics = value.get("kpis") if isinstance(value, dict) else None
    parts = list(topics.values()) if isinstance(topics, dict) else []
    named = [part.get("thresholds") for part in parts if isinstance(part, dict)]
    return len(parts) + sum(len(thresholds) for thresholds in named if isinstance(thresholds, dict))


def read_rules(document, begins, find_unit):
    """``({topic: Entry}, Faults)`` of a Document; every field is there in what comes back.

    ``find_unit(topic)`` is the unit of a KPI of which the file says nothing.
    """
    faults, entries = Faults(document.lines), {}
    topics = take_mapping(document.value, ("kpis",), (), faults).get("kpis")
    for topic, part in take_any(topics, ("kpis",), faults).items():
        path = ("kpis", topic)
        try:
            check_topic(topic)
        except BadInput as error:
            faults.add(path, str(error))
            continue
        parts = take_mapping(part, PARTS, path, faults)
        kpi = read_kpi(parts["kpi"], begins["kpi"], (*path, "kpi"), faults) if "kpi" in parts else None
        unit = find_unit(topic) if kpi is None else kpi["unit"]
        found = {}
        for key, fields in take_any(parts.get("thresholds"), (*path, "thresholds"), faults).items():
            at = (*path, "thresholds", key)
            if not KEY.match(key):
                faults.add(at, f"{show(key)} is no key: expected lower-case letters, digits, '-', '.', '_'")
                continue
            found[key] = read_threshold(fields, begins["threshold"], str(unit), at, faults)
        entries[topic] = Entry(kpi, found)
    return entries, faults


def take_any(value, path, faults):
    """A mapping of names that are free; an empty one for nothing, and for what is none (a fault)."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        faults.add(path, f"{show(value)} is no mapping of names")
        return {}
    return value


def take_mapping(value, names, path, faults):
    """A mapping of known names; the unknown ones are faults."""
    found = take_any(value, path, faults)
    for name in found:
        if name not in names:
            faults.add((*path, name), f"is not known here: expected {', '.join(names)}")
    return {name: part for name, part in found.items() if name in names}


def read_kpi(value, begins, path, faults):
    """All fields of a KPI."""
    fields = dict(begins)
    for name, given in take_mapping(value, tuple(begins), path, faults).items():
        try:
            empty = given is None and name == "expected_interval"
            fields[name] = parse_duration(given, name) if name in KPI_DURATIONS and not empty else given
        except BadInput as error:
            faults.add((*path, name), str(error))
    return fields


def read_threshold(value, begins, unit, path, faults):
    """All fields of a threshold; those that cannot be read are as they begin, and a fault."""
    fields = dict(begins)
    given = take_mapping(value, tuple(begins), path, faults)
    for name in REQUIRED:
        if name not in given:
            faults.add((*path, name), "is missing")
    aggregate = str(given.get("aggregate", ""))
    for name, part in given.items():
        try:
            fields[name] = read_field(name, part, unit, aggregate)
        except BadInput as error:
            faults.add((*path, name), str(error))
    return fields
