"""Mails to those who may decide. A link opens the page; nothing is decided by following it."""

from datetime import timedelta

from django.contrib.auth import get_user_model
from django.core.mail import EmailMessage
from django.db.models import F, Q
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from pipelines_app import conf
from pipelines_app.cards.rejections import describe_rejected
from pipelines_app.core.counts import count_words
from pipelines_app.core.errands import find_wait
from pipelines_app.core.moments import to_moment
from pipelines_app.core.states import OPEN
from pipelines_app.core.telling import tell_in_full
from pipelines_app.core.track_records import tell_review
from pipelines_app.core.unless import tell_history
from pipelines_app.exceptions import Postponed
from pipelines_app.models import AuditHead, Errand
from pipelines_app.queries import (
    attach_records,
    find_reopening,
    is_visible,
    look,
    sight_of,
    tell_program,
    visible_to,
    why_not_decide,
)
from pipelines_app.queries.finding import find_rejections
from pipelines_app.services.errands.ends import settle
from pipelines_app.services.errands.plan import MAIL, claim, find_unheld, put_off

SPAN = timedelta(minutes=10)
MOST = 5  # mails to one person in that span; what comes beyond them becomes one
BEHIND = "it waits until earlier mails to the same person were taken"
SENT, HELD = "sent", f"more than {MOST} mails in ten minutes become one"
REASONS = {
    "new": "waits for your decision",
    "changed": "was changed and waits for your decision",
    "undone": "waits for your decision again, since an approval was undone",
    "reopened": "waits for your decision again: what its rejection waited for has come",
    "due": "still waits for your decision, and half of its time is over",
    "escalated": "still waits for a decision, and little of its time is left",
}


def send_mail(errand, now):
    """Sends one mail, together with what else waits for the same person where that is much.

    Postponed where the person has had as many mails as one reads; OSError of the mail server.
    """
    person = find_person(errand)
    if reason := tell_unwanted(errand, person, now):
        return f"not sent: {reason}"
    company, sent = list_company(errand, now), list_sent(errand, now)
    if len(sent) >= MOST:
        raise Postponed(HELD, until=sent[0] + SPAN)
    if len(company) < MOST - len(sent) and errand.error != HELD:
        company = []
    together = [errand, *filter(None, (claim(row.pk, now) for row in company))]
    wanted = [row for row in together if not tell_unwanted(row, person, now)]
    try:
        write_mail(person, wanted).send()
    except Exception as error:
        for row in together[1:]:
            later = now + timedelta(seconds=find_wait(row.attempts))
            put_off(row, later, str(error), attempts=row.attempts)
        raise
    for row in together[1:]:
        unwanted = tell_unwanted(row, person, now)
        settle(row, f"not sent: {unwanted}" if unwanted else f"told with #{errand.pipeline_id}", at=now)
    return SENT if len(wanted) == 1 else f"{SENT}, about {count_words(len(wanted), 'proposal')}"


def wait_for_mails(errand, now):
    """Why a mail waits: an earlier one to the same person was not taken yet, and is the one that is tried."""
    others = Errand.objects.filter(kind=MAIL, done_at=None, recipient__endswith=tail(errand))
    others = others.filter(version=F("pipeline__version"), pipeline__state__in=OPEN).exclude(pk=errand.pk)
    earlier = Q(claimed_until__gt=now) | Q(pk__lt=errand.pk, attempts__gt=0)
    return BEHIND if others.filter(earlier).exists() else ""


def find_person(errand):
    """Whom a mail is for, or None where the account is gone."""
    pk = errand.recipient.partition(":")[2]
    return get_user_model()._default_manager.filter(pk=pk, is_active=True).first()


def tell_unwanted(errand, person, now):
    """Why a mail is not to be sent, in words; empty where it is."""
    pipeline = errand.pipeline
    if person is None:
        return "the account is gone"
    if not getattr(person, "email", ""):
        return f"{person.get_username()} has no address"
    if not pipeline.is_open or pipeline.version != errand.version:
        return f"the proposal is {pipeline.standing}, version {pipeline.version}"
    if not is_visible(pipeline, person):
        return "the proposal is restricted to others"
    own = Q(by=person) | Q(instead_of=person)
    if pipeline.decisions.filter(own, version=errand.version).exists():
        return f"{person.get_username()} has voted"
    return why_not_decide(pipeline, person, now=now)


def list_company(errand, now):
    """The other mails that are due for the same person."""
    same = find_unheld(now).filter(kind=MAIL, due_at__lte=now, recipient__endswith=tail(errand))
    return same.exclude(pk=errand.pk).order_by("pk")


def list_sent(errand, now):
    """When the person got mails within the span, the earliest first."""
    sent = Errand.objects.filter(
        kind=MAIL, recipient__endswith=tail(errand), done_at__gt=now - SPAN, outcome__startswith=SENT
    )
    return list(sent.order_by("done_at").values_list("done_at", flat=True))


def tail(errand):
    """How all recipients of the same person end."""
    return f":{errand.recipient.partition(':')[2]}"


def write_mail(person, errands):
    """The mail about one or many errands."""
    pipelines = [look(errand.pipeline, sight_of(person)) for errand in errands]
    visible = visible_to(person)
    attach_records(pipelines, among=visible)
    rejections = find_rejections(pipelines, among=visible)
    told = [describe(errand, rejections.get(errand.pipeline_id)) for errand in errands]
    first = told[0]
    subject = f"{first['pipeline'].title}: {first['reason']}"
    if len(told) > 1:
        subject = f"{count_words(len(told), 'proposal waits', 'proposals wait')} for your decision"
    head = AuditHead.objects.filter(pk=1).first()
    context = {"told": told, "inbox": find_address("inbox"), "head": head}
    text = render_to_string("pipelines_app/mail.txt", context)
    headers = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
    # A line break in a subject would begin another header.
    return EmailMessage(" ".join(subject.split()), text, to=[person.email], headers=headers)


def describe(errand, rejection):
    """What a mail says of one proposal; ``rejection``: the last of the same, or of the same KPI, or None."""
    pipeline, history = errand.pipeline, tell_reopened(errand.pipeline)
    # What brought it back says already who had rejected it and why.
    rejected = (
        None
        if history
        else describe_rejected(pipeline, rejection, lambda at: tell_in_full(timezone.localtime(at)))
    )
    return {
        "pipeline": pipeline,
        "mark": tell_program(pipeline),
        "review": tell_review(pipeline.track_record),
        "reviewed": [find_address("pipeline_detail", case.id) for case in pipeline.track_record.review],
        "history": history or (rejected.sentence if rejected else ""),
        "reason": REASONS[errand.recipient.partition(":")[0]],
        "due": timezone.localtime(pipeline.due_at),
        "link": find_address("pipeline_detail", pipeline.pk),
    }


def tell_reopened(pipeline):
    """Who had rejected it unless what, and what has come; empty for what was not rejected before."""
    found = find_reopening(pipeline)
    if not found:
        return ""
    times = (to_moment(found[name]) for name in ("rejected_at", "at"))
    rejected, came = (f"on {tell_in_full(timezone.localtime(at))}" for at in times)
    return tell_history(found, rejected=rejected, came=came)


def find_address(name, *args):
    """The whole address of a page; empty without SITE_URL, or where the project has no such page."""
    site = conf.get("SITE_URL").rstrip("/")
    try:
        return site and f"{site}{reverse(name, args=args)}"
    except NoReverseMatch:
        return ""
