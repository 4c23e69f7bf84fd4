"""A plain EventSource and the lines of Chart.js of docs/api.md: every point, through restarts."""

import json
import re
import time
import urllib.error
import urllib.request
import uuid

import pytest
import redis

from hms_gov.embedded import find_free_port
from tests.browser.conftest import AWAY_NOISE, ROOT, serving

SCRIPT = ROOT / "docs/api.md"
TOPIC = "chart.latency"  # in place of the complaints', which belong to other tests
PAGE = """<!doctype html><html lang="en"><title>Chart</title><canvas id="chart"></canvas>
<script src="/chart.js"></script><script src="/page.js"></script></html>"""
SHOWN = "Chart.getChart('chart').data.datasets[0].data.map((point) => Math.round(point.y * 3600))"
DRAWN = "Chart.getChart('chart').getDatasetMeta(0).data.length"
PATIENCE = 60  # seconds; a browser waits longer after each refusal


@pytest.fixture
def emit_surely(demo):
    """``emit_surely(value)``: one point, sent again until it is acknowledged; counted once."""

    def emit(value):
        body = json.dumps({"topic": TOPIC, "value": value}).encode()
        headers = {"Authorization": f"Bearer {demo['emit_key']}", "Content-Type": "application/json"}
        headers["Idempotency-Key"] = uuid.uuid4().hex
        deadline = time.monotonic() + PATIENCE
        while True:
            request = urllib.request.Request(demo["url"] + "/api/v1/points/", body, headers)
            try:
                urllib.request.urlopen(request, timeout=10).close()
                return
            except (urllib.error.URLError, TimeoutError):
                assert time.monotonic() < deadline, f"{value} was not taken"
                time.sleep(0.2)

    return emit


@pytest.fixture
def open_chart(open_page):
    """``open_chart(url)``: a page of the site at ``url`` that holds the lines of the documentation."""

    def open_at(url):
        page = open_page("approver", "/", expected=[*AWAY_NOISE, "EventSource"])
        lines = re.search(r"```js\n(const points.*?)```", SCRIPT.read_text(), re.DOTALL)[1].replace(
            "complaint.latency", TOPIC
        )
        chart = (ROOT / "node_modules/chart.js/dist/chart.umd.js").read_text()
        serve(page, url + "/chart/", PAGE, "text/html")
        serve(page, url + "/page.js", lines + "window.source = s;", "text/javascript")
        serve(page, url + "/chart.js", chart, "text/javascript")
        page.goto(url + "/chart/")
        page.wait_for_function("window.source.readyState === 1", timeout=30_000)
        return page

    return open_at


def serve(page, url, body, kind):
    """Lets the page find a file at an address of the site."""
    page.route(url, lambda route: route.fulfill(body=body, content_type=kind))


def wait_until_shown(page, values):
    """Until the chart shows exactly these values, each once and in order."""
    last = f"{SHOWN}.at(-1) === {values[-1]}"
    page.wait_for_function(last, timeout=PATIENCE * 1000)
    assert page.evaluate(SHOWN) == values
    assert page.evaluate(DRAWN) == len(values)


def test_it_shows_every_point_through_a_restart_of_the_server(open_chart, environment, emit_surely):
    port = find_free_port()
    url = f"http://127.0.0.1:{port}"
    with serving(environment, port):
        page = open_chart(url)
        for value in range(1, 21):
            emit_surely(value)
        wait_until_shown(page, list(range(1, 21)))
    page.wait_for_function("window.source.readyState === 0", timeout=30_000)
    for value in range(21, 41):
        emit_surely(value)
    with serving(environment, port):
        wait_until_shown(page, list(range(1, 41)))
        emit_surely(41)
        wait_until_shown(page, list(range(1, 42)))


def test_it_shows_every_point_through_a_restart_of_redis(open_chart, demo, emit_surely):
    page = open_chart(demo["url"])
    for value in range(1, 21):
        emit_surely(value)
    wait_until_shown(page, list(range(1, 21)))
    with redis.Redis.from_url(demo["redis_url"]) as client:
        client.shutdown(nosave=True)  # the demo starts it again, with all that was acknowledged
    for value in range(21, 41):
        emit_surely(value)
    wait_until_shown(page, list(range(1, 41)))
