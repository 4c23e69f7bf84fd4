"""Whoever may not see a restricted KPI finds nothing of it at any address, nor that it is there.

``pytest -s tests/test_every_door.py`` prints who gets what at each of them. The addresses are those
of the URL resolver: a new one is walked by itself.
"""

import re
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from metrics_app.admin.visible import VisibleAdmin
from metrics_app.models import ApiKey, Breach, Correction, Kpi, Note, Notice, Receiver, Silence
from metrics_app.registry import forget
from metrics_app.services.keys import create_key, revoke_key
from pipelines_app.services import propose
from tests.doors import list_patterns
from tests.metrics_app.watching import make_threshold, send

# Its questions of SQL are those of the tests of each door.
pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.any_database]

TOPIC, OPEN = "quoll.numbat", "er.wait"
ABSENT = {"topic": "quoll.nobody", "id": 987_654}
# Words and a figure that stand in nothing else. A topic that was asked for is repeated in answers.
MARKS = (
    "numbat",
    "Zebrafink",
    "wombat",
    "dugong",
    "okapi",
    "axolotl",
    "pangolin",
    "48127",
    "48,127",
    "kakapo",
)
# Pages of Django and of the scheduler: whoever may change accounts may make themselves a superuser.
FOREIGN = re.compile("auth_|django_celery_beat_")
NO_TOPIC = re.compile("policy|delegation|stopswitch")  # rows that belong to no topic
EXEMPT = {
    "jsi18n": "words of Django's own forms",
    "logout": "ends the session of the walker",
    "view_on_site": "redirects to pages of models that have none here",
    None: "redirects of Django's admin to its own addresses",
}
PEOPLE = ("anonymous", "member", "outsider", "staff", "superuser")
KEYS = ("emit", "read with group", "read", "read of topics", "propose", "partner", "revoked")
SEES = {"member", "superuser", "read with group"}
OWN_RULE = {
    "pipelines_app.pipeline": "asks pipelines_app.queries.visible_to",
    "pipelines_app.policy": "belongs to no topic: it says who decides on patterns of topics",
    "pipelines_app.delegation": "belongs to no topic",
    "pipelines_app.stopswitch": "belongs to no topic",
}


@pytest.fixture
def world():
    """A restricted KPI with one of everything, an open one beside it, and who may look."""
    group = Group.objects.create(name="owners")
    people, now = make_people(group), time.time_ns() // 1_000_000
    kpi = Kpi.objects.create(topic=TOPIC, name="Zebrafink", unit="count", owner=group, restricted=True)
    Kpi.objects.create(topic=OPEN, name="Wait")
    forget()
    send((now - 60_000, 48_127.0), topic=TOPIC)
    rule = make_threshold(TOPIC, now=now, limit=48_127, unit="count", name="axolotl", suggestion="axolotl")
    end = timezone.now() + timedelta(days=1)
    breach = Breach.objects.create(
        threshold=rule, version=1, since=now, fired_at=now, value=48_127, outcome="pangolin"
    )
    breach.timeline.create(at=now, kind="fired", text="pangolin")
    receiver = Receiver.objects.create(name="kakapo", addresses=["a@example.org"], group=group)
    key, _ = create_key(name="kakapo", scopes=["emit"], topics=[TOPIC], by=people["superuser"])
    ids = {
        "kpi": kpi.pk,
        "threshold": rule.pk,
        "breach": breach.pk,
        "note": Note.objects.create(topic=TOPIC, at=now, text="wombat").pk,
        "correction": Correction.objects.create(
            topic=TOPIC,
            start=now - 7_200_000,
            end=now - 3_600_000,
            reason="dugong",
            author=people["superuser"],
        ).pk,
        "silence": Silence.objects.create(topic=TOPIC, ends_at=end, reason="okapi").pk,
        "receiver": receiver.pk,
        "notice": Notice.objects.create(
            receiver=receiver, breach=breach, event="firing", at=now, text="pangolin"
        ).pk,
        "apikey": key.pk,
        "pipeline": propose(title="axolotl", suggestion="axolotl", topic=TOPIC, restricted_to=group)[0].pk,
    }
    LogEntry.objects.create(
        user=people["staff"],
        content_type=ContentType.objects.get_for_model(Kpi),
        object_id=str(kpi.pk),
        object_repr="Zebrafink",
        action_flag=CHANGE,
    )
    return SimpleNamespace(ids=ids, group=group, people=people, visitors=make_visitors(people, group))


def make_people(group):
    """``{name: User}``; staff holds every permission on our models, and may not change accounts."""
    people = {name: User.objects.create_user(name) for name in ("member", "outsider")}
    people["staff"] = User.objects.create_user("staff", is_staff=True)
    people["superuser"] = User.objects.create_superuser("superuser")
    ours = Q(content_type__app_label="metrics_app") | Q(content_type__app_label="pipelines_app")
    people["staff"].user_permissions.set(Permission.objects.filter(ours))
    people["member"].groups.add(group)
    return people


def make_visitors(people, group):
    """``{name: Client}`` of all twelve."""
    visitors = {"anonymous": Client()}
    for name, user in people.items():
        visitors[name] = Client()
        visitors[name].force_login(user)
    wanted = {
        "emit": {"scopes": ["emit"]},
        "read with group": {"scopes": ["read"], "group": group},
        "read": {"scopes": ["read"]},
        "read of topics": {"scopes": ["read"], "topics": [OPEN]},
        "propose": {"scopes": ["propose"]},
        "partner": {"scopes": ["partner"], "topics": [TOPIC]},
        "revoked": {"scopes": ["read"], "group": group},
    }
    for name, options in wanted.items():
        key, raw = create_key(name=name, **options)
        visitors[name] = Client(headers={"Authorization": f"Bearer {raw}"})
        if name == "revoked":
            revoke_key(key)
    # Their names tell no topic; that of a partner's list is the partner's own.
    ApiKey.objects.filter(name="partner").update(group=group)
    return visitors


def list_walked():
    """The patterns that are walked."""
    return [one for one in list_patterns() if one.name not in EXEMPT and not FOREIGN.match(one.name or "")]


def find_kind(name):
    """Of which of our rows an address speaks."""
    if name == "explain":
        return "threshold"
    for kind in (
        "threshold",
        "breach",
        "correction",
        "silence",
        "receiver",
        "notice",
        "apikey",
        "pipeline",
        "note",
    ):
        if kind in name:
            return kind
    return "kpi"


def find_urls(pattern, ids):
    """``(the address of what is restricted, the same of what is not there)``; twice one without a part."""
    admin_name = pattern.callback.__module__.startswith("django.contrib.admin") or "_app_" in pattern.name
    name = f"admin:{pattern.name}" if admin_name or pattern.name in ADMIN_OWN else pattern.name
    given = {"topic": TOPIC, "file": "day.csv", "app_label": "metrics_app"}
    number = ids.get(find_kind(pattern.name), 1)
    wanted = pattern.pattern.converters or {}
    there = {part: given.get(part, number) for part in wanted}
    absent = {part: ABSENT["topic"] if part == "topic" else given.get(part, ABSENT["id"]) for part in wanted}
    if pattern.name == "app_list":
        there = absent = {"app_label": "metrics_app"}
    return reverse(name, kwargs=there), reverse(name, kwargs=absent)


ADMIN_OWN = {"index", "password_change", "password_change_done", "autocomplete", "app_list"}
QUERIES = {
    "autocomplete": "?app_label=metrics_app&model_name=threshold&field_name=kpi&term=",
    "tiles": f"?topic={TOPIC}",
    "note_list": f"?topic={TOPIC}",
    "threshold_list": f"?topic={TOPIC}",
    "correction_list": f"?topic={TOPIC}",
}


def knock(client, url):
    """``(status, text, marks in it)``; the text without what differs from one answer to the next."""
    response = client.get(url)
    body = b"".join(response.streaming_content) if response.streaming else response.content
    text = f"{response.get('Location', '')} {body.decode(errors='replace')}"
    text = re.sub(r'(csrfmiddlewaretoken" value|nonce)="[^"]*"|data-field="clock">[^<]*', "", text)
    # The admin says in a message on the next page that there is no such row.
    client.cookies.pop("messages", None)
    return (
        response.status_code,
        text,
        [mark for mark in MARKS if mark in (text.replace(TOPIC, "") if TOPIC in url else text)],
    )


def is_answered_alike(client, absent, there, told):
    """Whether what is not there is answered as ``told``, but for the name that was asked for."""
    status, text, _ = knock(client, absent)
    for one, other in zip(absent.split("/"), there.split("/"), strict=True):
        text = text.replace(one, other) if one != other else text
    return (status, text) == told


def walk(world):
    """``{address: {visitor: (status, marks, whether what is not there is answered alike)}}``."""
    found = {}
    for pattern in list_walked():
        there, absent = find_urls(pattern, world.ids)
        there += QUERIES.get(pattern.name, "")
        takes_keys = "api" in pattern.callback.__module__ or pattern.name in ("prometheus", "schema")
        cells = found[f"{pattern.name} {pattern.pattern}"] = {}
        for name, client in world.visitors.items():
            if name in KEYS and not takes_keys:
                continue  # sessions only: a key is nobody there, as the anonymous one
            status, text, marks = knock(client, there)
            alike = True
            hides = there != absent and not (QUERIES.get(pattern.name) or NO_TOPIC.search(pattern.name))
            if hides and name not in SEES:
                alike = is_answered_alike(client, absent, there, (status, text))
            cells[name] = status, marks, alike
    return found


def write_table(found):
    """Persons and keys across, addresses down; ``*`` where something restricted is shown."""
    names = [*PEOPLE, *KEYS]
    lines = [f"{'door':70}" + " ".join(f"{name[:9]:>9}" for name in names)]
    for door, cells in found.items():
        told = [f"{cells[n][0]}{'*' if cells[n][1] else ''}" if n in cells else "·" for n in names]
        lines.append(f"{door[:69]:70}" + " ".join(f"{one:>9}" for one in told))
    return "\n".join([*lines, f"{len(found)} doors, {len(names)} visitors"])


def test_no_address_tells_others_of_it_nor_that_it_is_there(world):
    found = walk(world)
    print("\n" + write_table(found))
    assert len(found) > 120
    told = [
        (door, name, status, marks)
        for door, cells in found.items()
        for name, (status, marks, _) in cells.items()
        if marks and name not in SEES
    ]
    assert told == []
    differ = [(door, name) for door, cells in found.items() for name, cell in cells.items() if not cell[2]]
    assert not differ, differ
    broken = [(door, name) for door, cells in found.items() for name, cell in cells.items() if cell[0] >= 500]
    assert [one for one in broken if not one[0].startswith("readyz")] == []
    # The walk would see it: who may see the KPI meets its name at many doors.
    assert sum(bool(cells["member"][1]) for cells in found.values()) > 15
    assert sum(bool(cells["superuser"][1]) for cells in found.values()) > 40
    assert sum(bool(cells.get("read with group", (0, []))[1]) for cells in found.values()) > 10


def test_every_page_of_the_admin_asks_the_rule():
    for model, its_admin in admin.site._registry.items():
        label = model._meta.label_lower
        if label.startswith("metrics_app."):
            assert isinstance(its_admin, VisibleAdmin), label
            assert (
                hasattr(its_admin, "topic_path") or type(its_admin).limit_rows is not VisibleAdmin.limit_rows
            )
        elif label.startswith("pipelines_app."):
            assert label in OWN_RULE


def test_staff_outside_can_neither_take_it_nor_end_nor_void_nor_watch_it(world):
    client, ids = world.visitors["staff"], world.ids
    kpi, before = Kpi.objects.get(topic=TOPIC), ApiKey.objects.count()
    form = {"name": "spy", "scopes": ["read"], "group": world.group.pk, "connections": 5}
    assert "Select a valid choice" in client.post("/admin/metrics_app/apikey/add/", form).content.decode()
    assert ApiKey.objects.count() == before
    rule = {"kpi": kpi.pk, "aggregate": "mean", "window": "30 min", "operator": "gt", "limit": "5"}
    answer = client.post("/admin/metrics_app/threshold/add/", rule).content.decode()
    assert "Select a valid choice" in answer and kpi.thresholds.count() == 1
    spoken = {"_selected_action": ids["silence"], "action": "end_now"}
    client.post("/admin/metrics_app/silence/", spoken)
    assert Silence.objects.get().ends_at > timezone.now()
    client.post(
        "/admin/metrics_app/correction/",
        {"_selected_action": ids["correction"], "action": "restore_spans", "reason": "x"},
    )
    assert Correction.objects.get().restored_at is None
    client.post(f"/admin/metrics_app/kpi/{kpi.pk}/change/", {"topic": TOPIC, "direction": "lower"})
    kpi.refresh_from_db()
    assert kpi.owner == world.group and kpi.restricted


def test_staff_outside_cannot_take_an_open_kpi_from_its_group(world):
    Kpi.objects.filter(topic=OPEN).update(owner=world.group)
    mine = Group.objects.create(name="mine")
    world.people["staff"].groups.add(mine)
    kpi = Kpi.objects.get(topic=OPEN)
    wanted = {"direction": "lower", "aggregate": "mean", "window": "30 min", "name": "New"}
    url = f"/admin/metrics_app/kpi/{kpi.pk}/change/"
    world.visitors["staff"].post(url, wanted | {"owner": mine.pk, "restricted": "on"})
    kpi.refresh_from_db()
    assert (kpi.name, kpi.owner, kpi.restricted) == ("New", world.group, False)


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("/api/v1/thresholds/", {"aggregate": "mean", "window": 60, "operator": "gt", "limit": 1}),
        ("/api/v1/notes/", {"text": "x"}),
        ("/api/v1/silences/", {"ends_at": "2999-01-01T00:00:00Z", "reason": "x"}),
        ("/api/v1/corrections/", {"start": -7200, "end": -3600, "reason": "x"}),
    ],
)
def test_what_is_written_on_it_is_answered_as_where_there_is_none(world, url, body):
    answers = [
        world.visitors["staff"].post(url, body | {"topic": topic}, content_type="application/json")
        for topic in (TOPIC, ABSENT["topic"])
    ]
    assert [one.status_code for one in answers] == [400, 400]
    assert answers[0].content.replace(TOPIC.encode(), b"") == answers[1].content.replace(
        ABSENT["topic"].encode(), b""
    )


def test_a_name_that_is_somebody_elses_is_told_of_in_one_sentence(world, caplog):
    client = world.visitors["staff"]
    form = {"direction": "lower", "aggregate": "mean", "window": "30 min"}
    Kpi.objects.create(topic="quoll.was", owner=world.group, restricted=True).delete()
    told = [
        client.post("/admin/metrics_app/kpi/add/", form | {"topic": topic}).content.decode()
        for topic in (TOPIC, "quoll.was")
    ]
    for topic, page in zip((TOPIC, "quoll.was"), told, strict=True):
        assert f"{topic} cannot be used: choose another name." in page and "exists" not in page
        assert f"staff asked for a KPI under a name that is not theirs: {topic}" in caplog.text
    imported = client.post("/admin/metrics_app/threshold/import/", {"text": f"kpis: {{{TOPIC}: {{}}}}"})
    assert f"kpis.{TOPIC}: cannot be used: choose another name" in imported.content.decode()
    assert Kpi.objects.count() == 2
    create_key(name="okapi", scopes=["read"], group=world.group)
    made = client.post("/admin/metrics_app/apikey/add/", {"name": "okapi", "scopes": ["read"], "topics": ""})
    assert "was made already" not in made.content.decode()
    receiver = {"name": "kakapo", "kind": "mail", "addresses": "a@example.org", "group_wait": "30 s"}
    receiver |= {"severities": ["warning"], "events": ["firing"], "zone": "UTC"}
    page = client.post("/admin/metrics_app/receiver/add/", receiver).content.decode()
    assert "This name cannot be used: choose another name." in page


def test_who_may_send_points_learns_nothing_of_it(world):
    answers = [
        world.visitors["emit"].post("/api/v1/points/", {"topic": topic}, content_type="application/json")
        for topic in (TOPIC, ABSENT["topic"])
    ]
    assert {(one.status_code, one.content) for one in answers} == {(202, b'{"accepted":1}')}


def test_what_it_was_stays_hidden_once_it_is_deleted_and_when_it_comes_again(world):
    Kpi.objects.filter(topic=TOPIC).delete()
    urls = [f"/api/v1/kpis/{TOPIC}/stats/", f"/api/v1/notes/?topic={TOPIC}", f"/api/v1/kpis/{TOPIC}/series/"]
    for name in ("outsider", "staff", "read", "read of topics", "partner"):
        for url in urls:
            assert knock(world.visitors[name], url)[2] == []
    assert "48127" in knock(world.visitors["member"], urls[0])[1]
    assert "wombat" in knock(world.visitors["read with group"], urls[1])[1]
    send((time.time_ns() // 1_000_000, 5.0), topic=TOPIC)
    again = Kpi.objects.filter(topic=TOPIC).first() or Kpi.objects.create(topic=TOPIC)
    assert again.restricted and again.owner == world.group
    Kpi.objects.filter(topic=TOPIC).update(restricted=False)
    forget()
    assert "48127" in knock(world.visitors["outsider"], urls[0])[1]
