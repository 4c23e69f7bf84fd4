"""An analyst at the form of a threshold: it answers while one types."""

import time

from playwright.sync_api import expect

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
    expect(page.get_by_role("heading", level=1)).to_contain_text("Why it was")
