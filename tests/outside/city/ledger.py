"""A handler of breaches: the council wants each of them in its ledger."""

from pathlib import Path

from django.conf import settings


def enter(breach):
    """Writes a line; what came of it, in words."""
    with (Path(settings.CITY_HALL) / "ledger.txt").open("a") as file:
        file.write(f"{breach.pk} {breach.threshold.kpi.topic} {breach.value:g}\n")
    return "entered in the ledger"
