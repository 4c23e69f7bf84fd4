"""Thresholds to and from YAML: written, read with every fault, and applied as a whole."""

from operator import itemgetter

from django.db import transaction

from metrics_app.core.deadman import SILENCE
from metrics_app.core.documents import read_document
from metrics_app.core.rule_files import Entry, Faults, count_entries, read_rules, write_rules
from metrics_app.exceptions import BadInput
from metrics_app.models import Kpi, Threshold
from metrics_app.registry import look_again, may_read
from metrics_app.services.kpis import check_kpi
from metrics_app.services.rules.changes import (
    GONE,
    KPI_FIELDS,
    NEW,
    RULE_FIELDS,
    SAME,
    Plan,
    compare,
    list_begins,
    list_keyed,
    take,
    tell_fields,
)
from metrics_app.services.rules.deadman import save_expectation
from metrics_app.services.rules.fields import list_faults
from metrics_app.services.rules.many import create_kpis, create_thresholds
from metrics_app.services.rules.thresholds import delete_threshold, judge_now, save_threshold
from metrics_app.services.visibility import TAKEN, list_taken


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
    return write_rules(entries, begins, tell_fields)


def plan_import(texts, *, prune=False, who=None, most=None):
    """The Plan of files ``{name: text}``; BadInput with every fault, and nothing is written.

    ``prune``: thresholds that the files do not name are gone, on the topics that they do.
    ``who``: only what this person may see can be imported; None: everything. ``most``: how many KPIs
    and thresholds together are taken, where somebody waits for the answer.
    """
    begins, entries, errors = list_begins(), {}, []
    stored = Kpi.objects.order_by().values_list("topic", "unit")
    # What is read as what must not tell of a KPI that one may not see.
    units = {topic: unit for topic, unit in stored if who is None or may_read(who, topic)}
    documents = read_documents(texts, errors)
    check_count(documents, most)
    units |= find_units(documents.values(), begins)
    for name, document in documents.items():
        errors += read_file(name, document, begins, units, entries)
    errors = errors or list(find_hidden(entries, who))
    if errors:
        raise refuse(errors)
    return Plan(compare(entries, prune))


def read_documents(texts, errors):
    """``{name: Document}`` of the files that are YAML; ``errors`` gets what is wrong with the others."""
    found = {}
    for name, text in texts.items():
        try:
            found[name] = read_document(text)
        except BadInput as error:
            errors += [fault | {"file": name} for fault in error.errors]
    return found


def check_count(documents, most):
    """BadInput for more than ``most`` KPIs and thresholds; None: any number."""
    count = sum(count_entries(document.value) for document in documents.values())
    if most is not None and count > most:
        raise BadInput(
            f"has {count:,} KPIs and thresholds, at most {most:,} are taken in one request: "
            "split it, or import it with `manage.py import_thresholds`"
        )


def find_units(documents, begins):
    """``{topic: unit}`` of the KPIs that files set: a limit in one may be in the unit of another."""
    found = {}
    for document in documents:
        entries, _ = read_rules(document, begins, lambda topic: "")
        found |= {topic: str(entry.kpi["unit"]) for topic, entry in entries.items() if entry.kpi is not None}
    return found


def refuse(errors):
    """The BadInput of all faults, each on a line of its own."""
    return BadInput("\n".join(map(write_fault, errors)), errors=errors)


def write_fault(fault):
    """ "rules.yaml:12: kpis.er.wait.thresholds.slow.limit: 'x' is not a duration: …"."""
    place = f"{fault['file']}:{fault['line']}"
    return ": ".join(part for part in (place, fault["field"], fault["message"]) if part)


def read_file(name, document, begins, units, entries):
    """Adds what a file says to ``entries`` (topic: [(file, Faults, Entry)]); the faults."""
    found, faults = read_rules(document, begins, lambda topic: units.get(topic, ""))
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
    for field, message in check_kpi(Kpi(topic=topic, **entry.kpi)) if entry.kpi is not None else ():
        add_once(faults, unread, ("kpis", topic, "kpi", field), message)
    # A unit that is no text is told above: limits are read as if it were the text somebody meant.
    kpi = Kpi(topic=topic, unit=units.get(topic, ""))
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
    for topic in list_taken(who, entries):
        for name, faults, _ in entries[topic]:
            seen = Faults(faults.lines)
            seen.add(("kpis", topic), TAKEN)
            yield seen[0] | {"file": name}


def apply_import(texts, *, by, reason="", prune=False, who=None, mark=None, most=None):
    """Applies files as one transaction; the Plan that was carried out. BadInput.

    ``mark`` is that of the Plan somebody has seen: where it is another by now, nothing is
    done and the answer is the new Plan, whose ``mark`` differs.
    """
    with transaction.atomic():
        # Two imports at once take turns.
        list(Kpi.objects.select_for_update().order_by("pk").values_list("pk"))
        look_again()
        plan = plan_import(texts, prune=prune, who=who, most=most)
        if mark is None or mark == plan.mark:
            apply_changes(plan.changes, by, reason)
            # One look for all of them, not one for each.
            transaction.on_commit(judge_now, robust=True)
    return plan


def apply_changes(changes, by, reason):
    """Saves and deletes all rows: what is new together, the rest through the doors that all else takes."""
    new = [change for change in changes if change.kind == NEW]
    create_kpis([change.row for change in new if not change.key], by=by)
    for change in changes:
        if change.kind not in (NEW, SAME):
            apply_change(change, by, reason)
    create_thresholds([(change.row, reason) for change in new if change.key], by=by)


def apply_change(change, by, reason):
    """Changes or deletes one row that is there."""
    if change.kind == GONE:
        delete_threshold(change.row, by=by)
    elif change.key:
        save_threshold(change.row, by=by, reason=reason, judge=False)
    else:
        change.row.save()
        if change.row.expected_interval is not None or has_watch(change.row):
            save_expectation(change.row, by=by)


def has_watch(kpi):
    """Whether a KPI was ever watched for silence."""
    return Threshold.objects.filter(kpi=kpi, kind=SILENCE).exists()
