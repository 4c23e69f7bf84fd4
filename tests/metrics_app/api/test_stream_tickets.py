"""Tickets for partners' pages, and every other address refusing partners' keys."""

import io
import json
import re
import urllib.error
from pathlib import Path

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver
from redis import Redis

from metrics_app import connection
from metrics_app.streams import tickets

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

URL = "/api/v1/stream-tickets/"
PAGE = "https://www.example.org"
DOCUMENT = Path(__file__).resolve().parents[3] / "docs/partners.md"
OPEN = {"/healthz", "/readyz", "/readyz/emit", "/accounts/login/", "/admin/login/"} | {
    "/open-data/",
    "/open-data/catalog.json",
}
PARTS = {"topic": "complaint.latency", "pk": "1", "object_id": "1", "version": "1"}


@pytest.fixture
def partner(bearer):
    return bearer("partner", topics=["complaint.*"], origins=[PAGE])


def ask(client, headers, **wanted):
    return client.post(URL, wanted, content_type="application/json", headers=headers)


def test_a_ticket_is_for_the_keys_topics_and_its_only_origin(client, partner):
    answer = ask(client, partner)
    assert (answer.status_code, answer.json()["expires_in"]) == (201, 30)
    assert answer["Cache-Control"] == "no-store"
    ticket = tickets.redeem_ticket(answer.json()["ticket"])
    assert (ticket.origin, ticket.topics) == (PAGE, ("complaint.*",))


def test_a_ticket_may_be_narrower_than_the_key(client, partner):
    raw = ask(client, partner, topics=["complaint.latency"], origin="https://WWW.example.org:443").json()
    assert tickets.redeem_ticket(raw["ticket"]).topics == ("complaint.latency",)


def test_a_ticket_can_be_fetched_without_a_body_and_without_the_final_slash(client, partner):
    assert client.generic("POST", URL[:-1], headers=partner).status_code == 201


def test_a_ticket_lives_for_thirty_seconds_and_redis_holds_its_hash_only(client, partner, redis_url):
    raw = ask(client, partner).json()["ticket"]
    name = connection.name_key("ticket", tickets.hash_ticket(raw))
    redis = Redis.from_url(redis_url)
    assert 25 < redis.ttl(name) <= 30
    assert raw.encode() not in redis.get(name) and raw not in name


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"topics": ["hr.salary"]}, 403),
        ({"topics": ["complaints.x", "complaint.x"]}, 403),
        ({"topics": []}, 400),
        ({"topics": "complaint.latency"}, 400),
        ({"topics": [5]}, 400),
        ({"topics": ["Complaint"]}, 400),
        ({"topics": ["complaint.x"] * 201}, 400),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "*"}, 400),
        ({"origin": "null"}, 400),
        ({"origin": PAGE + "/page"}, 400),
        ({"origin": ["x"]}, 400),
        ({"scope": "read"}, 400),
    ],
)
def test_a_ticket_is_never_wider_than_the_key(client, partner, wanted, status):
    assert ask(client, partner, **wanted).status_code == status


def test_a_body_that_is_no_object_is_refused(client, partner):
    for body in ("[1]", '"x"', "5", "{"):
        assert client.post(URL, body, content_type="application/json", headers=partner).status_code == 400


def test_a_key_of_several_origins_says_which(client, bearer):
    headers = bearer("partner", topics=["a"], origins=[PAGE, "http://localhost:3000"])
    answer = ask(client, headers)
    assert answer.status_code == 400 and PAGE in answer.json()["errors"][0]["message"]
    assert ask(client, headers, origin="http://localhost:3000").status_code == 201


def test_only_partners_get_tickets(client, bearer, person):
    for scope in ("read", "emit", "propose"):
        assert ask(client, bearer(scope)).status_code == 403
    assert ask(client, {}).status_code == 401, "a session is not asked for"
    assert Client().get(URL, headers=bearer("partner")).status_code == 405


def test_tickets_count_against_the_keys_requests(client, bearer):
    headers = bearer("partner", topics=["a"], requests_per_minute=1)
    statuses = [ask(client, headers).status_code for _ in range(3)]
    assert 429 in statuses
    answer = ask(client, headers)
    assert answer.status_code == 201 or 0 < int(answer["Retry-After"]) <= 60


def list_addresses(patterns, before=""):
    """An example of every address of the site."""
    for pattern in patterns:
        text = str(pattern.pattern)
        text = re.sub(r"\(\?P<(\w+)>[^)]*\)", lambda m: PARTS.get(m[1], "1"), text)
        text = re.sub(r"<(?:\w+:)?(\w+)>", lambda m: PARTS.get(m[1], "1"), text)
        text = before + re.sub(r"\\Z|[\^$?]", "", text)
        if isinstance(pattern, URLPattern):
            yield "/" + text
        else:
            yield from list_addresses(pattern.url_patterns, text)


def test_a_partner_key_opens_no_other_address(partner):
    """By GET and by POST: what is not open to everybody asks for a log-in or refuses."""
    addresses = sorted(set(list_addresses(get_resolver().url_patterns)))
    assert len(addresses) > 100 and "/api/v1/points/" in addresses and "/kpis/complaint.latency/" in addresses
    opened = []
    for address in addresses:
        if address in OPEN or address == URL:
            continue
        for method in ("get", "post"):
            answer = getattr(Client(), method)(address, headers=partner)
            # A redirect leads to the log-in, or to an address that is tried here too.
            if answer.status_code not in (301, 302, 401, 403, 404, 405):
                opened.append((method, address, answer.status_code))
    assert opened == []


def test_a_partner_learns_nothing_from_an_error(partner):
    """A KPI that is there and one that is not answer the same words."""
    texts = {
        Client().get(f"/api/v1/kpis/{topic}/", headers=partner).content
        for topic in ("complaint.latency", "no.such")
    }
    assert len(texts) == 1


def test_the_page_for_partners_shows_an_address_that_answers_tickets(client, partner, rf, monkeypatch):
    text = DOCUMENT.read_text()
    names = {}
    exec(compile(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], "partners.md", "exec"), names)
    key = partner["Authorization"]
    monkeypatch.setenv("HMS_KEY", key.removeprefix("Bearer "))
    monkeypatch.setenv("HMS_URL", "http://testserver")

    def urlopen(asked, timeout):
        path, headers = asked.full_url.removeprefix("http://testserver"), dict(asked.header_items())
        answer = client.post(path, asked.data, content_type=headers.pop("Content-type"), headers={**headers})
        if answer.status_code >= 400:
            raise urllib.error.HTTPError(path, answer.status_code, "", None, None)
        return io.BytesIO(answer.content)

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    # As the page asks: POST, no body, no token.
    asks = rf.post("/metrics-ticket")
    assert json.loads(names["metrics_ticket"](asks).content)["ticket"].startswith("hmst_")
    assert names["metrics_ticket"].csrf_exempt
    assert names["metrics_ticket"](rf.get("/metrics-ticket")).status_code == 405
    monkeypatch.setenv("HMS_KEY", "hms_none")
    assert names["metrics_ticket"](asks).status_code == 401
