"""A receiver is saved whole or not at all, every fault at its field."""

import pytest

from metrics_app.exceptions import BadInput
from metrics_app.models import Receiver
from metrics_app.services.notices import save_receiver
from tests.metrics_app.telling import make_receiver

pytestmark = pytest.mark.django_db


def test_every_fault_is_named_and_nothing_is_saved():
    wrong = Receiver(
        name="two\nlines",
        kind="pigeon",
        severities=["dire"],
        events=[],
        topics=["No Topic"],
        zone="Nowhere",
        group_wait=9_999,
        repeat_after=1,
    )
    with pytest.raises(BadInput) as caught:
        save_receiver(wrong, by=None)
    assert [error["field"] for error in caught.value.errors] == [
        *("name", "kind", "severities", "events", "topics", "zone", "group_wait", "repeat_after")
    ]
    assert "'pigeon' is not one of mail, webhook" in str(caught.value)
    assert not Receiver.objects.exists()


def test_an_address_that_is_named_twice_gets_one_mail():
    assert make_receiver(addresses=["a@example.org", "b@example.org", "a@example.org"]).addresses == [
        "a@example.org",
        "b@example.org",
    ]


@pytest.mark.parametrize("address", ["a@example.org\r\nBcc: b@example.org", "a@", "A <a@example.org>", ""])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(BadInput, match="is not a mail address"):
        make_receiver(addresses=[address])
