"""How a message travels: one function per kind of receiver."""

import json
import time
from datetime import UTC, datetime

from metrics_app import webhooks
from metrics_app.core.webhooks import sign
from metrics_app.exceptions import BadInput, DeliveryFailed
from metrics_app.models import Notice, Receiver
from metrics_app.services.notices.facts import describe_notices
from metrics_app.services.notices.mail import send_mail


def carry(receiver, message, rows, earlier):
    """Sends notices as one message; how, in words. DeliveryFailed.

    ``message`` names it through all attempts; ``earlier``: notices of the same breaches.
    """
    facts = describe_notices(rows)
    if receiver.kind == Receiver.Kind.MAIL:
        names = [row.message for row in earlier if row.outcome == Notice.Outcome.SENT]
        return send_mail(receiver, message, facts, list(dict.fromkeys(names)))
    return call_webhook(receiver, message, facts)


def call_webhook(receiver, message, facts):
    """Posts notices to a webhook of the settings, signed."""
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
    return f"webhook {receiver.webhook}"


def write_body(receiver, facts, timestamp):
    """The payload in bytes, in the form of Standard Webhooks: type, timestamp, data."""
    kind = "metrics.test" if any(fact["event"] == Notice.Event.TEST for fact in facts) else "metrics.notices"
    moment = datetime.fromtimestamp(timestamp, UTC).isoformat().replace("+00:00", "Z")
    data = {"receiver": receiver.name, "notices": facts}
    return json.dumps({"type": kind, "timestamp": moment, "data": data}, ensure_ascii=False).encode()
