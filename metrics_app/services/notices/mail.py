"""A message as a mail: a subject that says it all, in plain text and in HTML."""

import re
import smtplib
from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.core.mail.utils import DNS_NAME
from django.core.validators import validate_email
from django.template.loader import render_to_string

from metrics_app import conf
from metrics_app.core.notices import flatten, write_subject
from metrics_app.core.receivers import Kind
from metrics_app.core.text.moments import write_in_full
from metrics_app.exceptions import DeliveryFailed

MOST = 50  # addresses of one receiver
SHOWN = 50  # notices that one mail sets out; of more it says how many
FOR_GOOD = 500  # SMTP replies from here on
REFERENCES = 20  # earlier mails that one mail names


def check_addresses(receiver):
    """Faults as ``(field, message)``."""
    if not 1 <= len(receiver.addresses) <= MOST:
        yield "addresses", f"write 1 to {MOST} mail addresses, one per line"
    for address in receiver.addresses[:MOST]:
        try:
            validate_email(address)
        except ValidationError:
            yield "addresses", f"{address!r:.100} is not a mail address"


def send_mail(receiver, message, facts, earlier):
    """Sends one mail to all addresses; how, in words. DeliveryFailed. ``earlier``: names of messages."""
    try:
        make_mail(receiver, message, facts, earlier).send()
    except (OSError, smtplib.SMTPException) as error:
        said = flatten(str(error)) or type(error).__name__
        raise DeliveryFailed(f"the mail was not taken: {said}", refused=is_refused(error)) from None
    return "mail"


def is_refused(error):
    """Whether a server refuses this very mail for good (5xx): all of its addresses, or its text."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= FOR_GOOD for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= FOR_GOOD


def make_mail(receiver, message, facts, earlier):
    """The mail; its headers let programs recognise repeats, lists and threads."""
    host = find_host()
    name = flatten(receiver.name)
    headers = {
        "Message-ID": f"<{message}@{host}>",
        "List-Id": f'"{re.sub(r"[^A-Za-z0-9 _.-]", "", name)}" <receiver-{receiver.pk}.notices.{host}>',
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }
    if earlier:
        # A recovery lies under the firing that it ends.
        headers["In-Reply-To"] = f"<{earlier[0]}@{host}>"
        headers["References"] = " ".join(f"<{one}@{host}>" for one in earlier[:REFERENCES])
    context = make_context(receiver, facts)
    text = render_to_string("metrics_app/notices/mail.txt", context)
    mail = EmailMultiAlternatives(write_subject(facts), text, to=receiver.addresses, headers=headers)
    mail.attach_alternative(render_to_string("metrics_app/notices/mail.html", context), "text/html")
    return mail


def make_context(receiver, facts):
    """What the templates write."""
    zone = ZoneInfo(receiver.zone)
    shown = [write_moments(fact, zone) for fact in facts[:SHOWN]]
    return {
        "receiver": flatten(receiver.name),
        "facts": shown,
        "more": max(0, len(facts) - SHOWN),
        "site": conf.get("SITE_URL").rstrip("/"),
    }


def write_moments(fact, zone):
    """A notice's facts with its times in a zone, and those of what it tells along."""
    before = [one | {"moment": write_moment(one["at"], zone)} for one in fact["before"]]
    return fact | {"moment": write_moment(fact["at"], zone), "before": before}


def write_moment(ms, zone):
    """A time in a zone, which it names: "2026-11-24 09:12:00 CET"."""
    return write_in_full(datetime.fromtimestamp(ms / 1000, zone))


def find_host():
    """The host name in ids: that of the site, else that of the machine."""
    return urlsplit(conf.get("SITE_URL")).hostname or str(DNS_NAME)


MAIL = Kind(
    name="mail",
    label="mail",
    asks={"addresses": "Mail addresses, one per line. Each of them sees the others."},
    check=check_addresses,
    carry=send_mail,
)
