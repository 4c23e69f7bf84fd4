"""No, unless, as an approver says it: on the card and on a phone; and that it comes back by itself."""

from datetime import date, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE
from tests.browser.test_loop import card

SAVE = """([token, body]) => fetch("/api/v1/thresholds/", {
  method: "POST",
  headers: {"Content-Type": "application/json", "X-CSRFToken": token},
  body: JSON.stringify(body),
}).then((answer) => answer.status)"""
RULE = {"aggregate": "max", "window": 900, "operator": "gt", "limit": 10, "title": "Queue too long"}


@pytest.fixture
def admin(open_page):
    """A page of the admin's that saves rules."""
    return open_page("admin", "/", expected=["404", "400"])


def break_rule(admin, call_api, topic, title):
    """A value beyond the limit of a rule that is saved right after."""
    call_api("/api/v1/points/", "emit_key", {"topic": topic, "value": 12})
    token = next(cookie["value"] for cookie in admin.context.cookies() if cookie["name"] == "csrftoken")
    body = RULE | {"topic": topic, "title": title, "suggestion": "Open desk 4"}
    for _ in range(60):
        if admin.evaluate(SAVE, [token, body]) == 201:
            return
        admin.wait_for_timeout(500)
    pytest.fail(f"the rule on {topic} was not taken")


def refuse(place, value, until):
    """Writes the rejection into a form that is open."""
    place.get_by_label("Why not?").fill("It is holiday time.")
    place.get_by_text("Unless it gets worse", exact=True).click()
    place.get_by_label("Once the maximum over 15 min is above").fill(value)
    place.get_by_label("Until the end of").fill(str(until))


@pytest.mark.parametrize("rounds", [1, pytest.param(2, id="back", marks=pytest.mark.long)])
def test_a_rejection_waits_for_a_value(admin, open_page, call_api, shoot, rounds):
    topic, title, until = f"queue.r{rounds}", f"Queue {rounds}", date.today() + timedelta(days=30)
    inbox = open_page("approver", "/inbox/", expected=["400"])
    expect(inbox.locator("#live")).to_have_attribute("data-state", "live")
    break_rule(admin, call_api, topic, title)
    mine = card(inbox, title)
    expect(mine).to_be_visible(timeout=120_000)
    mine.get_by_role("link", name="Reject…").click()
    refuse(mine, "11", until)
    shoot(inbox, "1-form")
    mine.get_by_role("button", name="Reject this proposal").click()
    expect(mine.get_by_role("alert").last).to_contain_text("Value is 11, no worse than the 12")
    mine.get_by_label("Once the maximum").fill("20")
    mine.get_by_role("button", name="Reject this proposal").click()
    said = f"Rejected by approver unless above 20, until {until.day} {until:%B %Y}"
    expect(mine.get_by_role("status")).to_contain_text(f"{said}")
    expect(mine.get_by_role("status")).to_contain_text("; now 12")
    shoot(inbox, "2-rejected")
    page = open_page("approver", f"/inbox/{mine.get_attribute('data-id')}/", viewport=PHONE)
    expect(page.locator("#decision")).to_contain_text(said)
    expect(page.get_by_text("Withdraw it", exact=True)).to_be_visible()
    shoot(page, "3-page")
    if rounds > 1:
        call_api("/api/v1/points/", "emit_key", {"topic": topic, "value": 30})
        expect(page.locator("#decision button[value=approve]")).to_be_visible(timeout=180_000)
        expect(page.locator("#decision")).to_contain_text("Now it has come: maximum over 15 min 30")
        expect(card(inbox, title).locator("button[value=approve]")).to_be_visible()
        shoot(page, "4-back")
        shoot(inbox, "5-back")
