"""A request that was refused is one line in the log; what broke keeps its traceback."""

import io
import logging
from logging.config import DictConfigurator

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.core.exceptions import PermissionDenied

KPIS = "/admin/metrics_app/kpi/"


@pytest.fixture
def log():
    """What the project's handler writes."""
    configured = DictConfigurator(settings.LOGGING)
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(configured.configure_formatter(settings.LOGGING["formatters"]["line"]))
    for name in settings.LOGGING["handlers"]["console"]["filters"]:
        handler.addFilter(configured.configure_filter(settings.LOGGING["filters"][name]))
    logging.getLogger().addHandler(handler)
    yield handler.stream
    logging.getLogger().removeHandler(handler)


@pytest.fixture
def staff(db, client):
    """Somebody who may look at KPIs in the admin and at nothing else, logged in."""
    user = User.objects.create_user("ann", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_kpi"))
    client.force_login(user)


@pytest.mark.parametrize(
    ("ask", "status", "told"),
    [
        (lambda client: client.get("/admin/metrics_app/apikey/"), 403, "Permission denied"),
        (lambda client: client.get(f"{KPIS}add/"), 403, "Permission denied"),
        (lambda client: client.get(f"{KPIS}?owner__name__startswith=a"), 400, "owner__name__startswith"),
        (lambda client: client.get(f"{KPIS}?owner__user__x%0AERROR+forged=a"), 400, r"x\nERROR forged"),
        (lambda client: client.get(f"{KPIS}?_to_field=owner"), 400, "field owner cannot"),
        (lambda client: client.get("/", headers={"host": "evil_host"}), 400, "evil_host"),
        (
            lambda client: client.post("/accounts/login/", {f"f{n}": n for n in range(1001)}),
            400,
            "parameters exceeded",
        ),
    ],
)
def test_what_is_refused_is_one_line_without_a_traceback(staff, client, log, ask, status, told):
    assert ask(client).status_code == status
    [line] = log.getvalue().splitlines()
    assert told in line


@pytest.mark.parametrize(
    ("error", "extra"),
    [
        (ValueError("x"), {"status_code": 500}),
        (ValueError("x"), {"status_code": 400}),
        (PermissionDenied("x"), {}),
    ],
)
def test_what_broke_keeps_its_traceback(log, error, extra):
    logging.getLogger("django.request").error("Internal Server Error: %s", "/", exc_info=error, extra=extra)
    first, *traceback = log.getvalue().splitlines()
    assert first.endswith("Internal Server Error: /") and traceback[-1].endswith(f"{type(error).__name__}: x")
