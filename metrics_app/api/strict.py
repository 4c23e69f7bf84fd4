"""Bodies that take what they name and nothing besides."""

from rest_framework import serializers

from metrics_app.core.members import show_name
from metrics_app.exceptions import BadInput


class Body(serializers.Serializer):
    """A serializer that refuses what nobody reads: a misspelt field must not look as if it had been heard."""

    noun = "this body"  # in its errors: "limt is not a field of a threshold"

    def to_internal_value(self, data):
        """The checked values; BadInput for every field that is unknown or only read."""
        if isinstance(data, dict):
            self.refuse_unknown(data)
        return super().to_internal_value(data)

    def refuse_unknown(self, data):
        """BadInput for the first 20 names that cannot be set."""
        writable = [name for name, field in self.fields.items() if not field.read_only]
        errors = [
            {"field": show_name(name), "message": self.tell_fault(name, writable)}
            for name in data
            if name not in writable
        ]
        if errors:
            raise BadInput("unknown or read-only fields", errors=errors[:20])

    def tell_fault(self, name, writable):
        """Why a field cannot be set."""
        if name in self.fields:
            return "is read-only"
        return f"is not a field of {self.noun}: expected {', '.join(writable)}"
