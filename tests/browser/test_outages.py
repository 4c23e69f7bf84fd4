"""What an open page holds after the server, Redis or the page itself was away: what the hot window holds."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
import redis
from playwright.sync_api import expect

from hms_gov.embedded import find_free_port
from tests.browser.conftest import AWAY_NOISE, ROOT, serving
from tests.demos import find_child

RATE, AWAY = 50, 4  # points a second, seconds
HELD = "import('/static/metrics_app/kpi.js').then(({ held }) => held.points)"
COUNT = HELD.replace("held.points", "held.points.length")
READ = (
    "import json; from metrics_app import queries; print(json.dumps(queries.snapshot({!r}, since=0).points))"
)
WATCHED = (
    "from metrics_app.models import Kpi, Threshold; "
    "from metrics_app.services.rules.thresholds import save_threshold; "
    "kpi = Kpi.objects.get_or_create(topic={!r})[0]; "
    "save_threshold(Threshold(kpi=kpi, aggregate='max', window=3600, operator='gt', limit=10), by=None)"
)


class Emitter(threading.Thread):
    """Sends points of a topic at ``RATE`` a second, in a batch every tenth of a second, until stopped."""

    def __init__(self, call_api, topic):
        super().__init__()
        self.call_api, self.topic, self.sent, self.over = call_api, topic, 0, threading.Event()
        self.start()

    def run(self):
        begun = time.monotonic()
        while not self.over.wait(0.1):
            due = int((time.monotonic() - begun) * RATE) - self.sent
            batch = [{"topic": self.topic, "value": self.sent + number} for number in range(due)]
            if batch:
                self.call_api("/api/v1/points/", "emit_key", batch)
                self.sent += due

    def stop(self):
        """How many points were sent."""
        self.over.set()
        self.join()
        return self.sent


@pytest.fixture
def emit_steadily(call_api):
    """``emit_steadily(topic)``: an Emitter, ended with the test."""
    emitters = []

    def emit(topic):
        emitters.append(Emitter(call_api, topic))
        return emitters[-1]

    yield emit
    for emitter in emitters:
        emitter.stop()


@pytest.fixture
def run_code(environment):
    """``run_code("print(1)")``: what code prints in the demo's project."""

    def run(code):
        command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", code]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True, text=True)
        return done.stdout

    return run


@pytest.fixture
def expect_whole(run_code):
    """``expect_whole(page, topic, count)``: the page holds the hot window, point by point, and all of it."""

    def check(page, topic, count):
        wait_until_counted(page, count)
        window = json.loads(run_code(READ.format(topic)).strip().splitlines()[-1])
        assert len(window) == count
        assert page.evaluate(HELD) == window

    return check


def wait_until_counted(page, count):
    """Until the page holds so many points."""
    deadline = time.monotonic() + 60
    while page.evaluate(COUNT) < count:
        said = page.locator("#live").text_content()
        assert time.monotonic() < deadline, f"“{said}” with {page.evaluate(COUNT)} of {count} points"
        page.wait_for_timeout(200)


def test_after_a_cut_of_the_server_the_page_holds_the_hot_window(
    open_page, environment, emit_steadily, expect_whole
):
    topic, port = "outage.server", find_free_port()
    emitter = emit_steadily(topic)
    page = open_page("approver", "/", expected=AWAY_NOISE)
    with serving(environment, port):
        page.goto(f"http://127.0.0.1:{port}/")
        expect(page.locator(f'.tile[data-topic="{topic}"]')).to_be_visible()
        page.goto(f"http://127.0.0.1:{port}/kpis/{topic}/")
        wait_until_counted(page, 2 * RATE)
    expect(page.locator("#live")).to_contain_text(re.compile("Disconnected|Stale since"))
    held = page.evaluate(COUNT)
    page.wait_for_timeout(AWAY * 1000)
    assert page.evaluate(COUNT) == held, "nothing reached the page"
    with serving(environment, port):
        expect(page.locator("#live")).to_contain_text("Live")
        sent = emitter.stop()
        assert sent >= held + AWAY * RATE / 2, "points came while the server was away"
        expect_whole(page, topic, sent)
        assert page.evaluate(HELD.replace("held.points", "held.resets")) == 0


def test_a_page_that_slept_holds_the_hot_window_when_it_wakes(open_page, emit_steadily, expect_whole):
    topic = "outage.sleep"
    emitter = emit_steadily(topic)
    page = open_page("approver", "/")
    expect(page.locator(f'.tile[data-topic="{topic}"]')).to_be_visible()
    page.goto(f"{page.url}kpis/{topic}/")
    wait_until_counted(page, RATE)
    browser = page.context.new_cdp_session(page)
    browser.send("Page.setWebLifecycleState", {"state": "frozen"})
    before = emitter.sent
    time.sleep(3)
    assert emitter.stop() > before
    browser.send("Page.setWebLifecycleState", {"state": "active"})
    expect(page.locator("#live")).to_contain_text("Live")
    expect_whole(page, topic, emitter.sent)


def test_after_redis_lost_everything_the_page_says_so_and_holds_what_came_since(
    open_page, demo, call_api, expect_whole
):
    topic = "outage.redis"
    call_api("/api/v1/points/", "emit_key", [{"topic": topic, "value": value} for value in range(30)])
    page = open_page("approver", "/")
    expect(page.locator(f'.tile[data-topic="{topic}"]')).to_be_visible()
    page.goto(f"{page.url}kpis/{topic}/")
    expect_whole(page, topic, 30)
    redis.Redis.from_url(demo["redis_url"]).flushall()
    for value in range(5):
        call_api("/api/v1/points/", "emit_key", {"topic": topic, "value": value})
    notice = page.locator("#notice")
    expect(notice).to_be_visible()
    expect(notice).to_contain_text("The server lost what it held in memory at")
    page.wait_for_function(f"{COUNT}.then((count) => count === 5)")
    expect_whole(page, topic, 5)
    assert page.evaluate(HELD.replace("held.points", "held.resets")) >= 1


@pytest.fixture
def freeze(demo):
    """``freeze("watch")``: a part of the demo stands still until ``thaw()``, at the latest with the test."""
    frozen = []

    def stop(word):
        frozen.append(find_child(os.getpid(), word))
        os.kill(frozen[-1], signal.SIGSTOP)

    def thaw():
        while frozen:
            os.kill(frozen.pop(), signal.SIGCONT)

    stop.thaw = thaw
    yield stop
    thaw()


@pytest.mark.parametrize("part", ["collect", "watch"])
def test_no_light_is_believed_while_nobody_counts_or_judges(part, open_page, call_api, run_code, freeze):
    topic = f"outage.{part}"
    call_api("/api/v1/points/", "emit_key", {"topic": topic, "value": 1})
    run_code(WATCHED.format(topic))
    page = open_page("approver", "/")
    light, head = page.locator(f'.tile[data-topic="{topic}"] .state'), page.locator("#live")
    expect(light).to_contain_text("Within limit")
    freeze(part)
    expect(light).to_contain_text("Not judged since")
    expect(head).not_to_have_attribute("data-state", "live")
    expect(page.locator("#headline")).to_contain_text("judged")
    freeze.thaw()
    expect(light).to_contain_text("Within limit")
    expect(head).to_have_attribute("data-state", "live")


def test_a_kpi_that_is_deleted_leaves_an_open_overview(open_page, call_api, run_code):
    topic = "outage.deleted"
    call_api("/api/v1/points/", "emit_key", {"topic": topic, "value": 1})
    page = open_page("approver", "/")
    tile = page.locator(f'.tile[data-topic="{topic}"]')
    expect(tile).to_be_visible()
    run_code(f"from metrics_app.models import Kpi; Kpi.objects.get(topic={topic!r}).delete()")
    expect(tile).to_have_count(0)
