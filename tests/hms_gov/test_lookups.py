"""The addresses of the admin's lists: what a page offers works, what it does not tell nobody anything."""

import inspect
import re
from html import unescape
from importlib import import_module

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from pipelines_app.services import propose
from tests.metrics_app.telling import happen, make_receiver, open_breach

pytestmark = pytest.mark.django_db
TRIED = ("", "__exact", "__startswith", "__regex", "__gt", "__isnull", "__in")
LINK = re.compile(r'href="\?([^"]+)"')


@pytest.fixture
def staff(client):
    """Somebody who may look at every page of the admin, and is no superuser."""
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.all())
    client.force_login(user)
    # The admin's pages are registered with the first address that is looked up.
    assert client.get("/admin/").status_code == 200
    return user


def list_pages():
    """``(model, address of its list)`` of the whole admin."""
    for model in admin.site._registry:
        yield model, reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def find_filters(its_admin):
    """What a list filters by: fields, and names of filters of its own."""
    for one in [*its_admin.list_filter, its_admin.date_hierarchy]:
        yield getattr(one, "parameter_name", None) or (one[0] if isinstance(one, tuple) else one)


def find_links(client, address):
    """The queries that a list's filters, columns and dates link to."""
    page = client.get(address, follow=True)
    return (
        {unescape(query) for query in LINK.findall(page.content.decode())}
        if page.status_code == 200
        else set()
    )


def test_no_column_that_a_list_does_not_offer_is_read_by_its_address(client, staff, rf):
    request, asked = rf.get("/"), 0
    request.user = staff
    for model, address in list_pages():
        its_admin = admin.site._registry[model]
        offered = set(find_filters(its_admin))
        names = [field.name for field in model._meta.get_fields() if field.name not in offered]
        for lookup in (f"{name}{one}" for name in names for one in TRIED):
            asked += 1
            assert not its_admin.lookup_allowed(lookup, "a", request), (address, lookup)
        # And the list goes by that.
        assert client.get(f"{address}?{names[-1]}__startswith=a").status_code in (302, 400, 403), address
    assert asked > 500


@pytest.mark.parametrize("module", ["lookups", "meanwhile", "management.database"])
def test_both_apps_have_the_same_rule(module):
    # Neither may import the other, and each stands alone in other projects.
    ours, theirs = (
        inspect.getsource(import_module(f"{app}.{module}")) for app in ("metrics_app", "pipelines_app")
    )
    assert ours == theirs


def test_a_date_that_is_none_is_refused_in_an_address(client, staff):
    odd = ["x", "99999999999", "9" * 5000, "0", "1", "9999"]
    queries = [*(f"year={year}" for year in odd), "year=2026&created_at__month=13", "day=0"]
    for query in queries:
        address = f"/admin/pipelines_app/pipeline/?created_at__{query}"
        assert client.get(address).status_code == 400, query[:40]


def test_whatever_a_list_links_to_it_answers(client, staff):
    make_receiver()
    happen(open_breach(fired_at=1))
    propose(title="Breach", suggestion="Hire", kpi=None, topic="complaint.latency")
    followed = 0
    for _, address in list_pages():
        for query in find_links(client, address):
            followed += 1
            answer = client.get(f"{address}?{query}")
            assert answer.status_code == 200, (address, query)
    assert followed > 50
