"""What the project's admin shows to whom."""

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission, User

pytestmark = pytest.mark.django_db
with_beat = pytest.mark.skipif(
    not apps.is_installed("django_celery_beat"), reason="the scheduler has no tables here"
)


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


@with_beat
def test_nobody_adds_a_task_by_a_form_whose_script_is_refused(admin_client):
    assert admin_client.get("/admin/django_celery_beat/periodictask/add/").status_code == 403
