"""One move: copied, proved and closed in two transactions that end together."""

from typing import NamedTuple

from django.db import IntegrityError, transaction

from hms_gov.moving import fence
from hms_gov.moving.copying import clear, copy_table, reset_sequences
from hms_gov.moving.errors import NotMovable
from hms_gov.moving.proof import compare, verify_chain
from hms_gov.moving.tables import count_rows, list_models


class Moved(NamedTuple):
    """``{table: rows}`` of what was moved, and the Report of the audit chain over there."""

    tables: dict
    audit: object

    @property
    def rows(self):
        """How many rows there were."""
        return sum(self.tables.values())


def move(source, target, *, on_progress=lambda step, done, total: None):
    """Moves everything; a Moved. Both are connections; the target was prepared.

    NotMovable, or any other end before the last step, leaves both as they were; where the last one, the
    commit over there, fails, the source stays closed. ``on_progress(step, rows, of how many)``.
    """
    # The source ends first: killed between the two it takes no writes, and all can be done again.
    with transaction.atomic(using=target.alias), transaction.atomic(using=source.alias):
        # The first write, whatever the settings say of transactions: nobody else writes from here on.
        fence.close(source)
        moved = copy_everything(source, target, on_progress)
    with target.cursor() as cursor:
        cursor.execute("ANALYZE")
    return moved


def copy_everything(source, target, on_progress):
    """Copies and proves; a Moved."""
    models = list_models()
    total = sum(count_rows(source, model) for model in models)
    clear(target)
    show = Counter("Copying", total, on_progress)
    tables = {model._meta.db_table: copy_table(source, target, model, show) for model in models}
    reset_sequences(target)
    check_references(target)
    compare(source, target, Counter("Comparing", 2 * total, on_progress))
    return Moved(tables, verify_chain(target))


def check_references(target):
    """NotMovable where a row names another that is not there, which SQLite may have let pass."""
    try:
        target.check_constraints()
    except IntegrityError as error:
        message = " ".join(str(error).split())
        raise NotMovable(f"A row refers to one that is not there: {message}") from None


class Counter:
    """Called with rows, tells a listener how many there have been."""

    def __init__(self, step, total, listener):
        self.step, self.total, self.listener, self.done = step, total, listener, 0

    def __call__(self, rows):
        self.done += rows
        self.listener(self.step, self.done, self.total)
