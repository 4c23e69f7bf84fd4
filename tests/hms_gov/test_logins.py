"""Wrong passwords are bounded at every door that takes one, and lock nobody out by name."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import pytest
import uvicorn
from axes.models import AccessAttempt
from django.apps import apps
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.utils.module_loading import import_string
from django.utils.timezone import now
from rest_framework.authentication import BasicAuthentication

from hms_gov.half_open import bound_servers
from hms_gov.logins import MANY, PER_ADDRESS, find_address
from hms_gov.schedule import SCHEDULE
from tests.doors import list_patterns

DOORS = ("/accounts/login/", "/admin/login/")
LIMIT = 5
HERE, ELSEWHERE = "203.0.113.7", "198.51.100.9"


@pytest.fixture
def ada(db):
    return User.objects.create_user("ada", password="right", is_staff=True)


def knock(client, door=DOORS[0], name="ada", password="wrong", address=HERE, **headers):
    """The answer to one log-in."""
    return client.post(
        door, {"username": name, "password": password}, REMOTE_ADDR=address, headers=headers or None
    )


@pytest.mark.parametrize("door", DOORS)
def test_it_takes_five_wrong_passwords_and_then_no_right_one(client, ada, door):
    statuses = [knock(client, door).status_code for _ in range(LIMIT)]
    assert statuses == [200] * (LIMIT - 1) + [429]
    for other in DOORS:
        locked = knock(client, other, password="right")
        assert locked.status_code == 429 and 0 < int(locked["Retry-After"]) <= 900
        assert "Too many wrong passwords" in locked.content.decode()
        assert "default-src 'self'" in locked["Content-Security-Policy"]


def test_who_only_knows_a_name_locks_nobody_out(client, ada):
    for _ in range(LIMIT + 1):
        knock(client, address=ELSEWHERE)
    assert knock(client, password="right").status_code == 302


def test_it_answers_a_name_that_is_not_there_in_the_same_way(client, ada):
    def answers(name, address):
        found = [knock(client, name=name, address=address) for _ in range(LIMIT + 1)]
        return [(answer.status_code, hide(answer.content.decode(), name)) for answer in found]

    def hide(page, name):
        head, _, rest = page.partition('name="csrfmiddlewaretoken" value="')
        return re.sub(r'data-now="\d+"', "", head + rest[64:]).replace(name, "…")

    assert answers("ada", HERE) == answers("nobody", ELSEWHERE)


def test_it_bounds_an_address_that_tries_many_names(client, ada):
    statuses = [knock(client, name=f"name{number}").status_code for number in range(PER_ADDRESS)]
    assert statuses == [200] * (PER_ADDRESS - 1) + [429]
    assert knock(client, password="right").status_code == 429
    assert knock(client, password="right", address=ELSEWHERE).status_code == 302


def test_a_log_in_forgets_the_slips_of_its_own_name_alone(client, ada):
    User.objects.create_user("eve", password="hers")
    for _ in range(LIMIT - 1):
        knock(client)
    assert knock(client, name="eve", password="hers").status_code == 302
    client.logout()
    assert knock(client).status_code == 429
    for _ in range(LIMIT - 1):
        knock(client, address=ELSEWHERE)
    assert knock(client, password="right", address=ELSEWHERE).status_code == 302
    client.logout()
    assert knock(client, address=ELSEWHERE).status_code == 200


def test_it_says_so_in_json_to_who_asks_for_it(client, ada):
    for _ in range(LIMIT):
        answer = knock(client, Accept="application/json")
    assert answer.status_code == 429 and answer["Retry-After"]
    assert "Too many wrong passwords" in answer.json()["errors"][0]["message"]


def test_a_pause_ends_and_what_was_counted_is_deleted(client, ada, settings):
    for _ in range(LIMIT):
        knock(client)
    early = AccessAttempt.objects.get().attempt_time - settings.AXES_COOLOFF_TIME
    AccessAttempt.objects.update(attempt_time=early)
    assert knock(client, password="right").status_code == 302
    assert not AccessAttempt.objects.exists()


@pytest.mark.parametrize(
    "remote, forwarded, expected",
    [
        (HERE, "192.0.2.1", HERE),  # nobody's word about himself
        ("10.0.0.2", "192.0.2.66, 192.0.2.1", "192.0.2.1"),  # what the proxy saw, not what it was told
        ("10.0.0.2", "192.0.2.1, 10.0.0.3", "192.0.2.1"),  # two proxies
        ("10.0.0.2", "", "10.0.0.2"),
        ("10.0.0.2", "unknown", "10.0.0.2"),
        ("::ffff:203.0.113.7", "", HERE),
        ("2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::"),
        ("", "192.0.2.1", None),
    ],
)
def test_it_believes_trusted_proxies_alone_about_who_came(rf, settings, remote, forwarded, expected):
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    request = rf.post("/accounts/login/", REMOTE_ADDR=remote, headers={"X-Forwarded-For": forwarded})
    assert find_address(request) == expected


@pytest.mark.parametrize("flags", [{}, {"proxy_headers": True, "forwarded_allow_ips": "*"}])
def test_uvicorn_believes_nobody_by_itself(monkeypatch, flags):
    """By itself it takes the word of whoever comes from 127.0.0.1, which may be another name each time."""
    monkeypatch.setattr(uvicorn.config, "ProxyHeadersMiddleware", uvicorn.config.ProxyHeadersMiddleware)
    seen = []

    async def application(scope, receive, send):
        seen.append((scope["client"], scope["scheme"]))

    bound_servers()
    config = uvicorn.Config(application, log_config=None, **flags)
    config.load()
    headers = [(b"x-forwarded-for", b"192.0.2.1"), (b"x-forwarded-proto", b"https")]
    scope = {"type": "http", "client": ("127.0.0.1", 1), "scheme": "http", "headers": headers}
    asyncio.run(config.loaded_app(scope, None, None))
    assert seen == [(("127.0.0.1", 1), "http")]


def test_no_documented_command_tells_a_server_to_believe_proxies():
    root = Path(__file__).resolve().parent.parent.parent
    texts = [*root.glob("*.md"), *root.glob("docs/**/*.md"), root / "Dockerfile", root / "compose.yaml"]
    told = re.compile(r"(?:uvicorn|daphne)\b[^`\n]*--(?:proxy-headers|forwarded-allow-ips)")
    assert not [path.name for path in texts if told.search(path.read_text())]


def test_behind_a_proxy_all_doors_know_who_came(client, ada, settings):
    """Who names another address before the proxy's is counted all the same."""
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    for number in range(LIMIT):
        answer = knock(client, address="10.0.0.2", **{"X-Forwarded-For": f"192.0.2.{number}, {HERE}"})
        assert answer.wsgi_request.META["REMOTE_ADDR"] == HERE
    assert knock(client, password="right").status_code == 429
    assert knock(client, password="right", address=ELSEWHERE).status_code == 302


def test_no_other_door_takes_a_password():
    views = [pattern.callback.cls for pattern in list_patterns() if hasattr(pattern.callback, "cls")]
    kinds = [kind for view in views for kind in view().get_authenticators()]
    assert len(views) > 40 and not any(isinstance(kind, BasicAuthentication) for kind in kinds)


def test_a_command_may_ask_without_a_request(ada):
    assert authenticate(username="ada", password="right") == ada


def test_each_night_what_no_longer_counts_is_deleted_though_nobody_logs_in(client, ada):
    for address in (HERE, ELSEWHERE):
        knock(client, address=address)
    AccessAttempt.objects.filter(ip_address=HERE).update(attempt_time=now() - timedelta(minutes=16))
    for name, entry in SCHEDULE.items():
        import_string(entry["task"])()
        if apps.is_installed("django_celery_beat"):
            task = apps.get_model("django_celery_beat", "PeriodicTask").objects.get(name=name)
            assert (task.task, task.queue, task.crontab.hour) == (entry["task"], "slow", "3")
    assert list(AccessAttempt.objects.values_list("ip_address", flat=True)) == [ELSEWHERE]


def test_spellings_of_a_name_are_tries_of_one_account(client, ada):
    for name in ("ada", "ADA", " ada", "\uff41da"):
        assert knock(client, name=name).status_code == 200
    assert knock(client, name="Ada ").status_code == 429
    assert AccessAttempt.objects.get().username == "ada"


def test_the_log_tells_of_a_name_that_is_tried_from_many_addresses(client, ada, caplog):
    def lines():
        return [one.message for one in caplog.records if one.name == "hms_gov.logins"]

    addresses = [f"198.51.100.{number}" for number in range(MANY)]
    for address in addresses[:-1]:
        knock(client, name="Ada", address=address)
    assert lines() == []
    for _ in range(2):
        assert knock(client, address=addresses[-1]).status_code == 200
    assert lines() == [f"Wrong passwords for 'ada' come from {MANY} addresses by now"]
    assert knock(client, password="right").status_code == 302
