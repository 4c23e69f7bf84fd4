"""Mail as an action: only to whom the settings allow, and recognisable when it comes twice."""

import smtplib

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from pipelines_app.actions.mail import check_mail, describe_mail, send_mail
from pipelines_app.core.orders import Order
from pipelines_app.exceptions import BadInput, Impossible

MAIL = {"to": ["hr@example.org"], "text": "Please hire 2 temp agents."}
FAULTS = {
    "nobody": smtplib.SMTPRecipientsRefused({"hr@example.org": (550, b"no such user")}),
    "full": smtplib.SMTPRecipientsRefused({"hr@example.org": (452, b"mailbox full")}),
    "never": smtplib.SMTPDataError(554, b"refused"),
    "later": smtplib.SMTPDataError(451, b"try later"),
    "away": ConnectionRefusedError(),
}


class Refusing(EmailBackend):
    """A mail server that refuses."""

    fault = None

    def send_messages(self, messages):
        raise self.fault


@pytest.fixture(autouse=True)
def allowed(settings):
    settings.PIPELINES_APP = settings.PIPELINES_APP | {
        "ACTION_RECIPIENTS": ["hr@example.org", "@city.example"]
    }


def test_it_writes_to_whom_the_settings_allow_under_a_name_made_of_the_key():
    order = Order(proposal=12, version=3, title="Response time\nbreach", parameters=MAIL)
    assert send_mail(order) == "mail to hr@example.org" == send_mail(order)
    first, again = mail.outbox
    assert (first.to, first.subject, first.body) == (["hr@example.org"], "Response time breach", MAIL["text"])
    assert first.extra_headers["Message-ID"].startswith("<pipeline.12.3@")
    assert first.extra_headers == again.extra_headers


@pytest.mark.parametrize("to", ["HR@example.org", ["anna@City.example", "hr@example.org"]])
def test_it_takes_an_address_or_a_list_by_address_or_domain(to):
    check_mail(MAIL | {"to": to})


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"to": "out@example.org", "text": "x"}, "ACTION_RECIPIENTS allows hr@example.org, @city.example"),
        ({"to": "hr@sub.city.example", "text": "x"}, "not allowed"),
        ({"to": "hr", "text": "x"}, "is not a mail address"),
        ({"to": "hr@example.org\nBcc: out@example.org", "text": "x"}, "is not a mail address"),
        ({"to": [], "text": "x"}, "1 to 20 mail addresses"),
        ({"to": 5, "text": "x"}, "1 to 20 mail addresses"),
        ({"to": [5], "text": "x"}, "is not a mail address"),
        ({"to": ["hr@example.org"] * 21, "text": "x"}, "1 to 20 mail addresses"),
        ({"to": "hr@example.org", "text": " "}, "is required"),
        ({"to": "hr@example.org"}, "text is required"),
        ({"to": "hr@example.org", "text": "x", "bcc": "out@example.org"}, "unknown field"),
    ],
)
def test_it_refuses_what_is_no_mail_or_not_allowed(params, said):
    with pytest.raises(BadInput, match=said):
        check_mail(params)


def test_nobody_is_allowed_before_the_settings_say_so(settings):
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"ACTION_RECIPIENTS": []}
    with pytest.raises(Impossible, match="ACTION_RECIPIENTS allows nobody"):
        send_mail(Order(proposal=1, version=1, title="T", parameters=MAIL))
    assert not mail.outbox


@pytest.mark.parametrize(("fault", "final"), [("nobody", True), ("never", True), ("full", False),
                                              ("later", False), ("away", False)])  # fmt: skip
def test_it_gives_up_what_the_server_refuses_for_good_and_no_more(settings, monkeypatch, fault, final):
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    monkeypatch.setattr(Refusing, "fault", FAULTS[fault])
    with pytest.raises(Impossible if final else type(FAULTS[fault])):
        send_mail(Order(proposal=1, version=1, title="T", parameters=MAIL))


def test_it_says_to_whom():
    assert describe_mail(MAIL) == "mails hr@example.org"
