"""Proves that both databases say the same, reading each as the project reads it."""

import json

from django.db.models import JSONField

from hms_gov.moving.errors import NotMovable
from hms_gov.moving.tables import list_fields, list_models
from metrics_app.core.text.counts import count_words
from pipelines_app.services.verify import verify_audit

CHUNK = 2_000  # rows in memory
BITS = 2**64


def compare(source, target, on_rows):
    """NotMovable unless every table has the same rows on both sides."""
    for model in list_models():
        here, there = (read_digest(connection, model, on_rows) for connection in (source, target))
        if here != there:
            what = (
                f"{count_words(here[0], 'row')} here, {there[0]:,} there"
                if here[0] != there[0]
                else "rows that differ"
            )
            raise NotMovable(f"{model._meta.db_table} did not arrive whole: {what}. Nothing was moved.")


def read_digest(connection, model, on_rows):
    """``(rows, sum of their hashes)``: the order of rows, which each database chooses, does not count."""
    fields = list_fields(model)
    texts = [at for at, field in enumerate(fields) if isinstance(field, JSONField)]
    rows = model._base_manager.using(connection.alias).values_list(*(field.attname for field in fields))
    count = total = 0
    for count, row in enumerate(rows.order_by().iterator(chunk_size=CHUNK), 1):
        total += hash(spell(row, texts) if texts else row)
        if count % CHUNK == 0:
            on_rows(CHUNK)
    on_rows(count % CHUNK)
    return count, total % BITS


def spell(row, texts):
    """A row with its JSON in one spelling: PostgreSQL keeps no order of keys, and 1e22 as a whole number."""
    row = list(row)
    for at in texts:
        row[at] = json.dumps(unify(row[at]), sort_keys=True)
    return tuple(row)


def unify(data):
    """JSON data with every whole number an int."""
    if isinstance(data, dict):
        return {key: unify(value) for key, value in data.items()}
    if isinstance(data, list):
        return [unify(value) for value in data]
    return int(data) if isinstance(data, float) and data.is_integer() else data


def verify_chain(target):
    """The Report of the audit chain in the target; NotMovable when anything of it was edited."""
    report = verify_audit(using=target.alias)
    if report.faults:
        raise NotMovable(
            f"The audit chain does not hold: {report.faults[0]} "
            f"({count_words(len(report.faults), 'fault')}). Nothing was moved; "
            "`manage.py verify_audit` names them all."
        )
    return report
