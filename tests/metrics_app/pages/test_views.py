"""The pages about KPIs: who sees what, and in words."""

import re
import time

import pytest
from django.contrib.auth.models import Group, User

from metrics_app import queries
from metrics_app.collector import collect_all
from metrics_app.connection import get_redis, key
from metrics_app.models import Kpi, ThresholdState
from metrics_app.queries.worked import EVALUATOR, name_hash
from metrics_app.registry import forget
from tests.metrics_app.watching import HOUR, TOPIC, make_threshold, send

pytestmark = pytest.mark.django_db
PAGES = ["/", "/tiles/", "/live/", f"/kpis/{TOPIC}/", f"/kpis/{TOPIC}/live/"]


@pytest.fixture
def reader(client):
    """A logged-in person without any permission."""
    user = User.objects.create_user("out")
    client.force_login(user)
    return user


@pytest.fixture
def measured():
    """The worked example with points and its rule, beyond its limit."""
    now = time.time_ns() // 1_000_000
    Kpi.objects.create(topic=TOPIC, name="Response time", unit="seconds")
    Kpi.objects.create(topic="complaint.received", aggregate="rate_per_hour", window=3600)
    send((now - 2000, 50 * HOUR), (now - 1000, 54 * HOUR))
    rule = make_threshold(now=now)
    ThresholdState.objects.update_or_create(threshold=rule, defaults={"state": "firing"})
    forget()
    return rule


@pytest.mark.parametrize("path", PAGES)
def test_it_asks_for_a_log_in_first(client, path):
    response = client.get(path)
    assert response.status_code == 302
    assert response.url.startswith("/accounts/login/?next=")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_answers_and_none_is_cached(client, reader, measured, path):
    response = client.get(path)
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert "script-src" not in response["Content-Security-Policy"]
    assert "default-src 'self'" in response["Content-Security-Policy"]


def test_the_overview_says_the_state_without_a_script(client, reader, measured):
    text = client.get("/").content.decode()
    assert (
        '<span id="headline">The one watched KPI is beyond its limit · 1 is watched by no limit</span></h1>'
        in text
    )
    for words in ("Response time", "2 d 4 h", "Beyond limit", "limit 48 h", "Since "):
        assert words in text


def test_no_page_carries_an_inline_script_or_style(client, reader, measured):
    for path in ("/", f"/kpis/{TOPIC}/"):
        text = client.get(path).content.decode()
        assert " style=" not in text
        assert "<style" not in text
        assert " onclick=" not in text
        assert text.count("<script") == text.count("<script src=") + text.count('<script type="module" src=')


def test_an_empty_overview_says_what_to_do_next(client, reader):
    collect_all()
    text = client.get("/").content.decode()
    assert "No KPI to see yet" in text
    assert "manage.py emit complaint.received" in text


def test_tiles_come_for_the_topics_asked_for(client, reader, measured):
    data = client.get("/tiles/", {"topic": TOPIC}).json()
    assert [tile["topic"] for tile in data["tiles"]] == [TOPIC]
    assert data["headline"] == "The one watched KPI is beyond its limit · 1 is watched by no limit"
    assert data["through"] <= data["now"]
    assert client.get("/tiles/", {"topic": "no.such"}).json()["tiles"] == []


def test_the_head_of_every_page_hears_when_somebody_last_judged(client, reader, measured):
    """What it says of that, and when it turns, is in ``stream.js``."""
    for path in PAGES:
        for at in (1_000_000, None):
            if at is None:
                get_redis().hdel(name_hash(), EVALUATOR)
            else:
                get_redis().hset(name_hash(), EVALUATOR, at)
            response = client.get(path)
            if response["Content-Type"] == "application/json":
                assert response.json()["judged"] == at
            else:
                assert re.search(r'data-live="/live/"', response.content.decode())


def test_a_page_says_no_time_of_1970_where_nothing_was_ever_counted(client, reader, measured):
    for shard in queries.collected_through():
        get_redis().hdel(key(shard, "meta"), "through")
    text = client.get("/").content.decode()
    assert '<span class="standstill">Figures stand still · </span>' in text and "1970" not in text
    assert client.get("/live/").json()["through"] == 0


def test_a_restricted_kpi_is_shown_to_its_group_only(client, reader, measured):
    group = Group.objects.create(name="air quality")
    Kpi.objects.filter(topic=TOPIC).update(restricted=True, owner=group)
    forget()
    assert client.get(f"/kpis/{TOPIC}/").status_code == 404
    assert client.get(f"/kpis/{TOPIC}/live/").status_code == 404
    assert TOPIC not in client.get("/").content.decode()
    assert client.get("/tiles/", {"topic": TOPIC}).json()["tiles"] == []
    reader.groups.add(group)
    assert client.get(f"/kpis/{TOPIC}/").status_code == 200


def test_the_page_of_a_kpi_has_figures_a_table_and_its_rules(client, reader, measured):
    text = client.get(f"/kpis/{TOPIC}/").content.decode()
    for words in (
        "2 d 4 h",
        "median",
        "95 % are at or below",
        "Window ends",
        "then it proposes “Hire 2 temp agents”",
    ):
        assert words in text


def test_times_are_in_the_zone_the_browser_named(client, reader, measured):
    client.cookies["timezone"] = "America/New_York"
    assert "EST" in client.get("/").content.decode() or "EDT" in client.get("/").content.decode()
    client.cookies["timezone"] = "../../etc/passwd"
    assert "UTC" in client.get("/").content.decode()


@pytest.mark.parametrize("path", ["/", f"/kpis/{TOPIC}/"])
def test_without_redis_a_page_says_so_and_not_where_it_is(client, reader, settings, measured, path):
    settings.METRICS_APP = {**settings.METRICS_APP, "REDIS_URL": "redis://:secret@127.0.0.1:1/0"}
    response = client.get(path)
    assert response.status_code == 503
    text = response.content.decode()
    assert "Redis does not answer." in text
    assert "127.0.0.1" not in text and "secret" not in text


def test_without_redis_a_script_gets_json(client, reader, settings, measured):
    settings.METRICS_APP = {**settings.METRICS_APP, "REDIS_URL": "redis://127.0.0.1:1/0"}
    response = client.get("/tiles/", headers={"Accept": "application/json"})
    assert response.status_code == 503
    assert response.json()["errors"][0]["message"] == "Redis does not answer."


def test_what_a_kpi_is_called_cannot_bring_markup(client, reader, measured):
    Kpi.objects.filter(topic=TOPIC).update(name="<script>alert(1)</script>", unit='"><b>')
    forget()
    for path in ("/", f"/kpis/{TOPIC}/"):
        text = client.get(path).content.decode()
        assert "<script>alert" not in text
        assert '"><b>' not in text


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("", {TOPIC, "complaint.received"}),
        ("q=response", {TOPIC}),
        ("state=firing", {TOPIC}),
        ("state=silent", {"complaint.received"}),
        ("state=ok", set()),
        ("state=bogus&q=", {TOPIC, "complaint.received"}),
    ],
)
@pytest.mark.parametrize("per_page", [60, 1])
def test_the_filters_in_the_address_leave_what_fits(
    client, reader, measured, monkeypatch, query, left, per_page
):
    monkeypatch.setattr("metrics_app.pages.views.PER_PAGE", per_page)
    monkeypatch.setattr("metrics_app.pages.overviews.PER_PAGE", per_page)
    shown = set()
    for page in (1, 2):
        text = client.get(f"/?{query}&page={page}").content.decode()
        shown |= {topic for topic in (TOPIC, "complaint.received") if f'data-topic="{topic}">' in text}
        assert ("No KPI fits" in text.partition('id="nothing" hidden')[0]) or left
    assert shown == left


def test_groups_stand_under_their_first_word(client, reader, measured):
    Kpi.objects.create(topic="er.wait")
    forget()
    text = client.get("/?group=1").content.decode()
    assert text.count('<h2 class="group">') == 2
    assert text.index(">complaint</h2>") < text.index(f'data-topic="{TOPIC}"') < text.index(">er</h2>")


def test_the_explanation_of_a_rule_of_seconds_is_told_to_the_second(client, reader):
    now = time.time_ns() // 1_000_000
    rule = make_threshold(now=now, window=10, name="Ten seconds")
    text = client.get(f"/thresholds/{rule.pk}/explain/").content.decode()
    heading = text.partition("<h1>")[2].partition("</h1>")[0]
    assert "Why “Ten seconds” was within limit" in heading and re.search(r"at \d\d:\d\d:\d\d <", heading)
    calm = make_threshold(now=now, name="Half an hour")
    text = client.get(f"/thresholds/{calm.pk}/explain/").content.decode()
    assert re.search(r"at \d\d:\d\d <", text.partition("<h1>")[2].partition("</h1>")[0])


@pytest.mark.parametrize("query", ["", "wall=1"])
def test_one_beyond_its_limit_is_on_the_first_page_of_many(client, reader, measured, monkeypatch, query):
    monkeypatch.setattr("metrics_app.pages.views.PER_PAGE", 2)
    monkeypatch.setattr("metrics_app.pages.overviews.PER_PAGE", 2)
    for topic in ("a.first", "a.second", "a.third"):
        Kpi.objects.create(topic=topic)
    forget()
    text = client.get(f"/?{query}").content.decode()
    first, last = text.index(f'data-topic="{TOPIC}">'), text.index('data-topic="a.first">')
    assert first < last and "beyond limit first" in text
    assert re.search(r">2 of 5 KPIs<", text)
    assert f'data-topic="{TOPIC}">' not in client.get("/?group=1").content.decode()


def test_a_wall_begins_with_the_worst_state(client, reader, measured):
    Kpi.objects.create(topic="a.quiet")
    forget()
    ThresholdState.objects.update(state="pending")
    order = r'class="tile [\w ]+" data-topic="([\w.]+)"'
    on_wall = re.findall(order, client.get("/?wall=1").content.decode())
    assert on_wall[0] == TOPIC and set(on_wall[1:]) == {"a.quiet", "complaint.received"}
    assert re.findall(order, client.get("/").content.decode())[0] == "a.quiet"
