"""Notes on the time axis: written by those who see the KPI, and every wording kept."""

import pytest
from django.contrib.auth.models import Group, User

from metrics_app import registry
from metrics_app.models import Kpi, Note, NoteChange
from metrics_app.queries import list_notes

pytestmark = pytest.mark.django_db
URL, TOPIC = "/api/v1/notes/", "complaint.latency"


@pytest.fixture
def kpi():
    registry.forget()
    return Kpi.objects.create(topic=TOPIC)


@pytest.fixture
def ada(client, kpi):
    user = User.objects.create_user("ada")
    client.force_login(user)
    return user


def write(client, **fields):
    body = {"topic": TOPIC, "text": "New form went live", "at": "2026-03-29T14:30:00+02:00"} | fields
    return client.post(URL, body, content_type="application/json")


def test_it_is_written_changed_and_deleted_and_each_wording_is_kept(client, ada):
    made = write(client)
    assert made.status_code == 201, made.content
    assert made.json()["at"] == 1774787400000 and made.json()["author"] == "ada"
    one = f"{URL}{made.json()['id']}/"
    changed = client.patch(one, {"text": "Newer form"}, content_type="application/json")
    assert changed.json()["text"] == "Newer form" and changed.json()["at"] == 1774787400000
    assert client.delete(one).status_code == 204
    assert client.get(one).status_code == 404 and client.get(URL).json()["count"] == 0
    rows = NoteChange.objects.values_list("action", "text", "by_name")
    assert list(rows) == [
        ("added", "New form went live", "ada"),
        ("changed", "Newer form", "ada"),
        ("deleted", "Newer form", "ada"),
    ]


def test_a_change_of_a_version_that_is_no_longer_the_present_one_is_refused(client, ada):
    made = write(client).json()
    one = f"{URL}{made['id']}/"
    assert (made["version"], made["changed_by"]) == (1, None)
    changed = client.patch(one, {"text": "Newer", "version": 1}, content_type="application/json")
    assert (changed.json()["version"], changed.json()["changed_by"]) == (2, "ada")
    stale = client.patch(one, {"text": "Mine", "version": 1}, content_type="application/json")
    assert stale.status_code == 409 and "ada changed this note meanwhile" in stale.content.decode()
    assert client.delete(f"{one}?version=1").status_code == 409
    assert client.get(one).json()["text"] == "Newer"
    for version in ("x", True, 1.5):
        refused = client.patch(one, {"version": version}, content_type="application/json")
        assert refused.status_code == 400 and refused.json()["errors"][0]["field"] == "version"
    assert client.delete(f"{one}?version=2").status_code == 204
    # What a program wrote past the service has no wording on record.
    row = Note.objects.create(topic=TOPIC, text="By hand", at=1_774_787_400_000)
    stale = client.patch(f"{URL}{row.pk}/", {"version": 1, "text": "x"}, content_type="application/json")
    assert stale.status_code == 409 and "Somebody changed this note meanwhile" in stale.content.decode()
    assert client.delete(f"{URL}{row.pk}/?version=1").status_code == 409


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"text": " "}, "text"),
        ({"text": None}, "text"),
        ({"text": "x" * 301}, "text"),
        ({"text": "a\x00b"}, "text"),
        ({"at": "soon"}, "at"),
        ({"at": 4_102_444_800_000}, "at"),
        ({"until": "2026-03-29T12:29:00Z"}, "until"),
        ({"topic": "no.such"}, "topic"),
        ({"topic": 7}, "topic"),
        ({"tekst": "x"}, "tekst"),
        ({"author": "bob"}, "author"),
    ],
)
def test_it_refuses_by_name(client, ada, fields, field):
    response = write(client, **fields)
    assert response.status_code == 400, response.content
    assert response.json()["errors"][0]["field"] == field and not Note.objects.exists()


def test_keys_read_and_do_not_write(client, ada, bearer):
    write(client)
    client.logout()
    assert client.get(URL).status_code == 401
    assert client.get(URL, headers=bearer("read")).json()["count"] == 1
    assert client.post(URL, {}, headers=bearer("read")).status_code == 403


def test_a_restricted_kpi_shows_and_takes_notes_of_its_group_only(client, ada, kpi):
    made = write(client).json()
    group = Group.objects.create(name="owners")
    Kpi.objects.update(restricted=True, owner=group)
    registry.forget()
    assert client.get(URL).json()["count"] == 0
    assert client.get(f"{URL}{made['id']}/").status_code == 404
    assert client.delete(f"{URL}{made['id']}/").status_code == 404
    refused, unknown = write(client).json(), write(client, topic="no.such").json()
    assert refused == unknown
    ada.groups.add(group)
    assert client.get(URL).json()["count"] == 1


def test_a_note_of_a_span_is_found_by_every_moment_of_it(client, ada):
    write(client, at=1774787400000, until=1774791000000)
    write(client, at=1774787400000, text="A moment")
    texts = [note.text for note in list_notes(TOPIC, 1774789000000, 1774789100000)]
    assert texts == ["New form went live"]
    assert len(list_notes(TOPIC, 1774787400000, 1774787400000)) == 2
