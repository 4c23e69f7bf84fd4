"""``django.contrib.admin`` with this project's site; apart from it: settings come before models."""

from django.contrib import admin
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks


class SiteConfig(SimpleAdminConfig):
    """Django's own with another site, whose forms and lists are loaded by ``hms_gov.urls``.

    Workers, beat and collector have no pages: each would load the admin of every app at its start.
    """

    default_site = "hms_gov.site.Site"

    def ready(self):
        """Registers the checks of the admin, which look at every form."""
        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(check_forms, checks.Tags.admin)


def check_forms(app_configs, **kwargs):
    """Django's own check of the admin, once all of it is loaded."""
    admin.autodiscover()
    return check_admin_app(app_configs, **kwargs)
