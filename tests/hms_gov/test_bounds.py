"""What no request may do, whichever server it comes through: take for ever, never end, or be a form."""

import asyncio
import json

import pytest

from hms_gov import bounds
from hms_gov.bounds import bound_requests
from tests.doors import list_doors

POST = {"type": "http", "path": "/api/v1/points/", "headers": []}
DOORS = [door for package in ("metrics_app.api", "pipelines_app.api") for door in list_doors(package)]


class Visit:
    """One request to an application that reads all of the body and then answers 202."""

    def __init__(self, *pieces, **scope):
        self.pieces, self.scope, self.sent, self.read = list(pieces), POST | scope, [], b""

    async def application(self, scope, receive, send):
        while (message := await receive())["type"] == "http.request":
            self.read += message["body"]
            if not message["more_body"]:
                await send({"type": "http.response.start", "status": 202, "headers": []})
                await send({"type": "http.response.body", "body": b""})
                return

    async def receive(self):
        if not self.pieces:
            await asyncio.Event().wait()
        piece = self.pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(self.pieces) or piece == b"..."}

    async def send(self, message):
        self.sent.append(message)

    async def run(self):
        """``(status, message)`` of the answer."""
        await asyncio.wait_for(bound_requests(self.application)(self.scope, self.receive, self.send), 10)
        body = b"".join(message.get("body", b"") for message in self.sent)
        return self.sent[0]["status"], json.loads(body)["errors"][0]["message"] if body else ""


@pytest.fixture(autouse=True)
def short(settings):
    settings.REQUEST_IDLE, settings.REQUEST_SECONDS = 0.05, 0.2


async def test_a_whole_body_passes_piece_by_piece():
    visit = Visit(b"ab", b"cd")
    assert await visit.run() == (202, "") and visit.read == b"abcd"


async def test_a_body_that_stops_is_answered_and_its_application_ends(settings):
    settings.REQUEST_SECONDS = 60
    visit = Visit(b"...")
    message = "The body stopped for 0.05 s, or was not whole after 60 s: send it again."
    assert await visit.run() == (408, message)
    assert (b"connection", b"close") in visit.sent[0]["headers"]


async def test_a_body_that_drips_ends_with_the_time_of_all_of_it(settings):
    settings.REQUEST_IDLE = 5
    visit = Visit()

    async def drip():
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b" ", "more_body": True}

    visit.receive = drip
    assert (await visit.run())[0] == 408


async def test_what_comes_too_late_after_an_answer_only_ends_the_request():
    visit = Visit(b"...")

    async def answer_first(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        assert (await receive())["type"] == "http.request"
        assert (await receive())["type"] == "http.disconnect"
        await send({"type": "http.response.body", "body": b"too late"})

    visit.application = answer_first
    assert await visit.run() == (200, "")


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"7000000")]])
async def test_a_body_that_is_too_large_reaches_nobody(headers, monkeypatch):
    monkeypatch.setattr(bounds, "LARGEST", 5)
    visit = Visit(b"abc", b"def", b"ghi", headers=headers)
    if headers:
        monkeypatch.setattr(bounds, "LARGEST", 6_000_000)
    assert await visit.run() == (413, "The body is over 6,000,000 bytes.")
    assert visit.pieces == [] and len(visit.read) < 5


@pytest.mark.parametrize("kind", [b"multipart/form-data; boundary=x", b" Multipart/Form-Data"])
async def test_no_address_of_programs_takes_a_form(kind):
    for path in {door.url for door in DOORS if not door.url.startswith("/open-data")} | {"/metrics/stream"}:
        visit = Visit(b"--x", path=path, headers=[(b"content-type", kind)])
        status, message = await visit.run()
        assert (status, visit.read) == (415, b""), path
        assert message.endswith("expected application/json.")
    visit = Visit(b"--x", path="/admin/metrics_app/threshold/import/", headers=[(b"content-type", kind)])
    assert (await visit.run())[0] == 202
