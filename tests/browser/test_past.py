"""A demo with traffic, as somebody sees it who has just started it: its past is there and says what it is."""

import json

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, WIDE, log_in
from tests.demos import RunningDemo, wait_for

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
