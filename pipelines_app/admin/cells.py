"""What stands in a cell or a read-only line of the admin, and rows that are only read."""

import json

from django.utils.html import format_html

from pipelines_app.queries.records import tell_touched

HASH_SHOWN = 12  # characters of a hash that people compare
TEXT_SHOWN = 48  # characters of a sentence in a cell


class ReadOnly:
    """Rows that nobody adds, changes or deletes here."""

    def has_add_permission(self, request, obj=None):
        """Never: services write these rows."""
        return False

    def has_change_permission(self, request, obj=None):
        """Never: services write these rows."""
        return False

    def has_delete_permission(self, request, obj=None):
        """Never: they are history."""
        return False


def shorten(text, length):
    """The beginning of a text; the whole of it is told on hovering."""
    if len(text) <= length:
        return text
    return format_html('<span title="{}">{}…</span>', text, text[:length].rstrip())


def show_hash(value):
    """The first characters of a hash, the whole of it on hovering."""
    return format_html('<code title="{}">{}…</code>', value, value[:HASH_SHOWN])


def format_evidence(value, indent=""):
    """JSON with one line per field; lists of plain values stay on theirs."""
    if isinstance(value, dict) and value:
        inner = indent + "  "
        lines = [f"{inner}{json.dumps(key)}: {format_evidence(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        inner = indent + "  "
        return "[\n" + ",\n".join(inner + format_evidence(item, inner) for item in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False)


def tell_as_told(name, row):
    """``yes``, or what of a row is otherwise in the audit chain; a dash for one that is not saved yet."""
    if row is None or row.pk is None:
        return "–"
    touched = tell_touched(name, row)
    return f"no: {touched}; what the chain tells counts" if touched else "yes"
