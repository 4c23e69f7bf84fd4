"""``/metrics``: who may scrape it, what it says, and that a real Prometheus reads it."""

import json
import re
import shutil
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import yaml
from django.contrib.auth.models import Group
from prometheus_client.parser import text_string_to_metric_families

from hms_gov.embedded import find_free_port
from hms_gov.ties import Tied
from metrics_app import bus, queries
from metrics_app.collector import collect_all
from metrics_app.connection import get_redis
from metrics_app.models import Kpi, Threshold, ThresholdState
from metrics_app.queries.worked import name_hash
from metrics_app.registry import forget
from metrics_app.services import ages
from metrics_app.streams import presence
from tests.metrics_app.telling import make_receiver
from tests.metrics_app.watching import PARTS, let_all_work

pytestmark = pytest.mark.django_db


TOTALS = {
    "hms_points_collected_total",
    "hms_points_late_total",
    "hms_late_points_dropped_total",
    "hms_held_minutes_dropped_total",
    "hms_points_lost_total",
    "hms_archiver_late_points",
    "hms_notices_waiting",
    "hms_notices_failed",
    "hms_receiver_down_seconds",
    "hms_receiver_waiting",
    "hms_emitter_dropped_total",
    "hms_emitter_skew_seconds",
}


@pytest.fixture
def points(db, monkeypatch):
    """Two points of the response time, counted, and a threshold that fires; however long a test takes."""
    monkeypatch.setattr("metrics_app.queries.clock.GRACE", 3_600_000)
    now = int(time.time() * 1000)
    bus.publish({"complaint.latency": (np.array([now - 2000, now - 1000], np.int64), np.array([10.0, 30.0]))})
    kpi = Kpi.objects.create(topic="complaint.latency", unit="seconds")
    collect_all()
    rule = Threshold.objects.create(
        kpi=kpi, name="48 h", aggregate="mean", window=1800, operator="gt", limit=15
    )
    ThresholdState.objects.update_or_create(threshold=rule, defaults={"state": "firing", "value": 20.0})
    forget()
    return kpi


def scrape(client, headers):
    """``{(name, labels): value}`` as the official parser reads it."""
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.content.decode())
    return {
        (sample.name, *(f"{key}={value}" for key, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_it_tells_values_states_and_health(client, bearer, points):
    presence.report("p1", {"websocket": 2})
    presence.report("p2", {"websocket": 1, "partner": 4})
    found = scrape(client, bearer("read"))
    window = ("topic=complaint.latency", "unit=seconds", "window=1800")
    assert found["hms_kpi_value", "aggregate=mean", *window] == 20.0
    assert found["hms_kpi_points", "topic=complaint.latency", "window=1800"] == 2
    states = {key[-3]: value for key, value in found.items() if key[0] == "hms_threshold_state"}
    assert states == {
        "state=ok": 0,
        "state=pending": 0,
        "state=firing": 1,
        "state=recovering": 0,
        "state=unjudged": 0,
    }
    assert [value for key, value in found.items() if key[0] == "hms_threshold_limit"] == [15]
    assert [value for key, value in found.items() if key[0] == "hms_threshold_value"] == [20]
    assert found[("hms_notices_waiting",)] == found[("hms_notices_failed",)] == 0
    assert sum(value for key, value in found.items() if key[0] == "hms_points_collected_total") == 2
    behind = [value for key, value in found.items() if key[0] == "hms_collector_behind_seconds"]
    assert behind and all(0 <= value < 60 for value in behind)
    streams = {key[1]: value for key, value in found.items() if key[0] == "hms_streams_open"}
    assert streams == {"kind=events": 0, "kind=partner": 4, "kind=websocket": 3}
    for name in ("hms_points_late_total", "hms_late_points_dropped_total", "hms_archiver_behind_seconds"):
        assert any(key[0] == name for key in found)


def test_it_tells_when_each_part_last_worked_and_nothing_of_one_that_never_did(client, bearer):
    ages.noted.clear()
    get_redis().delete(name_hash())
    ages.note_work("archiver")
    get_redis().hset(name_hash(), "evaluator", queries.redis_now() - 77_000)
    found = scrape(client, bearer("read"))
    told = {key[0]: value for key, value in found.items() if key[0].endswith("_last_seconds")}
    assert told.keys() == {"hms_archiver_last_seconds", "hms_evaluator_last_seconds"}
    assert 77 <= told["hms_evaluator_last_seconds"] < 137 and told["hms_archiver_last_seconds"] < 60


def test_the_documents_name_what_it_tells_and_their_alerts_ask_for_nothing_else(client, bearer, points):
    make_receiver()
    let_all_work()
    found = {key[0] for key in scrape(client, bearer("read"))}
    text = (Path(__file__).parents[3] / "docs/prometheus.md").read_text()
    rows = re.findall(r"^\| (`hms_.+?) \|", text, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == found
    [groups] = [block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "groups:" in block]
    rules = yaml.safe_load(groups)["groups"][0]["rules"]
    asked = {name for rule in rules for name in re.findall(r"hms_\w+", rule["expr"].replace("hms-gov", ""))}
    assert asked <= found and {f"hms_{part}_last_seconds" for part in PARTS} <= asked


def test_a_process_that_has_died_is_not_counted(client, monkeypatch):
    presence.report("p1", {"websocket": 2})
    monkeypatch.setattr(presence, "BELIEVED", -1)
    assert presence.count_streams() == {}


def test_an_empty_window_has_no_value(client, bearer):
    Kpi.objects.create(topic="er.wait")
    forget()
    names = {key[0] for key in scrape(client, bearer("read"))}
    assert "hms_kpi_points" in names and "hms_kpi_value" not in names


def test_a_restricted_kpi_is_for_its_group(client, make_key, points):
    owner = Group.objects.create(name="g")
    Kpi.objects.update(restricted=True, owner=owner)
    make_receiver()
    forget()
    outside, inside = ({"X-API-Key": make_key("read", group=group)} for group in (None, owner))
    assert not any("topic=complaint.latency" in key for key in scrape(client, outside))
    assert any("topic=complaint.latency" in key for key in scrape(client, inside))
    # Nor by what comes in over all topics: who knows the others would have the difference.
    within, without = ({key[0] for key in scrape(client, headers)} for headers in (inside, outside))
    assert {name for name in within - without if not name.startswith(("hms_kpi", "hms_threshold"))} == TOTALS
    listed = {"X-API-Key": make_key("read", group=owner, topics=["complaint.*"])}
    assert not TOTALS & {key[0] for key in scrape(client, listed)}
    assert {key[0] for key in scrape(client, {"X-API-Key": make_key("read", group=owner)})} >= TOTALS
    Kpi.objects.all().delete()
    forget()
    assert not TOTALS & {key[0] for key in scrape(client, outside)}


@pytest.mark.parametrize(("scope", "status"), [("emit", 403), ("propose", 403), ("partner", 403)])
def test_it_asks_for_the_scope_read(client, bearer, scope, status):
    assert client.get("/metrics", headers=bearer(scope)).status_code == status


def test_it_asks_who_is_there(client):
    answer = client.get("/metrics")
    assert answer.status_code == 401 and answer.json()["errors"]
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert client.get("/metrics", headers={"X-API-Key": "hms_" + "x" * 43}).status_code == 401


def test_it_speaks_the_format_the_scraper_asks_for(client, bearer):
    headers = bearer("read")
    plain = client.get("/metrics", headers=headers)
    assert plain["Content-Type"].startswith("text/plain; version=")
    wanted = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.3"
    opened = client.get("/metrics", headers=headers | {"Accept": wanted})
    assert opened["Content-Type"].startswith("application/openmetrics-text")
    assert opened.content.endswith(b"# EOF\n")


def test_it_says_in_its_own_words_that_redis_is_away(client, bearer, settings):
    headers = bearer("read")
    settings.METRICS_APP = settings.METRICS_APP | {"REDIS_URL": "redis://127.0.0.1:1"}
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 503 and answer["Retry-After"]


CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: hms
    authorization: {{credentials: {key}}}
    static_configs: [{{targets: ["{target}"]}}]
"""


@pytest.mark.django_db(transaction=True)
def test_a_real_prometheus_scrapes_it(live_server, make_key, points, tmp_path):
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("no prometheus on the path: apt-get install prometheus")
    target = live_server.url.removeprefix("http://")
    (tmp_path / "prometheus.yml").write_text(CONFIG.format(key=make_key("read"), target=target))
    port = find_free_port()
    command = [program, f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    process = Tied(command)
    try:
        assert ask(port, 'hms_kpi_value{topic="complaint.latency"}') == 20.0
        assert ask(port, 'hms_threshold_state{state="firing"}') == 1.0
        assert ask(port, "up") == 1.0
    finally:
        process.kill()
        process.wait()


def ask(port, query):
    """The value Prometheus answers, once it has one."""
    url = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.request.quote(query)}"
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                if found := json.load(response)["data"]["result"]:
                    return float(found[0]["value"][1])
        except OSError:
            pass
        time.sleep(0.1)
    pytest.fail(f"Prometheus has no {query}")
