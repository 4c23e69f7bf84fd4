"""A demo with traffic, as somebody sees it who has just started it: its past is there and says what it is."""

import csv
import json
import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, WIDE, log_in
from tests.browser.test_pages import find_faults
from tests.demos import RunningDemo, wait_for

LATE = [{"topic": "complaint.latency", "value": 70 * 3600}] * 200  # answers that lift the mean above 48 h
SPANS = {"24h": "24 hours", "7d": "7 days", "90d": "90 days"}


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    with RunningDemo(tmp_path_factory.mktemp("busy") / "data", "--port", "0") as running:
        wait_for(lambda: running.count_points("complaint.open") > 300, what="the hour before the start")
        yield running


@pytest.fixture
def page(browser, busy):
    context = browser.new_context(viewport=WIDE, timezone_id="America/New_York")
    opened = context.new_page()
    log_in(opened, busy.url, busy.facts["approver"])
    yield opened
    context.close()


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_charts_of_a_day_a_week_and_a_quarter_are_full_and_marked_as_simulated(page, busy, viewport, shoot):
    page.set_viewport_size(viewport)
    page.goto(f"{busy.url}/kpis/complaint.latency/")
    for span, name in SPANS.items():
        page.locator(".spans").get_by_text(name).click()
        expect(page.locator(f".spans [data-span='{span}']")).to_have_attribute("aria-current", "true")
        expect(page.locator("#notes")).to_contain_text("Simulated: the demo made these days up.")
        page.goto(f"{busy.url}/kpis/complaint.latency/?span={span}&compare=week")
        plot = json.loads(page.locator("#chart").get_attribute("data-plot"))
        assert len(plot["ts"]) > 250
        assert plot["value"].count(None) <= 2
        if span != "90d":
            assert plot["compare"]["values"].count(None) <= 2
        expect(page.locator("#chart canvas")).to_be_visible()
        shoot(page, f"latency-{span}")
    expect(page.get_by_text("Simulated: office closed by a storm.").first).to_be_visible()


def test_today_stands_beside_yesterday_and_a_week_ago(page, busy, shoot):
    for topic in ("complaint.received", "complaint.latency", "complaint.open", "complaint.oldest_age"):
        page.goto(f"{busy.url}/kpis/{topic}/")
        rows = page.locator("[data-part=comparisons]")
        expect(rows).to_contain_text("yesterday by now")
        expect(rows).to_contain_text("a week ago by now")
        expect(rows).not_to_contain_text("not watched then")
    page.goto(busy.url + "/")
    shoot(page, "overview")


class Hand:
    """What a person does on a page: counts clicks and texts typed, and how long all of it takes."""

    def __init__(self, page):
        self.page, self.count, self.begun = page, 0, time.monotonic()

    def click(self, place, name):
        """Clicks the button of this name in a place."""
        self.count += 1
        place.get_by_role("button", name=name).click()

    def fill(self, label, text):
        """Types into a field."""
        self.count += 1
        self.page.get_by_label(label, exact=True).fill(text)

    @property
    def seconds(self):
        """Since the person began."""
        return round(time.monotonic() - self.begun, 1)


def read_mail(busy):
    """``(text, link)`` of the mail to the approver, once it has come."""
    files = (busy.directory / "mail").glob("*")
    texts = [text for path in files if "To: approver@example.org" in (text := path.read_text())]
    found = texts and re.search(r"Read and decide: (\S+)", texts[0])
    return found and (texts[0], found[1])


def test_an_approver_walks_from_the_mail_to_what_like_decisions_have_led_to(
    browser, busy, page, shoot, tmp_path
):
    assert busy.emit(LATE).status_code == 202
    mail, link = wait_for(lambda: read_mail(busy), timeout=180, what="the mail about the proposal")
    assert "Subject: Response time breach: waits for your decision" in mail
    assert "Hire 2 temp agents?" in mail
    context = browser.new_context(viewport=PHONE, timezone_id="America/New_York")
    try:
        took = decide_on_a_phone(context.new_page(), link, busy.facts["approver"], shoot)
    finally:
        context.close()
    # A measure for whoever looks at the pictures; a busy machine must not fail it.
    (tmp_path / "from-the-mail-to-the-decision.txt").write_text(took)
    see_it_carried_out(page, link, shoot)
    read_the_record(page, shoot)


def decide_on_a_phone(phone, link, person, shoot):
    """From the link in the mail to the decision, and back: an approval can be undone. What it took."""
    hand = Hand(phone)
    phone.goto(link)
    hand.fill("Name", person["username"])
    hand.fill("Password", person["password"])
    hand.click(phone, "Log in")
    # The link is where the log-in leads; opening it has decided nothing.
    expect(phone.get_by_role("heading", name="Response time breach")).to_be_visible()
    assert phone.url == link
    panel = phone.locator("#decision")
    expect(panel).to_contain_text("Its effect is judged on")
    expect(panel).to_contain_text("could not be told from chance")
    expect(phone.get_by_text("Approved 3 times").first).to_be_visible()
    hand.click(panel, "Approve")
    expect(panel).to_contain_text("Approved by approver")
    took = f"{hand.count} clicks and texts, {hand.seconds} s"
    assert hand.count == 4, took
    phone.get_by_role("button", name="Undo").click()
    expect(panel.get_by_role("button", name="Approve")).to_be_visible()
    shoot(phone, "1-undone")
    return took


def see_it_carried_out(page, link, shoot):
    """Approved again, carried out by hand, being measured: the same panel tells each."""
    page.goto(link)
    expect(page.locator("#live")).to_have_attribute("data-state", "live")
    panel = page.locator("#decision")
    panel.get_by_role("button", name="Approve").click()
    expect(panel).to_contain_text("It will be carried out in")
    shoot(page, "2-approved")
    # Nobody reloads: the worker's move reaches the open page.
    confirm = panel.get_by_role("button", name="Confirm")
    expect(confirm).to_be_visible(timeout=60_000)
    shoot(page, "3-to-do")
    confirm.click()
    expect(panel).to_contain_text("and not looked at before")
    shoot(page, "4-measuring")


def find_case(page, verdict):
    """The rows of a verdict, whatever it harmed besides."""
    return page.get_by_role("row").filter(has=page.get_by_role("cell", name=re.compile(f"^{verdict}(;|$)")))


def read_the_record(page, shoot):
    """What came of the same suggestion before: together, and each with its numbers."""
    page.get_by_role("link", name="Approved 3 times").first.click()
    for verdict in ("harmful", "effective", "ineffective"):
        expect(find_case(page, verdict)).to_have_count(1)
    assert find_faults(page) == []
    shoot(page, "5-record")
    find_case(page, "harmful").get_by_role("link").click()
    effect = page.locator(".effect")
    expect(effect.get_by_role("heading", name="What came of it: harmful")).to_be_visible()
    expect(effect.locator(".number")).to_contain_text(
        re.compile(r"expected .+ to .+: \+\d+ % \(\+\d+ to \+\d+\)")
    )
    expect(effect.locator("svg .band")).to_be_visible()
    expect(effect).to_contain_text("Note: Simulated: the form on the website was out of order.")
    assert find_faults(page) == []
    shoot(page, "6-judged")
    with page.expect_download() as download:
        effect.get_by_role("link", name="The numbers as CSV").click()
    with download.value.path().open(newline="") as file:
        parts = [row["part"] for row in csv.DictReader(file) if row["kpi"] == "complaint.latency"]
    assert parts[-8:] == ["settling"] + ["judged"] * 7
