"""An action: asks the agency for people, once per order, as often as it may be told."""

from pathlib import Path

from django.conf import settings

from pipelines_app.exceptions import BadInput


def hire(order):
    """Puts an order into the agency's tray, unless it lies there."""
    tray = Path(settings.CITY_HALL) / "orders.txt"
    line = f"{order.key}: {order.parameters['agents']} agents for {order.topic}\n"
    if not tray.exists() or line not in tray.read_text():
        with tray.open("a") as file:
            file.write(line)
    return f"{order.parameters['agents']} agents ordered"


def check_hiring(params):
    """The agency has ten."""
    if not 1 <= params.get("agents", 0) <= 10:
        raise BadInput("agents must be 1 to 10", field="action_params")


hire.check = check_hiring
hire.describe = lambda params: f"orders {params['agents']} agents from the agency"
