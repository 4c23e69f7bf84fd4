"""Every page, for every reader: screen readers, both themes, phones, paper."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, ROOT, WIDE

AXE = Path(ROOT / "node_modules/axe-core/axe.min.js")
PAGES = [
    "/",
    "/inbox/",
    "/inbox/{id}/",
    "/inbox/{id}/record/",
    "/inbox/decided/",
    "/inbox/delegations/",
    "/kpis/complaint.latency/",
    "/demo/complaints/",
    "/open-data/",
    "/no/such/page/",
]
VIEWS = [
    "/?group=1&q=complaint",
    "/?wall=1",
    "/kpis/complaint.latency/?span=24h&percentiles=1&table=1&compare=yesterday",
]
NOT_FOUND = ["404"]


@pytest.fixture
def pages(call_api):
    """The addresses of all pages, with a proposal and points behind them."""
    proposal = {"title": "To look at", "suggestion": "Look", "kpi": 1}
    found = call_api("/api/v1/pipelines/", "propose_key", proposal)
    call_api("/api/v1/points/", "emit_key", {"topic": "complaint.latency", "value": 7200})
    return [path.format(id=found["id"]) for path in PAGES]


def find_faults(page):
    """What axe finds, as lines for people."""
    # Evaluated by the debugger: the content security policy stays as it is.
    page.evaluate(AXE.read_text() + "; undefined")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{page.url} {fault['id']}: {node['html'][:150]} {node['failureSummary'][:200]}"
        for fault in found["violations"]
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize(("scheme", "viewport"), [("light", WIDE), ("dark", PHONE)])
def test_nothing_stands_in_the_way_of_assistive_technology(open_page, demo, pages, scheme, viewport):
    page = open_page(None, "/accounts/login/", color_scheme=scheme, viewport=viewport)
    faults = find_faults(page)
    page = open_page("approver", color_scheme=scheme, viewport=viewport, expected=NOT_FOUND)
    for path in [*pages, *VIEWS]:
        page.goto(demo["url"] + path)
        faults += find_faults(page)
    assert faults == []


ADMIN = [
    "/admin/",
    "/admin/metrics_app/threshold/",
    "/admin/metrics_app/threshold/add/",
    "/admin/metrics_app/silence/add/",
    "/admin/pipelines_app/policy/",
    "/admin/pipelines_app/policy/add/",
    "/admin/pipelines_app/delegation/",
    "/admin/pipelines_app/stopswitch/",
    "/admin/pipelines_app/pipeline/",
]


def test_nothing_stands_in_the_way_in_the_admin_either(open_page, demo):
    # What axe itself brings to look at colours is refused by the policy, as it should be.
    page, faults = open_page("admin", "/admin/", expected=["Applying inline style"]), []
    for path in ADMIN:
        page.goto(demo["url"] + path)
        faults += find_faults(page)
    assert faults == []


@pytest.mark.parametrize(("scheme", "viewport"), [("light", WIDE), ("dark", PHONE)])
def test_what_an_admin_opens_everybody_sees_and_downloads(open_page, demo, pages, scheme, viewport):
    page = open_page("admin", "/admin/metrics_app/kpi/")
    page.get_by_role("link", name="complaint.latency").click()
    page.get_by_role("checkbox", name="Open data").check()
    page.get_by_label("Description").fill("How long people wait for an answer.")
    page.get_by_label("Method").fill("From filing to answer.")
    page.get_by_role("button", name="Save", exact=True).click()
    page = open_page(None, "/open-data/", color_scheme=scheme, viewport=viewport)
    expect(page.get_by_text("How long people wait for an answer.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_contain_text("free for everybody to use")
    assert find_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    with page.expect_download() as started:
        page.get_by_role("link", name="Response time, per day, as corrected, as CSV").click()
    assert started.value.suggested_filename == "complaint.latency-day.csv"
    assert Path(started.value.path()).read_text().startswith("topic,ts,end,local_start,local_end,count,")


def test_a_rejection_without_a_reason_says_what_is_missing(open_page, pages, demo):
    page = open_page("approver", "/")
    page.goto(demo["url"] + pages[2])
    page.get_by_role("button", name="Reject this proposal").click()
    expect(page.get_by_text("Say why, so that the next proposal can be better.")).to_be_visible()
    expect(page.get_by_label("Why not?")).to_be_focused()


def test_the_overview_is_filtered_by_keyboard_and_its_address_reproduces_it(open_page, demo, pages):
    page = open_page("approver")
    page.keyboard.press("/")
    page.keyboard.type("response")
    tiles = page.locator(".tile:visible")
    expect(tiles).to_have_count(1)
    expect(page.locator("#shown")).to_contain_text("1 of ")
    page.get_by_label("State").focus()
    # The last state: without a limit, which this KPI has; what state it is in is up to the tests before.
    page.keyboard.press("End")
    expect(page.get_by_text("No KPI fits.")).to_be_visible()
    page.keyboard.press("Home")
    page.get_by_label("Group by first word").press("Space")
    expect(page.get_by_role("heading", name="complaint", exact=True)).to_be_visible()
    assert page.url == demo["url"] + "/?q=response&group=1"
    page.reload()
    expect(tiles).to_have_count(1)
    expect(page.get_by_role("heading", name="complaint", exact=True)).to_be_visible()


def test_a_chart_is_zoomed_and_read_by_keyboard_and_its_address_reproduces_it(open_page, pages):
    page = open_page("approver", "/kpis/complaint.latency/")
    page.get_by_role("link", name="24 hours").click()
    expect(page.locator("[data-span='24h']")).to_have_attribute("aria-current", "true")
    page.locator("#chart").press("End")
    expect(page.locator("#crosshair")).to_contain_text("point")
    page.locator("#chart").press("+")
    expect(page.get_by_role("button", name="Reset the zoom")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Reset the zoom")).to_be_visible()
    assert "span=24h&from=" in page.url
    page.locator("#chart").press("Escape")
    expect(page.get_by_role("button", name="Reset the zoom")).to_be_hidden()
    page.go_back()
    expect(page.get_by_role("button", name="Reset the zoom")).to_be_visible()


def test_a_span_is_dragged_over_to_zoom(open_page, pages):
    page = open_page("approver", "/kpis/complaint.latency/?span=24h")
    box = page.locator("#chart .u-over").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 20, box["y"] + 60, steps=5)
    page.mouse.up()
    expect(page.get_by_role("button", name="Reset the zoom")).to_be_visible()
    page.get_by_role("button", name="Reset the zoom").click()
    expect(page.get_by_role("button", name="Reset the zoom")).to_be_hidden()


def test_a_note_is_written_on_the_time_axis(open_page, pages):
    page = open_page("approver", "/kpis/complaint.latency/")
    page.get_by_text("Write a note on the time axis").click()
    page.get_by_label("What happened?").fill("New form went live")
    page.get_by_role("button", name="Add the note").click()
    expect(page.locator(".marks")).to_contain_text("New form went live")
    expect(page.locator(".marks")).to_contain_text("noted by approver")


def test_nothing_moves_for_who_wants_it_still(open_page, pages):
    page = open_page("approver", reduced_motion="reduce")
    moving = "(one) => getComputedStyle(one).animationName !== 'none'"
    assert page.evaluate(f"[...document.querySelectorAll('*')].filter({moving}).length") == 0


def test_no_page_scrolls_sideways_on_a_phone(open_page, demo, pages):
    page = open_page("admin", viewport=PHONE, expected=NOT_FOUND)
    wide = []
    for path in ["/accounts/login/", *pages, *VIEWS]:
        page.goto(demo["url"] + path)
        over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        wide += [(path, over)] if over > 0 else []
    assert wide == []


def test_the_theme_can_be_chosen_and_stays(open_page, demo):
    page = open_page("approver", color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("button", name="Dark theme").click()
    dark = page.evaluate(paper)
    assert dark != light
    page.goto(demo["url"] + "/inbox/")
    assert page.evaluate(paper) == dark
    expect(page.get_by_role("button", name="Light theme")).to_be_visible()


def test_a_wrong_password_is_said_in_a_sentence(open_page):
    page = open_page(None, "/inbox/")
    page.get_by_label("Name").fill("approver")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not belong together")


def test_times_are_in_the_readers_zone(open_page):
    page = open_page("approver")
    expect(page.locator("#live")).to_contain_text("Live ·")
    assert page.locator("#live").inner_text().endswith(("EST", "EDT"))


def test_the_chart_of_a_kpi_is_drawn(open_page):
    page = open_page("approver", "/kpis/complaint.latency/")
    expect(page.locator(".chart canvas")).to_be_visible()
    page.get_by_label("Table").check()
    expect(page.get_by_role("region", name="Values of the chart")).to_be_visible()
    assert page.url.endswith("?table=1"), "the address reproduces the view"


def test_the_admin_works_under_the_same_policy(open_page, demo):
    page = open_page("admin", "/admin/")
    for path in (
        "/admin/metrics_app/threshold/",
        "/admin/metrics_app/kpi/",
        *ADMIN,
        "/admin/pipelines_app/pipeline/",
    ):
        page.goto(demo["url"] + path)
        expect(page.locator("#content h1")).to_be_visible()


def test_paper_shows_the_state_in_words_and_no_buttons(open_page):
    page = open_page("approver")
    page.emulate_media(media="print")
    expect(page.locator(".tile .state").first).to_be_visible()
    expect(page.locator(".top nav")).to_be_hidden()


def test_paper_shows_the_values_of_a_chart_as_a_table(open_page, pages):
    page = open_page("approver", "/kpis/complaint.latency/", color_scheme="dark")
    expect(page.locator("#values")).to_be_hidden()
    page.emulate_media(media="print")
    expect(page.locator("#values table")).to_be_visible()
    expect(page.locator("#tools")).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
