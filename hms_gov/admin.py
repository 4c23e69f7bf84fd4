"""What the project changes in the admin of others."""

from django.apps import apps

if apps.is_installed("django_celery_beat"):
    import hms_gov.beat_admin  # noqa: F401 (it registers on import)
