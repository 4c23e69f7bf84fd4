"""Delegations over HTTP: one's own seat, for people who decide, with the words of the page."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from pipelines_app.core.moments import to_ms
from pipelines_app.models import Delegation
from pipelines_app.services.verify import verify_audit

pytestmark = pytest.mark.django_db
PAGE = "/api/v1/delegations/"
DAY = timedelta(days=1)


def enter(user):
    """A client with the person's session."""
    client = APIClient()
    client.force_login(user)
    return client


def write(to="bea", *, start=-DAY, end=DAY, **more):
    """A body around now."""
    now = timezone.now()
    return {"to": to, "starts_at": to_ms(now + start), "ends_at": (now + end).isoformat()} | more


def test_a_seat_is_lent_listed_and_taken_back(approver, second):
    client, other = enter(approver), enter(second)
    made = client.post(PAGE, write(), format="json")
    assert made.status_code == 201
    row = made.json()
    assert (row["giver"], row["receiver"], row["touched"]) == ("ada", "bea", "")
    assert row["ends_at"] - row["starts_at"] == pytest.approx(2 * DAY.total_seconds() * 1000, abs=1)
    for caller in (client, other):
        assert [one["id"] for one in caller.get(PAGE).json()["results"]] == [row["id"]]
    # Whoever borrowed it cannot end it: it is not theirs.
    assert other.delete(f"{PAGE}{row['id']}/").status_code == 404
    again = client.post(PAGE, write(), format="json")
    assert again.status_code == 400 and again.json()["errors"][0]["field"] == "starts_at"
    assert "bea decides for you already" in again.json()["errors"][0]["message"]
    for _ in range(2):
        assert client.delete(f"{PAGE}{row['id']}/").status_code == 200
    assert client.get(PAGE).json()["count"] == 0 and verify_audit().faults == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"to": "nobody"}, "to"),
        ({"to": "ada"}, "to"),
        ({"to": 7}, "to"),
        ({"starts_at": "2026-03-01"}, "starts_at"),
        ({"starts_at": 1_732_390_000}, "starts_at"),
        ({"ends_at": "9999-12-31T23:59:59-14:00"}, "ends_at"),
        ({"ends_at": True}, "ends_at"),
        ({"ends_at": "2026-01-01T00:00:00Z"}, "ends_at"),
        ({"reason": "holiday"}, "reason"),
    ],
)
def test_a_bad_body_names_its_field_and_lends_nothing(approver, second, body, field):
    refused = enter(approver).post(PAGE, write(**body), format="json")
    assert refused.status_code == 400 and refused.json()["errors"][0]["field"] == field
    assert not Delegation.objects.exists()


def test_it_is_for_people_who_decide(approver, second, outsider, make_key):
    assert enter(outsider).get(PAGE).status_code == 403
    assert enter(outsider).post(PAGE, write(), format="json").status_code == 403
    assert APIClient().get(PAGE).status_code == 401
    key = make_key("read", "propose")
    assert key.client.get(PAGE, **key.headers).status_code == 403
    assert not Delegation.objects.exists()
