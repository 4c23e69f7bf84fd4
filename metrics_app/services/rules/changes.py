"""What files of thresholds would change: each KPI and threshold beside what is stored."""

from hashlib import sha256
from types import SimpleNamespace
from typing import NamedTuple

from django.db.models import Count

from metrics_app.core.rule_files import make_key
from metrics_app.core.text.counts import agree, count_words
from metrics_app.core.text.phrases import tell_field, tell_rule
from metrics_app.core.text.units import format_duration
from metrics_app.models import Kpi, Threshold
from metrics_app.services.rules.repeats import warn_of_repeats

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
    warnings: tuple = ()  # texts that repeat numbers which the rule would no longer have

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
    rows = Threshold.objects.filter(kpi__in=kpis, kind=Threshold.Kind.LIMIT, retired_at=None)
    rows = rows.select_related("kpi")
    rows = rows.annotate(breach_count=Count("breaches")).order_by("pk")
    for threshold in sorted(rows, key=lambda row: not row.key):
        same_kpi = found.setdefault(threshold.kpi.topic, {})
        key = threshold.key or make_key(threshold.name, threshold.aggregate, threshold.window, same_kpi)
        same_kpi[key] = threshold
    return found


def tell_fields(fields, unit):
    """A rule in words, from its fields."""
    rule = SimpleNamespace(**fields, kind=Threshold.Kind.LIMIT)
    proposes = f"; proposes “{rule.title}”" if rule.title else ""
    return f"{tell_rule(rule, unit)}{proposes}{'' if rule.enabled else '; switched off'}"


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
    return add_warnings(changes)


def add_warnings(changes):
    """The Changes, those of rules that would be written with what their texts repeat in vain."""
    written = [change for change in changes if change.key and change.kind in (NEW, CHANGED)]
    told = zip(written, warn_of_repeats([change.row for change in written]), strict=True)
    found = {(change.topic, change.key): tuple(sentences) for change, sentences in told}
    return [change._replace(warnings=found.get((change.topic, change.key), ())) for change in changes]


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
        count, words = row.breach_count, count_words(row.breach_count, "breach", "breaches")
        kept = f"; its {words} {agree(count, 'stays', 'stay')} on record" if count else ""
        return Change(GONE, kpi.topic, key, f"{tell_rule(row, kpi.unit)}{kept}", [], row)
    if row is None:
        row = Threshold(kpi=kpi, key=key, **fields)
        return Change(NEW, kpi.topic, key, tell_fields(fields, kpi.unit), list_new(fields, kpi.unit), row)
    before, unit = take(row, RULE_FIELDS), row.kpi.unit
    differing = [name for name in RULE_FIELDS if fields[name] != before[name]]
    words = [
        (
            write_name(name),
            tell_field(name, before[name], before, unit),
            tell_field(name, fields[name], fields, kpi.unit),
        )
        for name in differing
    ]
    for name in differing:
        setattr(row, name, fields[name])
    # The KPI as it will be, whose unit the limits are in.
    row.kpi = kpi
    return Change(CHANGED if words else SAME, kpi.topic, key, tell_fields(fields, kpi.unit), words, row)


def list_new(fields, unit):
    """The fields of a new threshold that its sentence does not say."""
    begins = list_begins()["threshold"]
    told = {"aggregate", "aggregate_value", "window", "operator", "limit", "title"}
    return [
        (write_name(name), None, tell_field(name, value, fields, unit))
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
        for sentence in change.warnings:
            yield f"    warning: {sentence}"
