"""Where a proposal and a rule are read, in projects that have a page for it."""

from django.conf import settings
from django.urls import NoReverseMatch, reverse


def find_page(name, *args):
    """The address of a page; "" in a project that does not have it."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return ""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
