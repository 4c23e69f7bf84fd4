"""What the project's admin shows to whom."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.templatetags.admin_urls import admin_urlname
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.urls import reverse

from metrics_app.models import Correction, Kpi, Receiver
from pipelines_app.services import propose

pytestmark = pytest.mark.django_db
with_beat = pytest.mark.skipif(
    not apps.is_installed("django_celery_beat"), reason="the scheduler has no tables here"
)
GROUPED = [("kpi", "owner"), ("apikey", "group"), ("receiver", "group")]


@with_beat
def test_of_the_schedulers_tables_a_superuser_sees_the_tasks_alone(admin_client):
    page = admin_client.get("/admin/").content.decode()
    assert "/admin/django_celery_beat/periodictask/" in page
    for table in ("solarschedule", "clockedschedule", "crontabschedule", "intervalschedule"):
        assert table not in page
    assert admin_client.get("/admin/django_celery_beat/intervalschedule/").status_code == 200


def test_an_analyst_sees_none_of_the_schedulers_tables(client):
    staff = User.objects.create_user("staff", is_staff=True)
    staff.user_permissions.set(Permission.objects.all())
    client.force_login(staff)
    page = client.get("/admin/").content.decode()
    assert "django_celery_beat" not in page and "Thresholds" in page


def test_no_filter_of_a_list_names_groups_or_rows_that_are_not_for_this_person(client):
    staff = User.objects.create_user("staff", is_staff=True)
    staff.user_permissions.set(Permission.objects.all())
    staff.groups.add(Group.objects.create(name="quoll office"))
    for name in ("numbat office", "bilby office"):
        group = Group.objects.create(name=name)
        Receiver.objects.create(name=f"{name} duty", group=group)
    client.force_login(staff)
    offered = {}
    # Whoever may see people sees their groups.
    for model in [model for model in admin.site._registry if model._meta.app_label != "auth"]:
        page = client.get(reverse(admin_urlname(model._meta, "changelist")))
        for one in page.context["cl"].filter_specs if page.status_code == 200 else ():
            if isinstance(one, admin.RelatedFieldListFilter):
                offered[model._meta.model_name, one.title] = [str(text) for _, text in one.lookup_choices]
        assert "numbat" not in page.content.decode() and "bilby" not in page.content.decode(), model
    assert offered == {(model, name): ["quoll office"] for model, name in GROUPED}


@with_beat
def test_nobody_adds_a_task_by_a_form_whose_script_is_refused(admin_client):
    assert admin_client.get("/admin/django_celery_beat/periodictask/add/").status_code == 403


def test_a_search_field_answers_for_fields_of_forms_alone(admin_client):
    for field in ("thresholds", "no_field", "topic"):
        asked = {"app_label": "metrics_app", "model_name": "kpi", "field_name": field, "term": ""}
        assert admin_client.get("/admin/autocomplete/", asked).status_code == 403, field
    asked = {"app_label": "metrics_app", "model_name": "threshold", "field_name": "kpi", "term": ""}
    assert admin_client.get("/admin/autocomplete/", asked).status_code == 200


def test_the_page_before_a_deletion_neither_tells_of_hidden_rows_nor_lets_them_go(client, db):
    staff, (author, group) = User.objects.create_user("staff", is_staff=True), make_owners()
    staff.user_permissions.set(Permission.objects.all())
    client.force_login(staff)
    for kind, row in (("user", author), ("group", group)):
        address = f"/admin/auth/{kind}/{row.pk}/delete/"
        chosen = {"action": "delete_selected", "_selected_action": row.pk}
        for page in (client.get(address), client.post(f"/admin/auth/{kind}/", chosen)):
            text = page.content.decode()
            assert "What is kept on record" in text and "quoll" not in text and "bilby" not in text
        assert client.post(address, {"post": "yes"}).status_code == 200
        client.post(f"/admin/auth/{kind}/", chosen | {"post": "yes"})
        assert type(row).objects.filter(pk=row.pk).exists()
    # The admin's log goes along with an account, and stands in nobody's way.
    Correction.objects.all().delete()
    text = client.get(f"/admin/auth/user/{author.pk}/delete/").content.decode()
    assert "Yes, I" in text and "quoll" not in text and "og entr" not in text
    client.post(f"/admin/auth/user/{author.pk}/delete/", {"post": "yes"})
    assert not User.objects.filter(pk=author.pk).exists()


def make_owners():
    """``(author, group)`` with a restricted KPI, a correction of it, a proposal and an entry in the log."""
    author, group = User.objects.create_user("author"), Group.objects.create(name="owners")
    kpi = Kpi.objects.create(topic="quoll.numbat", owner=group, restricted=True)
    Correction.objects.create(topic=kpi.topic, start=0, end=1, reason="bilby", author=author)
    propose(title="bilby", suggestion="bilby", topic=kpi.topic)
    kind = ContentType.objects.get_for_model(Kpi)
    LogEntry.objects.create(
        user=author, content_type=kind, object_id=kpi.pk, object_repr="quoll", action_flag=CHANGE
    )
    return author, group
