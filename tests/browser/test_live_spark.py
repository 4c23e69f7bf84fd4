"""<live-spark> on a page of another site: strict policy, tickets, and what its readers are told."""

import re
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from tests.browser.test_pages import find_faults

# The topic is this test's own: late answers to complaints would open the proposal others wait for.
PAGE = """<!doctype html><html lang="en"><title>A partner</title><main><h1>Permits</h1>
<live-spark topic="permit.latency" server="{url}" tickets="/ticket" label="Response time" unit="seconds"
limit="172800"></live-spark></main>
<script type="module" src="{url}/static/metrics_app/live-spark.js"></script>"""
POLICY = "default-src 'none'; script-src {url}; connect-src 'self' {url}"


class Partner(BaseHTTPRequestHandler):
    """A partner's own server: one page, and the address that passes tickets on."""

    def do_GET(self):
        site = self.server.site
        self.answer(200, PAGE.format(url=site), {"Content-Security-Policy": POLICY.format(url=site)})

    def do_POST(self):
        headers = {"Authorization": f"Bearer {self.server.key}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.server.site}/api/v1/stream-tickets/", b"{}", headers)
        self.server.tickets += 1
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                self.answer(200, response.read().decode(), {"Content-Type": "application/json"})
        except urllib.error.HTTPError as error:
            self.answer(error.code, "", {})

    def answer(self, status, text, headers):
        self.send_response(status)
        for name, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args):
        pass


@pytest.fixture
def partner(demo):
    """The partner's server, without a key yet."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Partner)
    server.site, server.key, server.tickets = demo["url"], "", 0
    server.origin = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def make_key(page, partner, demo):
    """A partner's key, made in the admin as a person does."""
    page.goto(demo["url"] + "/admin/metrics_app/apikey/add/")
    page.get_by_label("Name").fill(f"partner at {partner.origin}")
    page.get_by_label("subscribe to /mkt/ only").check()
    page.get_by_label("Topics").fill("permit.latency")
    page.get_by_label("Origins").fill(partner.origin)
    page.get_by_role("button", name="Save", exact=True).click()
    partner.key = page.locator("#raw-key").input_value()


def test_a_page_of_another_site_shows_a_live_line(open_page, demo, partner, call_api):
    admin = open_page("admin")
    make_key(admin, partner, demo)
    page = open_page(reduced_motion="reduce", expected=["401", "403"])
    page.goto(partner.origin)
    line, picture = page.locator("live-spark"), page.locator("live-spark").get_by_role("img")
    expect(line).to_have_attribute("data-state", "live")
    call_api("/api/v1/points/", "emit_key", {"topic": "permit.latency", "value": 500_000})
    expect(picture).to_have_attribute("aria-label", re.compile("beyond its limit of 48 h"))
    before = picture.get_attribute("aria-label")
    call_api("/api/v1/points/", "emit_key", {"topic": "permit.latency", "value": 900_000})
    expect(picture).not_to_have_attribute("aria-label", before)
    assert line.locator(".limit").count() == 1
    picture.focus()
    page.keyboard.press("End")
    expect(line.get_by_role("status")).to_contain_text(": ")
    assert find_faults(page) == []
    # Revoked: the line says so and looks so, and the page does not knock for ever.
    admin.goto(demo["url"] + f"/admin/metrics_app/apikey/?q={partner.server_port}")
    admin.locator("#result_list th.field-name a").first.click()
    admin.get_by_role("button", name="Revoke this key").click()
    expect(line).to_have_attribute("data-state", "ended")
    expect(line.locator(".frozen")).to_have_count(2)
    assert partner.tickets <= 3
