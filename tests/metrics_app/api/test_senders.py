"""What a request says of its sender: a wrong clock moves and loses no point, losses are told once."""

import json
import time

import pytest

from metrics_app import client as module
from metrics_app import clock, emitters, outgoing
from metrics_app.client import Client
from metrics_app.collector import collect_all
from metrics_app.connection import get_redis
from metrics_app.models import ApiKey
from metrics_app.queries import stats
from metrics_app.services.record import record_rows
from metrics_app.transport import HttpTransport, Refused

pytestmark = pytest.mark.django_db

URL = "/api/v1/points/"


@pytest.fixture(autouse=True)
def notes(monkeypatch):
    """Each test notes by itself."""
    monkeypatch.setattr(emitters, "_noted", {})


@pytest.fixture
def post(client, bearer):
    """Posts points with a key of scope ``emit``; ``HMS_Clock`` and the like are headers."""
    key = bearer("emit")

    def post(body, **headers):
        named = {name.replace("_", "-"): str(value) for name, value in headers.items()}
        return client.post(URL, json.dumps(body), content_type="application/json", headers=key | named)

    return post


@pytest.fixture
def at(monkeypatch):
    """The moment (ms) that the server takes for now, however long the test takes."""
    at = now()
    monkeypatch.setattr(clock, "now_ms", lambda: at)
    return at


def now():
    return time.time_ns() // 1_000_000


def last_time(topic):
    """The time of a topic's last point once everything has been collected, and how many there are."""
    collect_all()
    found = stats(topic, 3600)
    return found["last_point_at"], found["count"]


@pytest.mark.parametrize("ahead", [8_000, -8_000, 40_000_000_000, -700_000_000_000])
def test_times_by_a_clock_that_is_off_are_corrected_and_the_answer_says_so(post, at, ahead):
    body = [{"topic": "a", "ts": at + ahead - 2_000}, {"topic": "a", "ts": at + ahead}, {"topic": "a"}]
    answer = post(body, HMS_Clock=at + ahead)
    assert answer.status_code == 202
    assert answer.json() == {"accepted": 3, "skew": ahead / 1000}
    assert last_time("a") == (at, 3)


def test_times_by_a_clock_that_is_right_stay_as_they_are(post, at):
    answer = post({"topic": "a", "ts": at - 1_234}, HMS_Clock=at + 3_000)
    assert answer.json() == {"accepted": 1} and last_time("a") == (at - 1_234, 1)
    assert not emitters.read_skews()


@pytest.mark.parametrize(("said", "known", "skew"), [(-9_000, 0, 0), (-1_000, 8_000, 8), (8_000, -60_000, 8)])
def test_a_request_that_was_long_on_its_way_is_no_clock_that_is_behind(post, at, said, known, skew):
    answer = post({"topic": "a", "ts": at + said}, HMS_Clock=at + said, HMS_Skew=known)
    assert answer.json() == {"accepted": 1} | ({"skew": skew} if skew else {})
    assert answer["HMS-Clock"] == str(at) and bool(emitters.read_skews()) == bool(skew)
    assert last_time("a") == (at + said - skew * 1000, 1)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("HMS_Clock", "now"),
        ("HMS_Clock", "1732390000"),
        ("HMS_Clock", "9" * 15),
        ("HMS_Clock", "-1"),
        ("HMS_Skew", "soon"),
        ("HMS_Skew", "-" + "1" * 15),
        ("HMS_Dropped", "-1"),
        ("HMS_Dropped", "1e3"),
        ("HMS_Dropped", str(10**9 + 1)),
    ],
)
def test_a_header_that_is_no_number_is_refused_by_name(post, name, text):
    answer = post({"topic": "a"}, **{name: text})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == name.replace("_", "-")


def test_a_time_before_all_others_once_corrected_is_refused(post, at):
    answer = post({"topic": "a", "ts": 946_684_800_001}, HMS_Clock=at + 8_000)
    assert answer.status_code == 400 and "before 2000-01-01" in answer.json()["errors"][0]["message"]


def test_a_resend_with_a_clock_that_went_on_counts_once(post, at):
    body = [{"topic": "a", "ts": at + 8_000}, {"topic": "b", "ts": at + 8_000}]
    for later in (0, 3, 700):
        answer = post(body, HMS_Clock=at + 8_000 + later, Idempotency_Key="one", HMS_Dropped=7)
        assert answer.status_code == 202 and answer.json()["accepted"] == 2
    assert (last_time("a")[1], last_time("b")[1]) == (1, 1)
    assert list(emitters.read_dropped().values()) == [7]
    assert post({"topic": "a"}, Idempotency_Key="two", HMS_Dropped=2).status_code == 202
    assert list(emitters.read_dropped().values()) == [9]


def test_a_repeat_that_meets_a_server_whose_clock_is_behind_counts_once_and_is_not_refused(
    post, at, monkeypatch
):
    body = [{"topic": "a", "ts": at + 6_000}, {"topic": "b", "ts": at}]
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now_ms", lambda: at + 4_000)
        assert post(body, Idempotency_Key="one").status_code == 202
    assert post(body, Idempotency_Key="one").json() == {"accepted": 2}
    assert last_time("b") == (at, 1)
    refused = post(body, Idempotency_Key="two")
    assert (refused.status_code, refused.json()["refused"]) == (400, [0])
    assert post([{"topic": "a", "ts": at + 6_001}], Idempotency_Key="one").status_code == 400


def test_a_refusal_names_every_faulty_point_and_the_rest_can_be_sent(post, at):
    body = [{"topic": "a", "ts": at + 60_000 * (index % 2)} for index in range(300)]
    answer = post(body)
    found = answer.json()
    assert answer.status_code == 400 and len(found["errors"]) == 100
    assert found["refused"] == list(range(1, 300, 2))
    assert post(body[::2]).json() == {"accepted": 150} and last_time("a")[1] == 150
    # Of a single point and of what is no batch there is nothing to name.
    assert "refused" not in post({"topic": "a", "ts": at + 60_000}).json()


def test_a_clock_that_is_off_is_told_on_the_page_of_its_key_and_in_metrics(post, at, admin_client, bearer):
    page = f"/admin/metrics_app/apikey/{ApiKey.objects.get().pk}/change/"
    assert "Never seen more than 5 s off." in admin_client.get(page).content.decode()
    assert post({"topic": "a", "ts": at}, HMS_Clock=at + 8_000, HMS_Dropped=1_200).status_code == 202
    shown = admin_client.get(page).content.decode()
    assert "8 s ahead, last seen" in shown and "its times are corrected" in shown and "1,200" in shown
    [label] = [f'{{key="{key.pk}",name="{key.name}"}}' for key in ApiKey.objects.all()]
    told = admin_client.get("/metrics", headers=bearer("read")).content.decode()
    assert f"hms_emitter_dropped_total{label} 1200.0" in told
    assert f"hms_emitter_skew_seconds{label} 8.0" in told
    assert 'hms_emitter_skew_seconds{key="0",name="the project itself"} 0.0' in told


def test_a_clock_that_says_nothing_of_itself_is_known_by_times_that_are_ahead(post, at, admin_client):
    assert post({"topic": "a", "ts": at + 9_000}).status_code == 400
    [key] = ApiKey.objects.all()
    shown = admin_client.get(f"/admin/metrics_app/apikey/{key.pk}/change/").content.decode()
    assert "points that were ahead were refused" in shown
    assert emitters.read_skews() == {key.pk: emitters.Skew(9_000, at, False)}


def test_a_year_ahead_is_no_clock(post, at):
    assert post({"topic": "a", "ts": at + 365 * 86_400_000}).status_code == 400
    assert not emitters.read_skews()


def test_a_key_that_does_not_emit_has_no_clock_on_its_page(admin_client, bearer):
    bearer("read")
    page = admin_client.get(f"/admin/metrics_app/apikey/{ApiKey.objects.get().pk}/change/").content.decode()
    assert "sender" not in page


@pytest.mark.parametrize("ahead", [60_000, -60_000])
def test_the_python_client_on_a_clock_that_is_off_loses_nothing_and_hears_of_it(
    live_server, make_key, at, monkeypatch, caplog, ahead
):
    base = outgoing.find_base
    sender = Client(HttpTransport(live_server.url, make_key("emit")))
    monkeypatch.setattr(outgoing, "find_base", lambda: base() + ahead * 1_000_000)
    for _ in range(100):
        sender.emit("a")
    sender.emit("b", ts=at + max(ahead, 0))
    assert sender.flush(60) and (sender.sent, sender.dropped) == (101, 0)
    sender.transport.close()
    last, count = last_time("a")
    assert count == 100 and abs(last - at) < 40_000
    last, count = last_time("b")
    assert count == 1 and abs(last - at) < 40_000
    assert caplog.text.count(f"{'ahead of' if ahead > 0 else 'behind'} the server's") == 1


def test_the_projects_own_points_go_by_redis_where_the_machines_clock_is_off(monkeypatch):
    at = now()
    monkeypatch.setattr(clock, "_looks", {})
    monkeypatch.setattr(clock, "compare", lambda known: 9_000)
    assert at - 9_000 <= clock.now_ms() < now()
    batch = outgoing.Outgoing([("a", 1, at)], outgoing.find_base())
    batch.dropped = 3
    for _ in range(2):
        record_rows(batch, "one")
    assert last_time("a") == (at - 9_000, 1)
    assert emitters.read_dropped() == {emitters.OWN: 3}
    assert emitters.read_skews()[emitters.OWN].ms == 9_000


def test_a_clock_that_is_about_right_is_used_as_it_is_and_compared_again_when_it_was_set(monkeypatch, caplog):
    asked, found = [], [1_000, 60_000]
    monkeypatch.setattr(clock, "_looks", {})
    monkeypatch.setattr(clock, "compare", lambda known: asked.append(known) or found[len(asked) - 1])
    # Not by how long the test takes.
    monkeypatch.setattr(clock, "LOOK_EVERY", 10**6)
    assert (clock.find_skew(), clock.find_skew(), asked) == (0, 0, [0])
    real = time.time_ns
    monkeypatch.setattr(clock.time, "time_ns", lambda: real() + 59_000 * 1_000_000)
    assert (clock.find_skew(), clock.find_skew(), asked) == (60_000, 60_000, [0, 1_000])
    assert caplog.text.count("60 s ahead of Redis'") == 1


def test_where_redis_is_away_the_clock_is_as_last_known(settings):
    settings.METRICS_APP = settings.METRICS_APP | {"REDIS_URL": "redis://127.0.0.1:1/0"}
    assert clock.compare(7_000) == 7_000


def test_a_given_time_ahead_is_refused_inside_the_project_too():
    with pytest.raises(Refused, match="in the future") as caught:
        record_rows(outgoing.Outgoing([("a", 1, now()), ("a", 1, now() + 9_000)]), "one")
    assert caught.value.refused == {1}
    with pytest.raises(ValueError, match="in the future"):
        module.emit("a", 1, now() + 2 * 86_400_000)


def test_notes_that_redis_cannot_take_fail_nobody(settings):
    settings.METRICS_APP = settings.METRICS_APP | {"REDIS_URL": "redis://127.0.0.1:1/0"}
    emitters.note_skew(1, 9_000, now=now())
    emitters.note_dropped(1, 5, "one")


def test_a_skew_is_noted_every_few_seconds_and_not_with_each_request():
    emitters.note_skew(1, 9_000, now=now())
    emitters.note_skew(1, 7_000, now=now())
    assert emitters.read_skews()[1].ms == 9_000 and get_redis().hlen(emitters.name_hash("skew")) == 1
