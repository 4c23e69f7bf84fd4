"""Thresholds to and from YAML: written, compared with what is stored, and applied as a whole."""

from hashlib import sha256
from operator import itemgetter
from types import SimpleNamespace
from typing import NamedTuple

from django.db import transaction
from django.db.models import Count

from metrics_app.core.deadman import SILENCE
from metrics_app.core.phrases import count_words, describe_field, describe_rule
from metrics_app.core.rule_files import Entry, Faults, make_key, read_rules, write_rules
from metrics_app.core.units import format_duration
from metrics_app.exceptions import BadInput
from metrics_app.models import Kpi, Threshold
from metrics_app.registry import may_read
from metrics_app.services.deadman import save_expectation
from metrics_app.services.kpis import check_kpi
from metrics_app.services.rules import list_faults
from metrics_app.services.thresholds import save_threshold

KPI_FIELDS = ("name", "unit", "direction", "aggregate", "window", "expected_interval")
RULE_FIELDS = ("name", *Threshold.RULE_FIELDS)
NEW, CHANGED, GONE, SAME = "new", "changed", "gone", "same"
SIGNS = {NEW: "+", CHANGED: "~", GONE: "-", SAME: "="}


class Change(NamedTuple):
    """One KPI (``key`` "") or threshold of a plan: what would become of it, field by field."""

    kind: str
    topic: str
    key: str
    sentence: str
    fields: list  # (field in words, old or None, new)
    row: object  # the row as it would be saved, or deleted

    @property
    def sign(self):
        """As a diff writes it."""
        return SIGNS[self.kind]


class Plan(NamedTuple):
    """All Changes of an import, in the order of topics and keys."""

    changes: list

    @property
    def differs(self):
        """Whether the import would change anything."""
        return any(change.kind != SAME for change in self.changes)

    @property
    def mark(self):
        """Tells this plan from another one: what was shown is what is saved."""
        return sha256("\n".join(write_plan(self)).encode()).hexdigest()

    @property
    def summary(self):
        """ "1 new, 2 changed, 4 unchanged"; "nothing to change"."""
        rows = [change.kind for change in self.changes if change.key or change.kind != SAME]
        counts = ((rows.count(kind), kind) for kind in (NEW, CHANGED, GONE, SAME))
        parts = [f"{count:,} {'unchanged' if kind == SAME else kind}" for count, kind in counts if count]
        return (
            ", ".join(parts) if self.differs else f"nothing to change ({', '.join(parts) or 'no threshold'})"
        )


def list_begins():
    """``{"kpi": fields, "threshold": fields}`` as new ones begin."""
    models = {"kpi": (Kpi, KPI_FIELDS), "threshold": (Threshold, RULE_FIELDS)}
    return {
        name: {field: model._meta.get_field(field).get_default() for field in fields}
        for name, (model, fields) in models.items()
    }


def take(row, names):
    """Some fields of a row, by name."""
    return {name: getattr(row, name) for name in names}


def list_keyed(kpis):
    """``{topic: {key: Threshold}}`` of the limits on some KPIs; one without a key gets it as a save would."""
    found = {}
    rows = Threshold.objects.filter(kpi__in=kpis, kind=Threshold.Kind.LIMIT).select_related("kpi")
    rows = rows.annotate(breach_count=Count("breaches")).order_by("pk")
    for threshold in sorted(rows, key=lambda row: not row.key):
        same_kpi = found.setdefault(threshold.kpi.topic, {})
        key = threshold.key or make_key(threshold.name, threshold.aggregate, threshold.window, same_kpi)
        same_kpi[key] = threshold
    return found


def export_rules(kpis, only=None):
    """The YAML of KPI rows and their thresholds, or of those of them with an id of ``only``."""
    kpis, begins = list(kpis), list_begins()
    keyed, entries = list_keyed(kpis), {}
    for kpi in kpis:
        rows = {key: row for key, row in keyed.get(kpi.topic, {}).items() if only is None or row.pk in only}
        fields = take(kpi, KPI_FIELDS)
        # Topics enter by themselves: one that nobody gave a meaning says nothing.
        if rows or (only is None and fields != begins["kpi"]):
            entries[kpi.topic] = Entry(fields, {key: take(row, RULE_FIELDS) for key, row in rows.items()})
    return write_rules(entries, begins, describe_fields)


def describe_fields(fields, unit):
    """A rule in words, from its fields."""
    rule = SimpleNamespace(**fields, kind=Threshold.Kind.LIMIT)
    proposes = f"; proposes “{rule.title}”" if rule.title else ""
    return f"{describe_rule(rule, unit)}{proposes}{'' if rule.enabled else '; switched off'}"


def plan_import(texts, *, prune=False, who=None):
    """The Plan of files ``{name: text}``; BadInput with every fault, and nothing is written.

    ``prune``: thresholds that the files do not name are gone, on the topics that they do.
    ``who``: only what this person may see can be imported; None: everything.
    """
    begins, entries, errors = list_begins(), {}, []
    units = dict(Kpi.objects.order_by().values_list("topic", "unit")) | find_units(texts.values(), begins)
    for name, text in texts.items():
        errors += read_file(name, text, begins, units, entries)
    errors += [fault for fault in find_hidden(entries, who) if not errors]
    if errors:
        raise refuse(errors)
    return Plan(compare(entries, prune))


def find_units(texts, begins):
    """``{topic: unit}`` of the KPIs that files set: a limit in one may be in the unit of another."""
    found = {}
    for text in texts:
        try:
            entries, _ = read_rules(text, begins, lambda topic: "")
        except BadInput:
            # Told where the file is read for good.
            continue
        found |= {topic: str(entry.kpi["unit"]) for topic, entry in entries.items() if entry.kpi is not None}
    return found


def refuse(errors):
    """The BadInput of all faults, each on a line of its own."""
    return BadInput("\n".join(map(write_fault, errors)), errors=errors)


def write_fault(fault):
    """ "rules.yaml:12: kpis.er.wait.thresholds.slow.limit: 'x' is not a duration: …"."""
    place = f"{fault['file']}:{fault['line']}"
    return ": ".join(part for part in (place, fault["field"], fault["message"]) if part)


def read_file(name, text, begins, units, entries):
    """Adds what a file says to ``entries`` (topic: [(file, Faults, Entry)]); the faults."""
    try:
        found, faults = read_rules(text, begins, lambda topic: units.get(topic, ""))
    except BadInput as error:
        return [fault | {"file": name} for fault in error.errors]
    for topic, entry in found.items():
        check_once(topic, entry, entries.get(topic, []), faults)
        check_fields(topic, entry, units, faults)
        entries.setdefault(topic, []).append((name, faults, entry))
    return [fault | {"file": name} for fault in sorted(faults, key=itemgetter("line"))]


def check_once(topic, entry, others, faults):
    """Faults for what another file says already."""
    for file, _, other in others:
        if entry.kpi is not None and other.kpi is not None:
            faults.add(("kpis", topic, "kpi"), f"stands in {file} too")
        for key in entry.thresholds.keys() & other.thresholds.keys():
            faults.add(("kpis", topic, "thresholds", key), f"stands in {file} too")


def check_fields(topic, entry, units, faults):
    """Faults of fields that could be read and still may not be."""
    unread = {fault["field"] for fault in faults}
    kpi = Kpi(topic=topic, **(entry.kpi or {"unit": units.get(topic, "")}))
    for field, message in check_kpi(kpi) if entry.kpi is not None else ():
        add_once(faults, unread, ("kpis", topic, "kpi", field), message)
    for key, fields in entry.thresholds.items():
        path = ("kpis", topic, "thresholds", key)
        # What is asked for beside an aggregate that nobody could read is not known.
        known = ".".join((*path, "aggregate")) not in unread
        for field, message in list_faults(Threshold(kpi=kpi, **fields)):
            if known or field != "aggregate_value":
                add_once(faults, unread, (*path, field), message)


def add_once(faults, unread, path, message):
    """Adds a fault of a field that was read without one."""
    if ".".join(path) not in unread:
        faults.add(path, message)


def find_hidden(entries, who):
    """Faults of topics that are not for this person."""
    for topic, parts in entries.items():
        for name, faults, _ in parts if who is not None and not may_read(who, topic) else ():
            seen = Faults(faults.lines)
            seen.add(("kpis", topic), "is not among the topics you may see")
            yield seen[0] | {"file": name}


def compare(entries, prune):
    """The Changes from what is stored to what the files say."""
    stored = {kpi.topic: kpi for kpi in Kpi.objects.filter(topic__in=entries)}
    keyed, changes = list_keyed(stored.values()), []
    for topic, parts in sorted(entries.items()):
        kpi = stored.get(topic) or Kpi(topic=topic)
        said = next((entry.kpi for _, _, entry in parts if entry.kpi is not None), None)
        changes.append(compare_kpi(kpi, said))
        asked = {key: fields for _, _, entry in parts for key, fields in entry.thresholds.items()}
        rows = keyed.get(topic, {})
        for key in sorted(asked.keys() | (rows if prune else {}).keys()):
            changes.append(compare_threshold(kpi, key, rows.get(key), asked.get(key)))
    return changes


def compare_kpi(kpi, fields):
    """The Change of a KPI; sets the fields on the row."""
    before = take(kpi, KPI_FIELDS)
    differing = {} if fields is None else {name: v for name, v in fields.items() if v != before[name]}
    kind = NEW if kpi.pk is None else CHANGED if differing else SAME
    words = [
        (
            write_name(name),
            None if kind == NEW else write_kpi_field(name, before[name]),
            write_kpi_field(name, value),
        )
        for name, value in differing.items()
    ]
    for name, value in differing.items():
        setattr(kpi, name, value)
    return Change(kind, kpi.topic, "", f"KPI {kpi}", words, kpi)


def write_name(field):
    """A field in words."""
    return field.replace("_", " ")


def write_kpi_field(name, value):
    """A field of a KPI in words."""
    if value in (None, ""):
        return "none"
    return format_duration(value) if name in ("window", "expected_interval") else str(value)


def compare_threshold(kpi, key, row, fields):
    """The Change of a threshold; the fields are set on its row."""
    if fields is None:
        lost = f", with its {count_words(row.breach_count, 'breach', 'breaches')}" if row.breach_count else ""
        return Change(GONE, kpi.topic, key, f"{describe_rule(row, kpi.unit)}{lost}", [], row)
    if row is None:
        row = Threshold(kpi=kpi, key=key, **fields)
        return Change(NEW, kpi.topic, key, describe_fields(fields, kpi.unit), list_new(fields, kpi.unit), row)
    before, unit = take(row, RULE_FIELDS), row.kpi.unit
    differing = [name for name in RULE_FIELDS if fields[name] != before[name]]
    words = [
        (
            write_name(name),
            describe_field(name, before[name], before, unit),
            describe_field(name, fields[name], fields, kpi.unit),
        )
        for name in differing
    ]
    for name in differing:
        setattr(row, name, fields[name])
    # The KPI as it will be, whose unit the limits are in.
    row.kpi = kpi
    return Change(CHANGED if words else SAME, kpi.topic, key, describe_fields(fields, kpi.unit), words, row)


def list_new(fields, unit):
    """The fields of a new threshold that its sentence does not say."""
    begins = list_begins()["threshold"]
    told = {"aggregate", "aggregate_value", "window", "operator", "limit", "title"}
    return [
        (write_name(name), None, describe_field(name, value, fields, unit))
        for name, value in fields.items()
        if name not in told and value != begins[name]
    ]


def write_plan(plan):
    """The lines of a diff for people."""
    for change in plan.changes:
        if not change.key and change.kind == SAME:
            continue
        what = f"{change.key}: {change.sentence}" if change.key else change.sentence
        yield f"{change.sign} {change.topic} {what}"
        for name, old, new in change.fields:
            yield f"    {name}: {new}" if old is None else f"    {name}: {old} → {new}"


def apply_import(texts, *, by, reason="", prune=False, who=None, mark=None):
    """Applies files as one transaction; the Plan that was carried out. BadInput.

    ``mark`` is that of the Plan somebody has seen: where it is another by now, nothing is
    done and the answer is the new Plan, whose ``mark`` differs.
    """
    with transaction.atomic():
        # Two imports at once take turns.
        list(Kpi.objects.select_for_update().order_by("pk").values_list("pk"))
        plan = plan_import(texts, prune=prune, who=who)
        if mark is None or mark == plan.mark:
            for change in plan.changes:
                apply_change(change, by, reason)
    return plan


def apply_change(change, by, reason):
    """Saves or deletes one row, through the doors that everything else takes."""
    if change.kind == SAME:
        return
    if change.kind == GONE:
        change.row.delete()
    elif change.key:
        save_threshold(change.row, by=by, reason=reason)
    else:
        change.row.save()
        if change.row.expected_interval is not None or has_watch(change.row):
            save_expectation(change.row, by=by)


def has_watch(kpi):
    """Whether a KPI was ever watched for silence."""
    return Threshold.objects.filter(kpi=kpi, kind=SILENCE).exists()
