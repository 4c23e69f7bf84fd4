"""An approver's walk: approve, think again, approve, and see it carried out; wide and on a phone."""

from playwright.sync_api import expect

from tests.browser.conftest import PHONE
from tests.browser.test_loop import card


def test_an_approval_is_undone_given_again_carried_out_and_confirmed(open_page, call_api, shoot):
    call_api("/api/v1/pipelines/", "propose_key", {"title": "Queue", "suggestion": "Open desk 4", "kpi": 90})
    inbox = open_page("approver", "/inbox/")
    expect(inbox.locator("#live")).to_have_attribute("data-state", "live")
    mine = card(inbox, "Queue")
    expect(mine).to_contain_text("Approving asks somebody to do it by hand: it stands under To do in 10 s")
    shoot(inbox, "1-before")
    mine.get_by_role("button", name="Approve").click()
    expect(mine).to_contain_text("It will be carried out in")
    shoot(inbox, "2-approved")
    mine.get_by_role("button", name="Undo").click()
    expect(mine.get_by_role("button", name="Approve")).to_be_visible()
    expect(inbox.locator("#to-do")).to_be_hidden()
    mine.get_by_role("button", name="Approve").click()
    # Nobody reloads: the worker's move reaches the open page.
    todo = inbox.locator("#to-do .proposal")
    expect(todo.get_by_role("button", name="Confirm")).to_be_visible(timeout=60_000)
    expect(inbox.locator("#to-do").get_by_role("heading", name="To do")).to_be_visible()
    shoot(inbox, "3-to-do")
    todo.get_by_role("button", name="Confirm").click()
    expect(todo).to_contain_text("It was done by hand on")
    shoot(inbox, "4-done")


def test_on_a_phone_what_could_not_be_done_is_said_tried_again_and_withdrawn(open_page, call_api, shoot):
    made = call_api("/api/v1/pipelines/", "propose_key", {"title": "Vans", "suggestion": "Rent 3", "kpi": 9})
    page = open_page("approver", f"/inbox/{made['id']}/", viewport=PHONE)
    expect(page.locator("#live")).to_have_attribute("data-state", "live")
    page.locator("#decision button[value=approve]").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    shoot(page, "1-approved")
    page.set_viewport_size(PHONE)
    expect(page.get_by_role("button", name="Confirm")).to_be_visible(timeout=60_000)
    page.get_by_text("It could not be done", exact=True).click()
    page.get_by_role("button", name="Could not be done").click()
    expect(page.get_by_text("Say why: whoever approved it reads it.")).to_be_visible()
    page.get_by_label("Why?").fill("No van is free before June.")
    expect(page.get_by_text("Say why: whoever approved it reads it.")).to_be_hidden()
    shoot(page, "2-why")
    page.set_viewport_size(PHONE)
    page.get_by_role("button", name="Could not be done").click()
    expect(page.get_by_text("It failed: could not be done: No van is free before June.")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name="Confirm")).to_be_visible()


def test_a_stop_is_seen_on_every_page_and_holds_what_was_approved(open_page, call_api, shoot):
    made = call_api("/api/v1/pipelines/", "propose_key", {"title": "Held", "suggestion": "Wait", "kpi": 1})
    switch = open_page("admin", "/admin/pipelines_app/stopswitch/")
    switch.get_by_label("All actions are stopped").check()
    switch.get_by_label("Reason").fill("Budget audit until Friday")
    switch.get_by_role("button", name="Save", exact=True).click()
    banner = "All actions are stopped by admin since"
    expect(switch.get_by_text(banner)).to_be_visible()
    try:
        for path in ("/", "/inbox/", "/kpis/complaint.latency/"):
            page = open_page("approver", path)
            expect(page.get_by_text(banner)).to_be_visible()
        page = open_page("approver", f"/inbox/{made['id']}/")
        page.locator("#decision button[value=approve]").click()
        expect(page.get_by_text("It is held: admin stopped all actions")).to_be_visible()
        shoot(page, "stopped")
        shoot(switch, "admin")
    finally:
        switch.goto(switch.url.split("/admin/")[0] + "/admin/pipelines_app/stopswitch/")
        switch.get_by_label("All actions are stopped").uncheck()
        switch.get_by_label("Reason").fill("The audit is over")
        switch.get_by_role("button", name="Save", exact=True).click()
        expect(switch.get_by_text(banner)).to_have_count(0)
