"""Each night the audit chain is read from its beginning: who should hear of an edit need not ask for it."""

import logging

from django.contrib.auth import get_user_model
from django.core.mail import EmailMessage

from pipelines_app import conf
from pipelines_app.services.verify import tell_count, verify_audit

logger = logging.getLogger(__name__)

NAMED = 20  # faults in one mail and in one line of the log
HELP = """
Somebody with access to the database edited what was decided, or a restore brought back an older state.
`manage.py verify_audit` names every fault; `manage.py export_audit` writes what the chain says.
"""


def watch_audit():
    """Verifies the chain, logs the outcome with its head, and mails what was found; the Report.

    The line of a night is a copy of the head outside of the database, as ``verify_audit --head`` takes it.
    """
    report = verify_audit()
    if not report.faults:
        # As loud as what is wrong: a head that no log keeps proves nothing later.
        logger.warning("Audit chain verified: %s. It ends with %s", tell_count(report), report.head)
        return report
    named = "; ".join(report.faults[:NAMED])
    logger.error("Audit chain: %s. It ends with %s. %s", tell_count(report), report.head, named)
    mail_faults(report)
    return report


def mail_faults(report):
    """One mail to those who may see all that a fault can name."""
    to = sorted(person.email for person in list_auditors())
    if not to:
        logger.error("Nobody was told of it: no active superuser has a mail address.")
        return
    named = [f"- {fault}" for fault in report.faults[:NAMED]]
    if len(report.faults) > NAMED:
        named.append(f"- and {len(report.faults) - NAMED:,} more")
    place = f"\n{conf.get('SITE_URL')}" if conf.get("SITE_URL") else ""
    text = "\n".join(
        [f"{tell_count(report)}:", "", *named, HELP, f"The chain ends with {report.head}.{place}"]
    )
    # Apart, so that nobody reads the addresses of others.
    for address in to:
        try:
            EmailMessage(f"The audit chain was edited: {tell_count(report)}", text, to=[address]).send()
        # Backends have errors of their own; the others are told all the same.
        except Exception:
            logger.exception("The mail of it to %s was not sent", address)


def list_auditors():
    """Active superusers with a mail address."""
    return get_user_model()._default_manager.filter(is_active=True, is_superuser=True).exclude(email="")
