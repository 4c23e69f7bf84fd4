"""Whoever may not see a restricted KPI finds nothing of it at any address, nor that it is there.

``pytest -s tests/test_every_door.py`` prints who gets what at each of them. The addresses are those
of the URL resolver: a new one is walked by itself.
"""

import re
import time

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.utils import timezone

from metrics_app.admin.visible import VisibleAdmin
from metrics_app.models import ApiKey, Correction, Kpi, Silence
from metrics_app.registry import forget
from metrics_app.services.keys import create_key
from tests.metrics_app.watching import send
from tests.visiting import (
    ABSENT,
    KEYS,
    MARKS,
    NO_TOPIC,
    OPEN,
    PEOPLE,
    SEES,
    TOPIC,
    find_urls,
    list_walked,
    make_world,
)

# Its questions of SQL are those of the tests of each door.
pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.any_database]

OWN_RULE = {
    "pipelines_app.pipeline": "asks pipelines_app.queries.visible_to",
    "pipelines_app.policy": "asks pipelines_app.queries.sight for every topic that it names",
    "pipelines_app.delegation": "belongs to no topic",
    "pipelines_app.stopswitch": "belongs to no topic",
}


@pytest.fixture
def world():
    """A restricted KPI with one of everything, an open one beside it, and who may look."""
    return make_world()


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
    text = re.sub(r'(csrfmiddlewaretoken" value|nonce|name="now" content|data-now)="[^"]*"', "", text)
    text = re.sub(r'data-field="clock">[^<]*', "", text)
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


def find_loose_dots(text):
    """The lines of a page in which a dot joins nothing: a part of a line was empty."""
    text = re.sub(r"<(script|style|template)\b.*?</\1>", "", text, flags=re.DOTALL)
    text = re.sub(r"</?(a|b|code|em|kbd|small|span|strong)\b[^>]*>", "", text)
    return [line.strip() for line in re.split(r"<[^>]*>", text) if re.search(r"·\s*(·|$)|^\s*·", line)]


def walk(world):
    """``{address: {visitor: (status, marks, whether what is not there is answered alike)}}``."""
    found, loose = {}, {}
    for pattern in list_walked():
        there, absent = find_urls(pattern, world.ids)
        there += QUERIES.get(pattern.name, "")
        takes_keys = "api" in pattern.callback.__module__ or pattern.name in ("prometheus", "schema")
        cells = found[f"{pattern.name} {pattern.pattern}"] = {}
        for name, client in world.visitors.items():
            if name in KEYS and not takes_keys:
                continue  # sessions only: a key is nobody there, as the anonymous one
            status, text, marks = knock(client, there)
            if "<html" in text and (dots := find_loose_dots(text)):
                loose[there, name] = dots
            alike = True
            hides = there != absent and not (QUERIES.get(pattern.name) or NO_TOPIC.search(pattern.name))
            if hides and name not in SEES:
                alike = is_answered_alike(client, absent, there, (status, text))
            cells[name] = status, marks, alike
    assert loose == {}
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


def test_a_policy_that_names_it_is_refused_as_where_there_is_none(world):
    address, form = (
        "/admin/pipelines_app/policy/add/",
        {"name": "P", "rank": 1, "topics": "er.*", "quorum": 1},
    )
    form |= {"decide_within": 3600, "settle_hours": 24, "span_weeks": 1}
    for fields in ({"guardrails": "{} quoll.other"}, {"topics": "{}"}):
        pages = []
        for topic in (TOPIC, ABSENT["topic"]):
            sent = form | {name: value.format(topic) for name, value in fields.items()}
            page = world.visitors["staff"].post(address, sent)
            pages.append([str(one).replace(topic, "") for one in page.context["errors"]])
        assert pages[0] == pages[1] and "is no KPI" in pages[0][0], pages
    taken = world.visitors["staff"].post(address, form | {"name": "pangolin"}).content.decode()
    assert "This name cannot be used" in taken
    assert world.visitors["superuser"].post(address, form | {"guardrails": TOPIC}).status_code == 302


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
    assert "48127" not in knock(world.visitors["member"], urls[0])[1], "what is deleted is not there"
    assert "wombat" in knock(world.visitors["read with group"], urls[1])[1]
    send((time.time_ns() // 1_000_000, 5.0), topic=TOPIC)
    again = Kpi.objects.filter(topic=TOPIC).first() or Kpi.objects.create(topic=TOPIC)
    assert again.restricted and again.owner == world.group
    Kpi.objects.filter(topic=TOPIC).update(restricted=False)
    forget()
    assert "48127" in knock(world.visitors["outsider"], urls[0])[1]
