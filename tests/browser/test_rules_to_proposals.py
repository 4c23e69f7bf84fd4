"""From points to a decided proposal by a share, a change and a trend: every number computed by hand."""

import json
import re
import time
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import choose_kpi

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
H = 3600  # seconds; the points of two walks are durations


@pytest.fixture
def walk(open_page, demo, call_api, shoot):
    """The steps that the three walks share."""
    return Walk(open_page, demo, call_api, shoot)


class Walk:
    """One rule: what is sent, watched, proposed and decided."""

    def __init__(self, open_page, demo, call_api, shoot):
        self.open_page, self.demo, self.call_api, self.shoot = open_page, demo, call_api, shoot
        self.admin = open_page("admin", "/")
        # A whole minute, so that what is sent lies in known minutes.
        self.base = int(time.time() // 60) * MINUTE

    def send(self, topic, points):
        """Points ``(ts, value)`` of a topic."""
        body = [{"topic": topic, "value": value, "ts": ts} for ts, value in points]
        self.call_api("/api/v1/points/", "emit_key", body)

    def count(self, topic, start):
        """The points of a topic in the hour from ``start``, as a program gets them."""
        path = f"/api/v1/kpis/{topic}/series/?start={start}&end={start + HOUR}&step=60"
        headers = {"Authorization": f"Bearer {self.demo['read_key']}"}
        try:
            with urllib.request.urlopen(
                urllib.request.Request(self.demo["url"] + path, headers=headers)
            ) as answer:
                return sum(json.load(answer)["count"])
        except urllib.error.HTTPError as error:
            assert error.code == 404, error  # the collector has not seen the topic yet
            return 0

    def wait_for(self, topic, start, count):
        """Until the hour from ``start`` holds so many points of a topic: older ones come by the archiver."""
        deadline = time.monotonic() + 60
        while self.count(topic, start) < count:
            assert time.monotonic() < deadline, f"the points of {topic} did not arrive"
            self.admin.wait_for_timeout(200)

    def name_unit(self, topic, unit, aggregate=None):
        """Says in the admin what a KPI is measured in, and what its tile shows."""
        self.wait_for(topic, self.base - HOUR, 1)
        self.open_kpi(topic)
        self.admin.locator("[name=unit]").fill(unit)
        if aggregate:
            self.admin.locator("[name=aggregate]").select_option(aggregate)
        self.admin.locator("[name=_save]").click()
        expect(self.admin.locator(".messagelist .success")).to_be_visible()

    def open_kpi(self, topic):
        """Opens a KPI in the admin: its list is asked again until the KPI is there."""
        found, deadline = self.admin.locator("#result_list tbody th a"), time.monotonic() + 60
        self.admin.goto(f"{self.demo['url']}/admin/metrics_app/kpi/?q={topic}")
        while not found.count():
            assert time.monotonic() < deadline, f"{topic} is not among the KPIs"
            self.admin.wait_for_timeout(500)
            self.admin.reload()
        found.first.click()

    def save_rule(self, topic, *, aggregate, operator, title, suggestion, **typed):
        """Sets a threshold in the admin's form."""
        page = self.admin
        page.goto(f"{self.demo['url']}/admin/metrics_app/threshold/add/")
        choose_kpi(page, topic)
        page.locator("[name=aggregate]").select_option(aggregate)
        page.locator("[name=operator]").select_option(operator)
        for name, text in ({"title": title, "suggestion": suggestion} | typed).items():
            page.locator(f"[name={name}]").fill(text)
        page.locator("[name=_save]").click()
        expect(page.locator(".messagelist .success")).to_be_visible()

    def find_card(self, title):
        """The inbox and the card of the proposal that the breach has opened in it."""
        inbox = self.open_page("approver", "/inbox/")
        card = inbox.locator(".proposal").filter(has=inbox.get_by_role("heading", name=title))
        expect(card).to_be_visible()
        return inbox, card

    def open_proposal(self, inbox, title):
        """Its page."""
        inbox.get_by_role("link", name=title, exact=True).click()
        expect(inbox.get_by_role("heading", level=1)).to_contain_text(title)
        expect(inbox.locator(".spark.tall svg")).to_have_count(2)
        return inbox

    def approve(self, page):
        """Decides on its page."""
        page.locator("#decision").get_by_role("button", name="Approve").click()
        expect(page.locator("#decision")).to_contain_text("Approved by approver at")


def read_charts(page):
    """What the frozen and the live panel draw."""
    figures = page.locator(".spark.tall")
    return [json.loads(figures.nth(at).get_attribute("data-evidence")) for at in (0, 1)]


def check_one_quantity(page, label, unit, limit):
    """Both panels name, measure and limit the same thing, on one scale."""
    frozen, live = read_charts(page)
    for chart in (frozen, live):
        assert (chart["label"], chart["unit"], chart["limit"]) == (label, unit, limit)
    ticks = [page.locator(".spark.tall").nth(at).locator("text.tick:not(.when)") for at in (0, 1)]
    scales = [one.all_text_contents() for one in ticks]
    assert scales[0] == scales[1] and len(scales[0]) > 1
    expect(page.get_by_text(label[0].upper() + label[1:], exact=True)).to_have_count(2)
    return frozen, live


def test_a_share_of_slow_answers_becomes_a_decided_proposal(walk):
    topic, title = "walk.answered", "Too many late answers"
    # 15 answers of 24 h and 5 of 54 h, half an hour to ten minutes ago: 5 of 20 are above 48 h.
    values = ([24 * H] * 3 + [54 * H]) * 5
    walk.send(topic, [(walk.base - (30 - at) * MINUTE, value) for at, value in enumerate(values)])
    walk.name_unit(topic, "seconds")
    rule = {"aggregate": "share_above", "aggregate_value": "48 h", "operator": "gt", "limit": "10 %"}
    walk.save_rule(topic, **rule, window="1 h", title=title, suggestion="Hire 1 clerk")
    inbox, card = walk.find_card(title)
    expect(card).to_contain_text("Share above 48 h over 1 h: 25 % (20 points; limit 10 %)")

    # Since then 10 more, 6 above 48 h: one would have been allowed, so 5 too many. 11 of 30 are 36.7 %.
    now = int(time.time() * 1000)
    walk.send(topic, [(now, value) for value in [50 * H] * 6 + [1 * H] * 4])
    page = walk.open_proposal(inbox, title)
    since = page.locator("#since")
    expect(since).to_contain_text("Now 36.7 %, higher than at opening")
    page.reload()
    cost = page.locator("#decision .cost")
    expect(cost.locator("b")).to_have_text("About 5")
    expect(cost).to_contain_text("points above 48 h beyond what the limit allows since")
    assert "more each hour" not in cost.text_content(), "of minutes no rate is told"
    expect(page.locator(".lead")).to_contain_text("Share above 48 h over 1 h: 25 % (20 points; limit 10 %)")
    frozen, live = check_one_quantity(page, "share above 48 h over 1 h", "%", 10)
    assert frozen["values"][-1] == 25
    assert live["values"][-1] == pytest.approx(100 * 11 / 30)
    # The first window that holds all four of a round ends behind the fourth: 1 of 4.
    fourth = walk.base - 26 * MINUTE
    assert frozen["values"][frozen["ts"].index(fourth)] == 25
    walk.shoot(page, "share")
    walk.approve(page)


def test_a_change_against_the_day_before_becomes_a_decided_proposal(walk):
    topic, title = "walk.calls", "Calls grow longer"
    # Yesterday 12 of 40, today 10 of 60: half as much again, from the poorer window's 10 points.
    walk.send(topic, [(walk.base - DAY - (30 - at) * MINUTE, 40.0) for at in range(12)])
    walk.send(topic, [(walk.base - (30 - at) * MINUTE, 60.0) for at in range(10)])
    walk.wait_for(topic, walk.base - DAY - HOUR, 12)
    rule = {"aggregate": "mean_change_day", "operator": "gt", "limit": "20 %"}
    walk.save_rule(topic, **rule, window="1 h", title=title, suggestion="Shorten the script")
    inbox, card = walk.find_card(title)
    opening = "Day-on-day change of the mean over 1 h: 50 % (10 points; limit 20 %)"
    expect(card).to_contain_text(opening)
    # Changes do not add up: how long it has waited is told, and why there is no cost.
    expect(card).to_contain_text("the day-on-day change of the mean over 1 h has no cost that adds up")
    assert "Cost of waiting" not in card.text_content()

    # Since then 10 of 100: the mean of today is 80, twice yesterday's.
    now = int(time.time() * 1000)
    walk.send(topic, [(now, 100.0)] * 10)
    page = walk.open_proposal(inbox, title)
    expect(page.locator("#since")).to_contain_text("Now 100 %, higher than at opening")
    expect(page.locator(".lead")).to_contain_text(opening)
    expect(page.get_by_text("Cost of waiting")).to_have_count(0)
    page.reload()
    frozen, live = check_one_quantity(page, "day-on-day change of the mean over 1 h", "%", 20)
    assert (frozen["values"][-1], live["values"][-1]) == (pytest.approx(50), pytest.approx(100))
    walk.shoot(page, "change")
    walk.approve(page)


def test_a_trend_becomes_a_decided_proposal(walk):
    topic, title = "walk.age", "The oldest case nears 30 h"
    # 10 h, 11 h … 19 h, one in the middle of each of ten minutes: the line meets 30 h at the 20th.
    first = walk.base - 12 * MINUTE + MINUTE // 2
    walk.send(topic, [(first + at * MINUTE, (10 + at) * H) for at in range(10)])
    met = first + 20 * MINUTE
    walk.name_unit(topic, "seconds")
    rule = {"aggregate": "time_until_above", "aggregate_value": "30 h", "operator": "lt", "limit": "30 min"}
    walk.save_rule(topic, **rule, window="30 min", title=title, suggestion="Take the oldest first")
    inbox, card = walk.find_card(title)
    page = walk.open_proposal(inbox, title)
    pipeline = page.evaluate(
        "fetch(`/api/v1/pipelines/${location.pathname.match(/\\d+/)}/`).then((a) => a.json())"
    )
    slot = pipeline["evidence"]["slot"]
    assert pipeline["kpi"] == pytest.approx((met - slot) / SECOND)
    opening = f"Time until above 30 h over 30 min: {write((met - slot) / SECOND)} (10 points; limit 30 min)"
    expect(page.locator(".lead")).to_contain_text(opening)
    expect(page.get_by_text("Cost of waiting")).to_have_count(0)
    frozen, live = check_one_quantity(page, "time until above 30 h over 30 min", "seconds", 1800)
    assert frozen["values"][-1] == pytest.approx((met - frozen["ts"][-1]) / SECOND)
    # Nothing has come since: the line stands, and the time runs out.
    left = (met - live["ts"][-1]) / SECOND
    assert live["values"][-1] == pytest.approx(left)
    expect(page.locator("#since")).to_contain_text(f"Now {write(left)}, lower than at opening")
    # Of two minutes no line is drawn: it takes three.
    third = walk.base - 9 * MINUTE
    assert frozen["values"][frozen["ts"].index(third - MINUTE)] is None
    assert frozen["values"][frozen["ts"].index(third)] == pytest.approx((met - third) / SECOND)
    walk.shoot(page, "trend")
    walk.approve(page)


def test_a_proposals_neighbours_stand_apart_and_fit_a_phone(walk):
    topic, title = "hotline.wait", "Callers wait too long"
    neighbours = {
        "hotline.answer_time": ("ms", "p95"),
        "hotline.calls_taken_by_the_second_line_of_the_city": ("calls", "rate_per_hour"),
        "hotline.given_up": ("calls", "rate_per_hour"),
    }
    for one, (unit, aggregate) in neighbours.items():
        walk.send(one, [(walk.base - (30 - at) * MINUTE, 95.1) for at in range(10)])
        walk.name_unit(one, unit, aggregate)
    walk.send(topic, [(walk.base - (30 - at) * MINUTE, 60.0) for at in range(10)])
    walk.wait_for(topic, walk.base - HOUR, 10)
    rule = {"aggregate": "mean", "operator": "gt", "limit": "20"}
    walk.save_rule(topic, **rule, window="1 h", title=title, suggestion="Open a second desk")
    inbox, _ = walk.find_card(title)
    page = walk.open_proposal(inbox, title)
    figures = page.locator(".figures.small > div")
    expect(figures).to_have_count(len(neighbours))
    expect(figures.first).to_contain_text("95.1 ms")
    walk.shoot(page, "neighbours")
    over = (
        "[...document.querySelectorAll('.figures.small *')].filter((one) => one.scrollWidth > one.clientWidth"
    )
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        cut = page.evaluate(f"{over} && getComputedStyle(one).display !== 'inline').length")
        assert cut == 0, f"{cut} figures are wider than their column at {width} px"


def write(seconds):
    """``8 min 12 s``."""
    minutes, rest = divmod(round(seconds), 60)
    return re.sub(r"^0 min | 0 s$", "", f"{minutes} min {rest} s")
