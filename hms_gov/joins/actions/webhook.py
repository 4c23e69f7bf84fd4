"""An action that posts a signed request to a receiver of notices, by its name.

Signature, secrets, checked addresses and no redirects are those of notices; the secret and the
address stand in the settings.
"""

import json
import logging
import time
from datetime import UTC, datetime

from metrics_app import webhooks
from metrics_app.core.webhooks import sign
from metrics_app.exceptions import BadInput as BadSetting
from metrics_app.exceptions import DeliveryFailed
from metrics_app.models import Receiver
from pipelines_app.core.fields import check_known, shorten
from pipelines_app.exceptions import BadInput, Impossible

logger = logging.getLogger(__name__)


def call_webhook(order):
    """Posts ``{"receiver", "data"}``, with the order's key as ``webhook-id``; how, in words.

    Signed as Standard Webhooks has it. An answer in 4xx is final, but for those that mean "later".
    """
    try:
        webhook = find_webhook(order.parameters)
    except BadInput as error:
        # There when it was approved, and no longer.
        raise Impossible(str(error)) from None
    timestamp = int(time.time())
    body = write_body(order, timestamp)
    headers = sign(webhook.secrets, order.key, timestamp, body)
    headers |= {"Content-Type": "application/json", "User-Agent": "hms-gov-metrics"}
    name = f"webhook {order.parameters['receiver']}"
    try:
        webhooks.post(webhook.url, body, headers)
    except DeliveryFailed as error:
        raise translate(error, name) from None
    return name


def translate(error, name):
    """What to raise for a delivery that failed; addresses of machines stay in the log."""
    if error.status is None:
        logger.warning("The %s failed: %s", name, error)
        return DeliveryFailed(f"the {name} could not be reached")
    if error.refused:
        return Impossible(f"the {name} {error}")
    return DeliveryFailed(f"the {name} {error}", retry_after=error.retry_after, status=error.status)


def write_body(order, timestamp):
    """The payload in bytes, in the form of Standard Webhooks: type, timestamp, data."""
    moment = datetime.fromtimestamp(timestamp, UTC).isoformat().replace("+00:00", "Z")
    data = {
        "key": order.key,
        "proposal": order.proposal,
        "version": order.version,
        "title": order.title,
        "topic": order.topic,
        "data": order.parameters.get("data", {}),
    }
    order = {"type": "pipelines.order", "timestamp": moment, "data": data}
    return json.dumps(order, ensure_ascii=False).encode()


def find_webhook(params):
    """The Webhook behind the receiver of that name; BadInput for one that cannot be used."""
    name = params["receiver"]
    receiver = Receiver.objects.filter(name=name, kind="webhook", enabled=True).first()
    if receiver is None:
        known = Receiver.objects.filter(kind="webhook", enabled=True).values_list("name", flat=True)
        told = ", ".join(known) or "none"
        raise BadInput(
            f"{shorten(name)} is no receiver of webhooks that is enabled; known are: {told}",
            field="action_params",
        )
    try:
        webhook = webhooks.find_webhook(receiver.webhook)
    except BadSetting as error:
        raise BadInput(
            f"WEBHOOKS {receiver.webhook!r} cannot be used: {error}", field="action_params"
        ) from None
    if webhook is None:
        raise BadInput(f"the settings name no webhook {receiver.webhook!r}", field="action_params")
    return webhook


def check_webhook(params):
    """BadInput for a receiver that does not exist, or data that is no object."""
    check_known(params, required=("receiver",), optional=("data",))
    if not isinstance(params["receiver"], str):
        raise BadInput("receiver must be the name of a receiver of webhooks", field="action_params")
    if not isinstance(params.get("data", {}), dict):
        raise BadInput("data must be a JSON object; it is sent as it is", field="action_params")
    find_webhook(params)


def describe_webhook(params):
    """Which receiver, and with what."""
    data = params.get("data")
    return f"sends the webhook {params['receiver']}" + (
        f" with {json.dumps(data, ensure_ascii=False)}" if data else ""
    )


def name_lane(params):
    """Its receiver, which gets its orders one after the other."""
    return f"the webhook {params['receiver']}"


call_webhook.check = check_webhook
call_webhook.lane = name_lane
call_webhook.describe = describe_webhook
