"""A message as a signed request, to a webhook of the settings."""

import json
import time
from datetime import UTC, datetime

from metrics_app import webhooks
from metrics_app.core.receivers import Kind
from metrics_app.core.webhooks import sign
from metrics_app.exceptions import BadInput, DeliveryFailed
from metrics_app.models import Notice


def check_webhook(receiver):
    """Faults as ``(field, message)``."""
    if receiver.webhook not in webhooks.list_webhooks():
        known = ", ".join(webhooks.list_webhooks()) or "none yet: METRICS_APP['WEBHOOKS'] is empty"
        yield "webhook", f"{receiver.webhook!r:.50} is no webhook of the settings ({known})"


def name_webhook(receiver):
    """Where it goes, in words."""
    return f"webhook {receiver.webhook}"


def call_webhook(receiver, message, facts, earlier):
    """Posts notices to a webhook of the settings, signed; how, in words. DeliveryFailed."""
    try:
        webhook = webhooks.find_webhook(receiver.webhook)
    except BadInput as error:
        raise DeliveryFailed(f"WEBHOOKS {receiver.webhook!r} cannot be used: {error}") from None
    if webhook is None:
        raise DeliveryFailed(f"the settings name no webhook {receiver.webhook!r}")
    timestamp = int(time.time())
    body = write_body(receiver, facts, timestamp)
    headers = sign(webhook.secrets, f"msg_{message.hex}", timestamp, body)
    headers |= {"Content-Type": "application/json", "User-Agent": "hms-gov-metrics"}
    webhooks.post(webhook.url, body, headers)
    return name_webhook(receiver)


def write_body(receiver, facts, timestamp):
    """The payload in bytes, in the form of Standard Webhooks: type, timestamp, data."""
    kind = "metrics.test" if any(fact["event"] == Notice.Event.TEST for fact in facts) else "metrics.notices"
    moment = datetime.fromtimestamp(timestamp, UTC).isoformat().replace("+00:00", "Z")
    data = {"receiver": receiver.name, "notices": facts}
    return json.dumps({"type": kind, "timestamp": moment, "data": data}, ensure_ascii=False).encode()


WEBHOOK = Kind(
    name="webhook",
    label="signed webhook",
    asks={"webhook": "The site's settings say which there are, with address and secret."},
    check=check_webhook,
    carry=call_webhook,
    place=name_webhook,
)
