"""A kind of receiver that is not ours is offered, asked for its faults, and carries."""

import pytest

from metrics_app.core.receivers import Kind
from metrics_app.exceptions import BadInput, DeliveryFailed
from metrics_app.models import Notice, Receiver
from metrics_app.services.notices import send_notices
from metrics_app.services.notices.kinds import list_kinds
from tests.metrics_app.telling import happen, later, make_receiver, open_breach, told

pytestmark = pytest.mark.django_db
calls = []


def check(receiver):
    if receiver.addresses != ["roof"]:
        yield "addresses", f"{receiver.addresses} is not where a siren hangs: write roof"


def carry(receiver, message, facts, earlier):
    calls.append((receiver.name, message, [fact["summary"] for fact in facts], earlier))
    if len(calls) == 1:
        raise DeliveryFailed("hoarse")
    return "siren"


SIREN = Kind(name="siren", label="siren", asks={"addresses": "Where it hangs."}, check=check, carry=carry)


@pytest.fixture
def siren(settings):
    """The project names it."""
    calls.clear()
    settings.METRICS_APP = settings.METRICS_APP | {"RECEIVER_KINDS": [f"{__name__}.SIREN"]}


def test_its_faults_are_told_like_those_of_ours(siren):
    with pytest.raises(BadInput) as caught:
        make_receiver(kind="siren", addresses=["cellar"])
    assert [error["field"] for error in caught.value.errors] == ["addresses"]
    with pytest.raises(BadInput, match="'gong' is not one of mail, webhook, siren"):
        make_receiver(kind="gong")


def test_it_carries_through_the_drain_tried_again_and_after_what_it_told_before(base, siren):
    make_receiver(kind="siren", addresses=["roof"])
    breach = open_breach(fired_at=base)
    happen(breach)
    assert send_notices() == 0 and Notice.objects.get().error == "hoarse"
    assert send_notices(now=later(seconds=6)) == 1
    happen(breach, "recovered", at=base + 60_000)
    assert send_notices(now=later(seconds=7)) == 1
    (_, first, said, _), (_, again, _, earlier), (_, other, _, after) = calls
    assert first == again != other and (earlier, after) == ([], [first])
    assert said == ["■ Beyond limit: complaint.latency 53 h (limit 48 h)"]
    assert told(breach)[0] == "Duty officers told by siren: beyond limit"


def test_what_the_settings_no_longer_name_is_said_to_be_missing(base, siren, settings):
    make_receiver(kind="siren", addresses=["roof"])
    settings.METRICS_APP = settings.METRICS_APP | {"RECEIVER_KINDS": []}
    happen(open_breach(fired_at=base))
    assert send_notices() == 0 and not calls
    assert Receiver.objects.get().fault == "the settings name no kind of receiver 'siren'"


def test_one_of_the_project_may_take_the_place_of_one_of_ours(settings):
    settings.METRICS_APP = settings.METRICS_APP | {"RECEIVER_KINDS": [f"{__name__}.MAIL"]}
    assert list(list_kinds()) == ["mail", "webhook"] and list_kinds()["mail"] is MAIL


MAIL = Kind(name="mail", label="our mail", asks={}, check=check, carry=carry)
