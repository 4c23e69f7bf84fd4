"""A kind of receiver: a siren on a roof, which reads aloud what is put into its file."""

import json
from pathlib import Path

from django.conf import settings

from metrics_app.core.receivers import Kind
from metrics_app.exceptions import DeliveryFailed

ROOFS = ["town hall", "fire station"]


def check(receiver):
    """Faults as ``(field, message)``."""
    for roof in receiver.addresses or [""]:
        if roof not in ROOFS:
            yield "addresses", f"{roof!r} has no siren: expected {' or '.join(ROOFS)}"


def carry(receiver, message, facts, earlier):
    """One line of JSON per message; how, in words."""
    line = {"roofs": receiver.addresses, "message": message.hex, "says": [one["summary"] for one in facts]}
    try:
        with (Path(settings.CITY_HALL) / "siren.jsonl").open("a") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    except OSError as error:
        raise DeliveryFailed(f"the siren cannot be reached: {error}") from None
    return "siren"


SIREN = Kind(
    name="siren",
    label="siren",
    asks={"addresses": f"The roofs it stands on, one per line: {' or '.join(ROOFS)}."},
    check=check,
    carry=carry,
)
