"""Requests that nobody thought of, made from the schema: no answer breaks what it promises.

As a superuser, a member of the group that owns the KPIs, an outsider, and with each kind of key, at
addresses that exist. A few of each in every run, the same ones always; hundreds in `make test-long`.
"""

import time
from datetime import timedelta
from functools import cache
from urllib.parse import urlencode

import pytest
import schemathesis
from django.contrib.auth.models import Group, Permission, User
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.db.transaction import atomic, set_rollback
from django.test import Client
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, given, seed, settings, strategies
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from metrics_app.models import Correction, Kpi, Note, Silence
from metrics_app.services.keys import create_key
from metrics_app.services.rules.deadman import save_expectation
from pipelines_app.services import delegate, propose
from tests.metrics_app.telling import happen, make_receiver, open_breach
from tests.metrics_app.watching import TOPIC, let_all_work, send

SECRET = "x" * 32  # of the CSRF cookie and its header, which only have to be the same
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.allow_header_conformance,
    checks.negative_data_rejection,
]
# Who asks: persons by name, keys by their scope.
PERSONS = ("root", "member", "outsider")
KEYS = ("emit", "read", "propose", "partner")
# Doors that no session opens: the key that does.
OF_KEYS = {"POST /api/v1/points/": "emit", "POST /api/v1/stream-tickets/": "partner"}
CREDENTIALS = ("Authorization", "X-API-Key")
# Streams live beside Django: a test of their own follows them.
STREAMS = ("/metrics/stream", "/mkt/metrics/stream")


@cache
def load_schema():
    """The schema as programs read it, bound to the project's WSGI application."""
    loaded = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))
    loaded.app = get_wsgi_application()
    return loaded


def list_operations():
    """``GET /api/v1/kpis/`` and all the others."""
    found = (result.ok() for result in load_schema().get_all_operations())
    return [operation.label for operation in found if operation.path not in STREAMS]


@pytest.fixture
def one_connection():
    """Requests stay on the test's connection, as with Django's own test client."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def world(db, one_connection):
    """One of everything, with and without what may be null; who may do all of it, and what is where."""
    root, now = User.objects.create_superuser("root"), time.time_ns() // 1_000_000
    group = make_people()
    for topic, open_data in ((TOPIC, True), ("er.wait", False)):
        Kpi.objects.create(topic=topic, unit="seconds", open_data=open_data, owner=group)
    send((now - 4_000_000, 5.0), (now - 60_000, 10.0), (now - 30_000, 1e308), (now - 20_000, 1e308))
    let_all_work()
    save_expectation(Kpi.objects.create(topic="er.silent", unit="seconds", expected_interval=60), by=root)
    make_receiver()
    breach = open_breach(fired_at=now - 600_000)
    happen(breach)
    open_breach("er.wait", fired_at=now - 600_000, recovered_at=now)
    Silence.objects.create(topic="complaint.*", reason="x", ends_at=timezone.now(), starts_at=timezone.now())
    Note.objects.create(topic=TOPIC, at=now, text="Nobody's", author=None)
    row = Correction.objects.create(
        topic=TOPIC, start=now - 120_000, end=now - 60_000, reason="x", author=root
    )
    pipeline = propose(title="Breach", suggestion="Hire", kpi=None, topic=TOPIC)[0]
    lent = delegate(
        by=root,
        to=User.objects.create_superuser("deputy"),
        starts_at=timezone.now(),
        ends_at=timezone.now() + timedelta(days=1),
    )
    return {"breaches": breach.pk, "thresholds": breach.threshold_id, "corrections": row.pk} | {
        "pipelines": pipeline.pk,
        "delegations": lent.pk,
        "notes": Note.objects.get().pk,
        "silences": Silence.objects.get().pk,
    }


def make_people():
    """A member of a group that may do all, and somebody who only has a log-in; the group."""
    group = Group.objects.create(name="Complaints")
    group.permissions.set(
        Permission.objects.filter(content_type__app_label__in=["metrics_app", "pipelines_app"])
    )
    User.objects.create_user("member").groups.add(group)
    User.objects.create_user("outsider")
    return group


def make_cases(operation, ids):
    """Cases that fit the schema and cases that do not, at addresses that exist and at others."""
    known = {"topic": TOPIC, "file": "day.csv"}
    known["id"] = next((pk for name, pk in ids.items() if f"/{name}/" in operation.path), 1)
    here = {one.name: known[one.name] for one in operation.path_parameters if one.name in known}
    return strategies.one_of(
        operation.as_strategy(mode, path_parameters=path or None)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        for path in ((here, here, {}) if here else ({},))
    )


def authorize(who):
    """Headers and cookies of a person or of a fresh key."""
    if who in KEYS:
        raw = create_key(name="a program", scopes=[who], topics=["complaint.*"])[1]
        return {"Authorization": f"Bearer {raw}"}, {}
    client = Client()
    client.force_login(User.objects.get(username=who))
    return {"X-CSRFToken": SECRET}, {"sessionid": client.cookies["sessionid"].value, "csrftoken": SECRET}


def list_checks(case):
    """All, but not that it is refused where perhaps only the credential is wrong, which is taken out."""
    wrong = {place for place, part in case.meta.components.items() if part.mode.is_negative}
    is_credential = wrong <= {ParameterLocation.HEADER} and any(name in case.headers for name in CREDENTIALS)
    return [check for check in CHECKS if not (is_credential and check is checks.negative_data_rejection)]


def run(label, ids, who, examples):
    """So many requests to one operation; their statuses. An error shows the request that broke it."""
    operation, statuses = load_schema().find_operation_by_label(label), set()
    headers, cookies = authorize(who)

    @seed(8)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=make_cases(operation, ids))
    def ask(case):
        wanted = list_checks(case)
        # Made up from the schema's ways to authenticate: beside another key it would open nothing.
        for name in CREDENTIALS:
            case.headers.pop(name, None)
        response = case.call(headers=headers, cookies=cookies)
        statuses.add(response.status_code)
        case.validate_response(response, checks=wanted)

    ask()
    return statuses


def walk(label, ids, many, few):
    """Everybody knocks, ``many`` times who is most likely to be let in; somebody is."""
    first, statuses = OF_KEYS.get(label, "root"), set()
    for who in (*PERSONS, *KEYS):
        with atomic():
            statuses |= run(label, ids, who, many if who == first else few)
            # What one deleted, the next finds again.
            set_rollback(True)
    assert statuses - {401, 403}, f"{label} was opened to nobody"


def list_parameters():
    """``(method, address, parameter)`` of every query parameter in the schema, streams left out."""
    for path, methods in load_schema().raw_schema["paths"].items():
        if path in STREAMS:
            continue
        address = path.format(topic=TOPIC, id=1, file="day.csv") if "{" in path else path
        for method, operation in methods.items():
            for one in operation.get("parameters", ()):
                if one["in"] == "query":
                    yield method, address, one["name"]


def test_a_parameter_that_is_empty_or_unknown_is_refused_by_its_name_everywhere(client, db):
    """Left out it asks for nothing; an empty one that did too would answer other rows than were asked for."""
    client.force_login(User.objects.create_superuser("root"))
    Kpi.objects.create(topic=TOPIC, open_data=True)
    parameters = list(list_parameters())
    assert len({address for _, address, _ in parameters}) > 15
    for method, address, name in parameters:
        for value in ("", "no such!"):
            response = getattr(client, method)(f"{address}?{urlencode({name: value})}")
            where = f"{method} {address}?{name}={value}"
            assert response.status_code == 400, where
            [fault] = response.json()["errors"]
            assert fault["field"] == name and repr(value) in fault["message"], where


@pytest.mark.parametrize("label", list_operations())
def test_no_answer_breaks_the_schema(world, label):
    walk(label, world, 6, 1)


@pytest.mark.long
@pytest.mark.parametrize("label", list_operations())
def test_no_answer_breaks_the_schema_whatever_is_asked(world, label):
    walk(label, world, 300, 20)
