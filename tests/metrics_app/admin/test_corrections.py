import pytest
from django.contrib.auth.models import Permission, User

from metrics_app.models import Correction, Kpi

pytestmark = pytest.mark.django_db
URL = "/admin/metrics_app/correction/"
FORM = {
    "topic": "er.wait",
    "reason": "a test",
    "begin": "2026-03-01 14:05",
    "until": "2026-03-01 14:07",
}


@pytest.fixture
def analyst(client):
    Kpi.objects.create(topic="er.wait")
    user = User.objects.create_user("ann", is_staff=True)
    for name in ("correct_history", "view_correction"):
        user.user_permissions.add(Permission.objects.get(codename=name))
    client.force_login(user)
    return user


def test_it_voids_with_its_author_and_restores_by_an_action(client, analyst):
    assert client.post(f"{URL}add/", FORM).status_code == 302
    row = Correction.objects.get()
    assert (row.author, row.end - row.start) == (analyst, 120_000)
    client.post(URL, {"action": "restore_spans", "_selected_action": row.pk, "reason": "it was real"})
    row.refresh_from_db()
    assert (row.restored_by, row.restore_reason) == (analyst, "it was real")


def test_nothing_is_restored_without_a_reason(client, analyst):
    client.post(f"{URL}add/", FORM)
    row = Correction.objects.get()
    action = {"action": "restore_spans", "_selected_action": row.pk, "reason": " "}
    assert "needs a reason" in client.post(URL, action, follow=True).content.decode()
    row.refresh_from_db()
    assert row.restored_by is None


def test_list_and_page_show_the_span_who_when_and_why(client, analyst):
    client.post(f"{URL}add/", FORM)
    row = Correction.objects.get()
    action = {"action": "restore_spans", "_selected_action": row.pk, "reason": "it was real"}
    client.post(URL, action)
    for address in (URL, f"{URL}{row.pk}/change/"):
        page = client.get(address).content.decode()
        for told in ("2026-03-01 14:05 UTC", "2026-03-01 14:07 UTC", "a test", "ann", "it was real"):
            assert told in page, (address, told)
    assert "Begin" not in client.get(f"{URL}{row.pk}/change/").content.decode()


def test_it_says_how_many_points_a_span_takes_out(client, analyst):
    page = client.post(f"{URL}add/", FORM, follow=True).content.decode()
    assert "takes no point of er.wait out of the figures" in page


def test_it_says_what_is_wrong(client, analyst):
    assert "not after" in client.post(f"{URL}add/", FORM | {"until": "2026-03-01 14:00"}).content.decode()
    assert "in the future" in client.post(f"{URL}add/", FORM | {"until": "2090-01-01 00:00"}).content.decode()
    assert "has no points" in client.post(f"{URL}add/", FORM | {"topic": "er.wiat"}).content.decode()
    assert "is not a topic" in client.post(f"{URL}add/", FORM | {"topic": "Er Wait"}).content.decode()
    assert not Correction.objects.exists()


def test_nothing_is_changed_or_deleted(client, analyst):
    client.post(f"{URL}add/", FORM)
    row = Correction.objects.get()
    assert client.post(f"{URL}{row.pk}/change/", FORM | {"reason": "other"}).status_code == 403
    assert client.post(f"{URL}{row.pk}/delete/", {"post": "yes"}).status_code == 403


def test_its_times_are_utc_for_readers_of_every_zone(client, analyst):
    client.cookies["timezone"] = "Europe/Berlin"
    # In Berlin this hour never came.
    client.post(f"{URL}add/", FORM | {"begin": "2026-03-29 02:05", "until": "2026-03-29 02:07"})
    row = Correction.objects.get()
    assert row.start == 1_774_749_900_000
    assert "2026-03-29 02:05 UTC" in client.get(URL).content.decode()
