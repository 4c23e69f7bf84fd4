"""An action: asks the agency for people."""

from pathlib import Path

from django.conf import settings


def hire(pipeline, agents):
    """Puts an order into the agency's tray."""
    with (Path(settings.CITY_HALL) / "orders.txt").open("a") as file:
        file.write(f"#{pipeline.pk}: {agents} agents\n")
