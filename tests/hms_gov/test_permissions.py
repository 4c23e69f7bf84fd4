"""The table of permissions in the documents is what admin and code ask for."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import RequestFactory
from django.urls import get_resolver, reverse

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
ROOT = Path(settings.BASE_DIR)
APPS = ("metrics_app", "pipelines_app")
NAME = re.compile(r"\b((?:metrics|pipelines)_app\.(?:view|add|change|delete|decide|turn|correct)_[a-z]+)\b")
PAGE = (ROOT / "docs/permissions.md").read_text()
TABLE = dict(re.findall(r"^\| `(\w+\.\w+)` \| (.+) \|$", PAGE, re.MULTILINE))


def list_models():
    """``[(model, its page), …]`` of the admin, which is empty until somebody asks for an address."""
    assert get_resolver().url_patterns
    return [(model, page) for model, page in admin.site._registry.items() if model._meta.app_label in APPS]


def visit(*names):
    """A request of a member of staff with these permissions, as the admin sees it."""
    user = User.objects.create_user(f"visitor{User.objects.count()}", is_staff=True)
    for name in names:
        app, _, codename = name.partition(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    request = RequestFactory().get("/")
    request.user, request.resolver_match = user, SimpleNamespace(url_name="")
    return request


def test_every_permission_of_the_table_exists_and_whatever_the_code_asks_is_in_it():
    known = {f"{p.content_type.app_label}.{p.codename}" for p in Permission.objects.all()}
    assert TABLE and set(TABLE) <= known and set(NAME.findall(PAGE)) == set(TABLE)
    named = set()
    for app in (*APPS, "hms_gov"):
        for path in (ROOT / app).rglob("*.py"):
            if "migrations" not in path.parts:
                named |= set(NAME.findall(path.read_text()))
    assert named & known <= set(TABLE), named & known - set(TABLE)


def test_every_page_of_the_admin_opens_with_the_permissions_of_the_table_and_no_others(client):
    for model, page in list_models():
        for action in ("view", "add", "change", "delete"):
            name = f"{model._meta.app_label}.{action}_{model._meta.model_name}"
            may = getattr(page, f"has_{action}_permission")(visit(name))
            assert not may or name in TABLE, f"{name} opens something and is not in the table"
            assert not getattr(page, f"has_{action}_permission")(visit()), f"{name} is not asked for"
        client.force_login(visit(f"{model._meta.app_label}.view_{model._meta.model_name}").user)
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        assert client.get(address, follow=True).status_code == 200, address


def test_those_of_the_table_that_a_page_asks_for_open_something():
    for name in TABLE:
        app, action, model = re.fullmatch(r"(\w+)\.([a-z]+)_(\w+)", name).groups()
        pages = {kind._meta.model_name: page for kind, page in list_models() if kind._meta.app_label == app}
        if action in ("view", "add", "change", "delete") and (model, action) not in ELSEWHERE:
            assert getattr(pages[model], f"has_{action}_permission")(visit(name)), name


# Asked for by pages, API or services, and not by the page of the model in the admin.
ELSEWHERE = {("pipeline", "add"), ("delegation", "change")}
