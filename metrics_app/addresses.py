"""Where the pages and streams of a project are: as its URLconf has them, under whichever prefix."""

from django.conf import settings
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, get_resolver, reverse

SOCKET, STREAM, PARTNERS = "ws/metrics/", "metrics/stream", "mkt/metrics/stream"


def find_address(name, *args):
    """The address of a view by its name; "" in a project that has not included it, or has no pages at all."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return ""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def find_root():
    """The address below which the streams are: that of the pages; "/" in a project without any."""
    return find_address("overview") or "/"


def find_prefix():
    """As ``find_root``, as an ASGI application sees it: without what a server has taken away, and a slash."""
    try:
        return get_resolver().reverse("overview")
    except NoReverseMatch:
        return ""


def find_login():
    """Where one logs in; LOGIN_URL is a name or an address."""
    return resolve_url(settings.LOGIN_URL)
