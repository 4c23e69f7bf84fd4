"""``django.contrib.admin`` with this project's site; apart from it: settings come before models."""

from django.contrib.admin.apps import AdminConfig


class SiteConfig(AdminConfig):
    """Django's own with another site."""

    default_site = "hms_gov.site.Site"
