"""Passwords that are tried one after the other: bounded by account and address, never by the name alone.

Who only knows a name can lock nobody out with it: wrong passwords count for the address they come
from. django-axes keeps the count in the database, where every process finds it.
"""

import logging
import unicodedata
from ipaddress import ip_address, ip_network
from math import ceil

from axes.backends import AxesBackend
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.http import JsonResponse
from django.shortcuts import render
from django.utils.timezone import now

logger = logging.getLogger(__name__)

MANY = 10  # addresses with wrong passwords for one name that are worth a line in the log
LONGEST_NAME = 255  # characters, as the table of django-axes has them
PER_ADDRESS = 50  # wrong passwords from one address, whatever the names: more than an office mistypes
IPV6_PREFIX = 64  # bits; whoever has one address of such a network has all of them


class PasswordBackend(AxesBackend):
    """Django's own log-in by name and password, asked only where the bounds leave room."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        """The user or None; PermissionDenied beyond a bound, whether the password is right or wrong."""
        # Without a request there is no door: a command or a test asks.
        if request is not None:
            super().authenticate(request, username=username, password=password, **kwargs)
        return ModelBackend.authenticate(self, request, username=username, password=password, **kwargs)


class LoginHandler(AxesDatabaseHandler):
    """The two bounds in one count, for django-axes knows one limit: that of an account."""

    def get_failures(self, request, credentials=None):
        """Wrong passwords within the pause; those of the whole address weigh less."""
        of_account, of_address = (
            sum(attempts.values_list("failures_since_start", flat=True))
            for attempts in self.get_user_attempts(request, credentials)
        )
        return max(of_account, of_address * settings.AXES_FAILURE_LIMIT // PER_ADDRESS)

    def reset_user_attempts(self, request, credentials=None):
        """Forgets what a log-in proves to be slips of its own account, and nothing of other names."""
        of_account, _ = self.filter_user_attempts(request, credentials)
        return of_account.delete()[0]

    def user_login_failed(self, sender, credentials, request=None, **kwargs):
        """Counts a wrong password; a line in the log where a name has them from more and more addresses."""
        super().user_login_failed(sender, credentials, request=request, **kwargs)
        if request is not None and not request.axes_locked_out:
            tell_spread(normalize_name(request, credentials), request.axes_ip_address)

    def find_seconds_left(self, request, credentials):
        """Seconds after which a locked door is open again, at the latest."""
        times = [
            attempts.order_by("-attempt_time").values_list("attempt_time", flat=True).first()
            for attempts in self.get_user_attempts(request, credentials)
        ]
        last = max((time for time in times if time), default=now())
        return max(1, ceil((last + settings.AXES_COOLOFF_TIME - now()).total_seconds()))


def tell_spread(name, address):
    """Logs that wrong passwords for a name come from many addresses, at 10 of them, 20, 40 … each.

    Nothing bounds them, or whoever only knows the name could lock its owner out: somebody is to know.
    """
    rows = AccessAttempt.objects.filter(username=name, attempt_time__gte=now() - settings.AXES_COOLOFF_TIME)
    of_address = sum(rows.filter(ip_address=address).values_list("failures_since_start", flat=True))
    if of_address != 1:
        return
    addresses = rows.order_by().values("ip_address").distinct().count()
    if addresses % MANY == 0 and (addresses // MANY).bit_count() == 1:
        logger.warning("Wrong passwords for %r come from %s addresses by now", name, addresses)


def normalize_name(request, credentials=None):
    """The name that wrong passwords count for: the spellings of an account that a form takes are one.

    So are those that differ in case alone, be they of two accounts.
    """
    given = credentials.get("username") if credentials else request.POST.get("username")
    return given if given is None else unicodedata.normalize("NFKC", given).strip().casefold()[:LONGEST_NAME]


def forget_attempts():
    """Deletes the wrong passwords that no longer count, of every name and address; how many rows."""
    return AccessAttempt.objects.filter(attempt_time__lte=now() - settings.AXES_COOLOFF_TIME).delete()[0]


def find_address(request):
    """The address that counts, of IPv6 its /64; None where the server tells none."""
    found = find_visitor(request)
    if found is None or found.version == 4:
        return found and str(found)
    return str(ip_network((found, IPV6_PREFIX), strict=False).network_address)


def find_visitor(request):
    """Who came, as an IP address; None where the server tells none.

    Only a proxy of ``TRUSTED_PROXIES`` is believed about who came to it.
    """
    trusted = [ip_network(text) for text in settings.TRUSTED_PROXIES]
    found = read_address(request.META.get("REMOTE_ADDR", ""))
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    while found is not None and hops and is_inside(found, trusted):
        came_from = read_address(hops.pop().strip())
        if came_from is None:
            break
        found = came_from
    return found


def read_address(text):
    """An IP address, an IPv4 one also from its IPv6 form; None for anything else."""
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def is_inside(address, networks):
    """Whether an address is of one of the networks."""
    return any(address.version == network.version and address in network for network in networks)


def answer_locked(request, *rest):
    """429 with ``Retry-After``: a page for people, JSON for who asks for it. The same for every name."""
    seconds = LoginHandler().find_seconds_left(request, request.axes_credentials)
    headers = {"Retry-After": str(seconds), "Cache-Control": "no-store"}
    minutes = ceil(seconds / 60)
    if request.get_preferred_type(["text/html", "application/json"]) == "application/json":
        message = f"Too many wrong passwords from this address: try again in {seconds} s."
        errors = {"errors": [{"field": None, "message": message}]}
        return JsonResponse(errors, status=429, headers=headers)
    response = render(request, "registration/locked.html", {"minutes": minutes}, status=429)
    for name, value in headers.items():
        response[name] = value
    return response
