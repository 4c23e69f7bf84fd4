"""An analyst at the form of a threshold: it answers while one types."""

import re
import time

from playwright.sync_api import expect

from tests.browser.conftest import choose_kpi

TYPED = [("limit", "48 h"), ("recovery_limit", "")]


def test_the_form_shows_while_one_types_what_the_rule_would_have_done(open_page, demo, call_api):
    now = int(time.time() * 1000)
    points = [
        {"topic": "complaint.latency", "value": 7200, "ts": now - minute * 60_000}
        for minute in range(40, 1, -1)
    ]
    call_api("/api/v1/points/", "emit_key", points)
    page = open_page("admin", "/admin/metrics_app/threshold/")
    page.locator("#result_list tbody th a").first.click()
    panel = page.locator("[data-backtest]")
    sentence = panel.locator("[data-part=sentence]")
    expect(sentence).to_contain_text("Over 30 days")
    page.locator("[name=limit]").fill("48 parsecs")
    expect(sentence).to_have_text("Not judged yet: look at limit.")
    for name, text in TYPED:
        page.locator(f"[name={name}]").fill(text)
    expect(sentence).to_contain_text("Over 30 days")
    page.goto(demo["url"] + "/kpis/complaint.latency/")
    page.get_by_role("link", name="Why?").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("was ")


def send(call_api, minutes, value):
    """Points of ``walk.wait``, one a minute and the last of now."""
    now = int(time.time() * 1000)
    points = [
        {"topic": "walk.wait", "value": value + minute % 5, "ts": now - minute * 60_000} for minute in minutes
    ]
    call_api("/api/v1/points/", "emit_key", points)


def test_an_analyst_walks_from_a_suggestion_to_the_versions_of_a_rule(open_page, demo, call_api, shoot):
    send(call_api, range(50, 1, -1), 20)
    page = open_page("admin", "/admin/metrics_app/threshold/add/")

    # 1. A threshold from a suggestion.
    choose_kpi(page, "walk.wait")
    suggested = page.locator("[data-suggest]")
    expect(suggested.get_by_role("button", name=re.compile("Use limit"))).to_be_visible()
    suggested.get_by_role("button", name="Use all of it").click()
    limit = page.locator("[name=limit]")
    expect(limit).not_to_have_value("")

    # 2. Its backtest.
    panel = page.locator("[data-backtest]")
    expect(panel.locator("[data-part=sentence]")).to_contain_text("Over 30 days")
    expect(panel.locator("svg")).to_be_visible()
    shoot(page, "1-suggested-and-tried")

    # 3. Saved.
    page.locator("[name=name]").fill("People wait too long")
    page.locator("[name=window]").fill("5 min")
    page.get_by_text("Timing", exact=True).click()
    page.locator("[name=interval]").fill("1 s")
    page.locator("[name=title]").fill("Waiting times")
    page.locator("[name=suggestion]").fill("Open a second counter")
    page.locator("[name=reason]").fill("From the last month.")
    page.locator("[name=_continue]").click()
    expect(page.locator(".messagelist .success")).to_be_visible()
    expect(page.locator(".field-light")).to_contain_text("Within limit")
    address = page.url
    shoot(page, "3-saved")

    # 4. It fires, on an open overview.
    overview = open_page("admin", "/?q=walk.wait")
    tile = overview.locator('.tile[data-topic="walk.wait"]')
    expect(tile).to_contain_text("Within limit")
    send(call_api, [0] * 30, 90)
    expect(tile).to_contain_text("Beyond limit")
    expect(tile).to_contain_text(re.compile(r"Proposal #\d+ waits for a decision"))
    shoot(overview, "4-fired")

    # 5. Why.
    page.goto(demo["url"] + "/kpis/walk.wait/")
    page.get_by_role("link", name="Why?").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("was beyond limit on")
    expect(page.locator("#main")).to_contain_text("above the limit of")
    shoot(page, "5-explained")

    # 6. Silenced.
    page.goto(demo["url"] + "/admin/metrics_app/silence/add/")
    page.locator("[name=topic]").fill("walk.*")
    tomorrow = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86_400))
    page.locator("[name=ends_at_0]").fill(tomorrow)
    page.locator("[name=ends_at_1]").fill("12:00")
    page.locator("[name=reason]").fill("The counter moves house.")
    shoot(page, "6-silencing")
    page.locator("[name=_save]").click()
    expect(page.locator(".messagelist .success")).to_be_visible()
    page.goto(address)
    expect(page.locator(".field-light")).to_contain_text("silenced until")
    expect(page.locator(".field-light")).to_contain_text("The counter moves house.")

    # 7. Edited: the breach goes on.
    limit.fill("70")
    page.locator("[name=recovery_limit]").fill("60")
    page.locator("[name=reason]").fill("The law allows 70.")
    page.locator("[name=_continue]").click()
    expect(page.locator(".messagelist .success")).to_be_visible()
    expect(page.locator(".field-explained")).to_contain_text("is open, fired by version 1")

    # 8. Its versions.
    versions = page.locator("#versions-group")
    expect(versions).to_contain_text("The law allows 70.")
    expect(versions).to_contain_text(re.compile(r"limit: \S+ → 70"))
    expect(versions).to_contain_text("From the last month.")
    expect(versions).to_contain_text("first version")
    shoot(page, "8-versions")
