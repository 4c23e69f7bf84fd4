"""A real demo without traffic, and a real Chromium in front of it; both end with the last test here.

Chromium's client keeps an event loop running in this process, which tests elsewhere could not bear.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from hms_gov.ties import Tied

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 400  # seconds until the demo must be ready
LOG_SHOWN = 3000  # bytes of each of its logs that a failure shows
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
WIDE, PHONE = {"width": 1360, "height": 900}, {"width": 390, "height": 844}
AWAY_NOISE = ["net::ERR_", "WebSocket connection"]  # what a browser says of a server that is away
expect.set_options(timeout=30_000)


def pytest_collection_modifyitems(items):
    """Everything here needs Chromium, and is left out where a run asks for no browser."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows how the demo's logs end: what a page waited for in vain is told there."""
    report = yield
    if report.failed and "demo" in getattr(item, "funcargs", {}):
        for path in sorted(item.funcargs["demo"]["directory"].rglob("*.log")):
            end = path.read_bytes()[-LOG_SHOWN:].decode(errors="replace")
            report.sections.append((path.name, end))
    return report


@pytest.fixture(scope="package")
def chromium():
    """The path of a Chromium; without one the tests say so and are skipped."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"no Chromium on the path: looked for {', '.join(names)}")
    return found


@pytest.fixture(scope="package")
def demo(chromium, tmp_path_factory):
    """`manage.py demo --no-traffic` on a free port; answers the facts of its demo.json."""
    directory = tmp_path_factory.mktemp("browser") / "data"
    # What the tests' own settings put there must not lead the demo elsewhere.
    environment = {
        k: v for k, v in os.environ.items() if k not in {"HMS_DATA_DIR", "REDIS_URL", "DATABASE_URL"}
    }
    command = [
        sys.executable,
        "manage.py",
        "demo",
        "--no-traffic",
        "--port",
        "0",
        "--data-dir",
        str(directory),
    ]
    process = Tied(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        yield wait_for_facts(process, directory / "demo.json") | {"directory": directory}
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
        process.stdout.close()


def wait_for_facts(process, path):
    """What the demo writes once it is ready."""
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        if process.poll() is not None:
            pytest.fail(f"the demo ended before it was ready:\n{process.stdout.read().decode()[-2000:]}")
        assert time.monotonic() < deadline, f"the demo was not ready within {PATIENCE} s"
        time.sleep(0.2)
    return json.loads(path.read_text())


@pytest.fixture(scope="package")
def browser(chromium):
    """One Chromium for all tests; each page has a context of its own."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def cookies(browser, demo):
    """The cookies of a person who has logged in once; a log-in costs a second of hashing."""
    known = {}

    def get_cookies(name):
        if name not in known:
            context = browser.new_context()
            log_in(context.new_page(), demo["url"], demo[name])
            known[name] = context.cookies()
            context.close()
        return known[name]

    return get_cookies


@pytest.fixture
def open_page(browser, demo, cookies):
    """``open_page("approver")``: a page, logged in; what the browser complains about fails the test."""
    contexts, complaints = [], []

    def open_as(name=None, path="/", *, expected=(), **options):
        context = browser.new_context(**{"viewport": WIDE, "timezone_id": "America/New_York", **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: note(message, expected))
        if name:
            context.add_cookies(cookies(name))
        page.goto(demo["url"] + path)
        return page

    def note(message, expected):
        told = f"{message.text} {message.location.get('url')}"
        if message.type == "error" and not any(text in told for text in expected):
            complaints.append(told)

    yield open_as
    for context in contexts:
        context.close()
    assert complaints == []


def log_in(page, url, person):
    """Fills in the form as a person does."""
    page.goto(url + "/accounts/login/")
    page.get_by_label("Name").fill(person["username"])
    page.get_by_label("Password").fill(person["password"])
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(url + "/")


@pytest.fixture
def call_api(demo):
    """``call_api("POST path", key, body)``: what a program does; answers the JSON."""

    def call(path, key, body):
        request = urllib.request.Request(
            demo["url"] + path,
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {demo[key]}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    return call


@pytest.fixture
def environment(demo):
    """What makes another process part of the demo."""
    names = {"REDIS_URL", "DATABASE_URL", "HMS_TEST_DIR"}
    joined = {name: value for name, value in os.environ.items() if name not in names}
    return joined | {"HMS_DATA_DIR": str(demo["directory"]), "DJANGO_SETTINGS_MODULE": "hms_gov.settings"}


@contextmanager
def serving(environment, port):
    """A web server of its own on the demo's data: it can go away while the demo goes on collecting."""
    command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "hms_gov.asgi:application"]
    process = Tied(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_up(f"http://127.0.0.1:{port}/healthz", process)
        yield
    finally:
        process.kill()
        process.wait()


def wait_until_up(url, process):
    """Until the server answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5)
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"{url} does not answer")


@pytest.fixture
def shoot(tmp_path):
    """``shoot(page, "1-suggested")``: no page is wider than its screen, wide and on a phone.

    For whoever wants to look, HMS_PICTURES=1 leaves a picture of each with the test.
    """

    def take(page, name):
        for suffix, size in (("phone", PHONE), ("wide", WIDE)):
            page.set_viewport_size(size)
            if os.environ.get("HMS_PICTURES"):
                page.screenshot(path=tmp_path / f"{name}-{suffix}.png", full_page=True)
            wide = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert wide <= 0, f"{name} is {wide} px wider than the {suffix} screen"

    return take


def choose_kpi(page, topic):
    """Picks a KPI in the widget that searches for one."""
    page.locator(".field-kpi .select2-selection").click()
    page.locator(".select2-search__field").fill(topic)
    page.locator(".select2-results__option--highlighted", has_text=topic).click()
