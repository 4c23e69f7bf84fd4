"""An action that writes a mail, to people whom the settings allow."""

import smtplib
from email.utils import make_msgid

from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email

from pipelines_app import conf
from pipelines_app.core.fields import check_known, check_text, shorten
from pipelines_app.exceptions import BadInput, Impossible

MOST = 20  # recipients of one mail


def send_mail(order):
    """Sends ``{"to", "subject", "text"}``; how, in words.

    A crash before it is noted repeats the mail: its ``Message-ID`` is made of the order's key, so
    that programs of mail recognise it.
    """
    try:
        check_mail(order.parameters)
    except BadInput as error:
        # Allowed when it was approved, and no longer.
        raise Impossible(str(error)) from None
    recipients = list_recipients(order.parameters)
    host = make_msgid().rpartition("@")[2].rstrip(">")
    headers = {"Message-ID": f"<{order.key.replace(':', '.')}@{host}>", "Auto-Submitted": "auto-generated"}
    subject = order.parameters.get("subject") or order.title
    mail = EmailMessage(" ".join(subject.split()), order.parameters["text"], to=recipients, headers=headers)
    try:
        mail.send()
    except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
        if is_final(error):
            raise Impossible(f"the mail server refused it: {error}") from None
        raise
    return f"mail to {', '.join(recipients)}"


def is_final(error):
    """Whether a server's refusal is for good (5xx), and not "later" (4xx)."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return error.smtp_code >= 500


def check_mail(params):
    """BadInput for what is no mail, or goes to somebody the settings do not allow."""
    check_known(params, required=("to", "text"), optional=("subject",))
    check_text(params["text"], field="action_params", limit=5000)
    check_text(params.get("subject", ""), field="action_params", limit=200, required=False)
    recipients = list_recipients(params)
    if not 1 <= len(recipients) <= MOST:
        raise BadInput(f"to must name 1 to {MOST} mail addresses", field="action_params")
    for address in recipients:
        check_recipient(address)


def check_recipient(address):
    """BadInput unless it is a mail address that ``ACTION_RECIPIENTS`` has, itself or by its ``@domain``."""
    try:
        validate_email(address if isinstance(address, str) else "")
    except ValidationError:
        raise BadInput(f"{shorten(address)} is not a mail address", field="action_params") from None
    allowed = [one.lower() for one in conf.get("ACTION_RECIPIENTS")]
    address = address.lower()
    if address not in allowed and f"@{address.rpartition('@')[2]}" not in allowed:
        known = ", ".join(allowed) or "nobody"
        raise BadInput(
            f"mail to {shorten(address)} is not allowed: ACTION_RECIPIENTS allows {known}",
            field="action_params",
        )


def list_recipients(params):
    """The addresses of ``to``, which is a text or a list of texts."""
    to = params["to"]
    return [to] if isinstance(to, str) else to if isinstance(to, list) else []


def describe_mail(params):
    """Whom it writes to."""
    return f"mails {', '.join(map(str, list_recipients(params)))}"


def name_lane(params):
    """Whom it writes to: mails to the same people go one after the other."""
    return f"the mail addresses {', '.join(sorted(map(str, list_recipients(params))))}"


send_mail.check = check_mail
send_mail.lane = name_lane
send_mail.describe = describe_mail
