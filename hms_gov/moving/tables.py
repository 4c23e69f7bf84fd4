"""What there is to move: every table of every model, whichever app it belongs to."""

from django.apps import apps
from django.db.migrations.recorder import MigrationRecorder

MIGRATIONS = MigrationRecorder.Migration._meta.db_table


def list_models():
    """The models that have a table of their own, those between two others included."""
    models = apps.get_models(include_auto_created=True)
    return [model for model in models if model._meta.managed and not model._meta.proxy]


def list_fields(model):
    """The fields of a model that have a column."""
    return model._meta.local_concrete_fields


def list_strangers(source):
    """Tables of the source that belong to no installed app: they stay where they are."""
    known = {model._meta.db_table for model in list_models()} | {MIGRATIONS}
    return sorted(name for name in read_names(source) - known if not name.startswith("sqlite_"))


def read_names(connection):
    """The names of all tables."""
    return set(connection.introspection.table_names())


def count_rows(connection, model):
    """How many rows the table of a model has."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(model._meta.db_table)}")
        return cursor.fetchone()[0]
