"""Readers whose clock is minutes off, or set while a page is open, are told the same as all others."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_live_spark import make_key, partner
from tests.browser.test_unless import SAVE

__all__ = ["partner"]

TOPIC = "permit.latency"  # the one of the partner's page; no other page of these tests shows it
OFF = 301_000  # ms; a point in the page's window of five minutes lies outside by such a clock
# A clock that is ``window.off`` ms ahead; the steady one goes on as it does where somebody sets the other.
SHIFT = """{ const Real = Date; globalThis.off = %d;
globalThis.Date = class extends Real {
  constructor(...given) { if (given.length) super(...given); else super(Real.now() + globalThis.off); }
  static now() { return Real.now() + globalThis.off; }
}; }"""
RULE = {"topic": TOPIC, "aggregate": "mean", "window": 300, "operator": "gt", "limit": 172_800}
RULE |= {"interval": 10, "title": "", "pending_for": 0}
YOUNG = re.compile(r"\b([1-5]?\d(\.\d+)? s|[1-4] min) ago")


@pytest.fixture
def breach(open_page, call_api, demo, partner):
    """An open breach of a rule on ``TOPIC``, a proposal about it, and a partner's page that shows it."""
    call_api("/api/v1/points/", "emit_key", {"topic": TOPIC, "value": 900_000})
    admin = open_page("admin")
    make_key(admin, partner, demo)
    admin.goto(demo["url"] + f"/kpis/{TOPIC}/")
    admin.goto(demo["url"] + "/admin/metrics_app/threshold/add/")
    token = admin.locator("[name=csrfmiddlewaretoken]").first.input_value()
    assert admin.evaluate(SAVE, [token, RULE]) == 201
    proposal = {"title": f"Permits wait, {partner.server_port}", "suggestion": "Lend two clerks"}
    return call_api("/api/v1/pipelines/", "propose_key", proposal | {"kpi": 900_000, "topic": TOPIC})["id"]


@pytest.mark.parametrize("off", [OFF, -OFF], ids=["fast", "slow"])
def test_a_clock_that_is_off_changes_nothing_on_any_page(off, breach, open_page, call_api, demo, partner):
    page = open_page("approver", "/accounts/login/", expected=["401", "403", "/ticket"])
    page.context.add_init_script(SHIFT % off)

    def check(look):
        """As it is, with the clock set to the server's and to the other side, and after the next point."""
        for now in (off, 0, -off):
            page.evaluate(f"globalThis.off = {now}")
            look()
        call_api("/api/v1/points/", "emit_key", {"topic": TOPIC, "value": 900_000})
        look()

    def look_at_overview():
        tile = page.locator(f'.tile[data-topic="{TOPIC}"]')
        expect(tile.locator(".state")).to_contain_text("Beyond limit")
        expect(tile).not_to_have_class(re.compile("unjudged"))
        expect(tile.locator(".age")).to_have_text(YOUNG)
        expect(page.locator("#live")).to_have_attribute("data-state", "live")

    def look_at_kpi():
        expect(page.locator("#kpi .state").first).to_contain_text("Beyond limit")
        expect(page.locator("#kpi .age").first).to_have_text(YOUNG)
        expect(page.locator("#live")).to_have_attribute("data-state", "live")
        page.wait_for_function(
            "import('/static/metrics_app/kpi.js').then(({ held }) => held.points.length > 0)"
        )

    def look_at_inbox():
        card = page.locator(f"#proposal-{breach}")
        expect(card.locator("[data-since]")).to_have_text(re.compile("less than a minute|^[1-3] min"))
        expect(card.locator("[data-due]")).to_have_text(re.compile(r"^due in "))
        expect(page.locator("#live")).to_have_attribute("data-state", "live")

    def look_at_line():
        line = page.locator("live-spark")
        expect(line).to_have_attribute("data-state", "live")
        said = re.compile("now 10 d 10 h, beyond its limit of 48 h")
        expect(line.get_by_role("img")).to_have_attribute("aria-label", said)
        expect(line.locator(".age")).to_have_text(YOUNG)

    looks = {"/": look_at_overview, f"/kpis/{TOPIC}/": look_at_kpi, "/inbox/": look_at_inbox}
    for address, look in looks.items():
        page.goto(demo["url"] + address)
        check(look)
    page.goto(partner.origin)
    check(look_at_line)
