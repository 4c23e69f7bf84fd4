"""The scheduler's own tables: for superusers, and only the one they may need in the menu."""

from django.contrib import admin
from django_celery_beat import admin as beat
from django_celery_beat import models


class Unlisted:
    """Not in the menu; still reached from a periodic task's form."""

    def has_module_permission(self, request):
        """Nobody sets limits by it."""
        return False


class PeriodicTaskAdmin(beat.PeriodicTaskAdmin):
    """In the menu of superusers alone."""

    def has_module_permission(self, request):
        """An analyst has nothing to do there."""
        return request.user.is_superuser

    def has_add_permission(self, request):
        """The apps make their own rows; the form for others is beat's, with a script our policy refuses."""
        return False


for model in (
    models.SolarSchedule,
    models.ClockedSchedule,
    models.CrontabSchedule,
    models.IntervalSchedule,
    models.PeriodicTask,
):
    present = type(admin.site.get_model_admin(model))
    admin.site.unregister(model)
    quiet = (
        PeriodicTaskAdmin if model is models.PeriodicTask else type(present.__name__, (Unlisted, present), {})
    )
    admin.site.register(model, quiet)
