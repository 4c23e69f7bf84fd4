"""What `manage.py check` says a project still lacks before points come in and pages are live.

What is missing is a warning: a command that needs none of it, as ``collectstatic``, is not to be stopped.
"""

from importlib.util import find_spec

from django.apps import apps
from django.conf import settings
from django.core.checks import Error, Warning
from django.db import DEFAULT_DB_ALIAS, router
from django.urls import Resolver404, resolve

from metrics_app import conf
from metrics_app.addresses import find_address, find_login

IN_MEMORY = "channels.layers.InMemoryChannelLayer"
LAYER = 'CHANNEL_LAYERS = {"default": {"BACKEND": "metrics_app.layer.RedisLayer"}}'


def warn(number, message, hint):
    """A warning of the app."""
    return Warning(message, hint=hint, id=f"metrics_app.W{number:03}")


def check_setup(app_configs, **kwargs):
    """No Redis address, no channel layer or one of a single process, rows in a database beside the first."""
    return check_address() + check_layer() + check_database()


def check_database():
    """An error where the project's routers send the rows elsewhere: its transactions would guard nothing."""
    alias = router.db_for_write(apps.get_model("metrics_app", "Kpi"))
    if alias == DEFAULT_DB_ALIAS:
        return []
    message = f"DATABASE_ROUTERS send the rows of metrics_app to {alias!r}: they have to be in 'default'."
    hint = f"Call that database 'default', and route the other apps of the project away from {alias!r}."
    return [Error(message, hint=hint, id="metrics_app.E010")]


def check_address():
    """A warning without an address of Redis."""
    if conf.get("REDIS_URL"):
        return []
    hint = 'METRICS_APP = {"REDIS_URL": "redis://127.0.0.1:6379/0"}'
    return [warn(1, "METRICS_APP names no REDIS_URL: no point is taken, and no page shows a figure.", hint)]


def check_layer():
    """A warning without a channel layer, and of one that no other process hears."""
    layer = getattr(settings, "CHANNEL_LAYERS", {}).get("default")
    if not layer:
        message = "CHANNEL_LAYERS has no default: open pages and streams hear of nothing."
    elif layer.get("BACKEND") == IN_MEMORY:
        message = "CHANNEL_LAYERS is in memory: pages of one process do not hear of the others."
    elif not find_spec(str(layer.get("BACKEND", "")).partition(".")[0] or "?"):
        message = f"CHANNEL_LAYERS names {layer.get('BACKEND')!r}, which is not installed."
    else:
        return []
    return [warn(2, message, LAYER)]


def check_login(app_configs, **kwargs):
    """A warning where the pages are there, and the address at which one would log in is not."""
    if not find_address("overview"):
        return []
    address = find_login()
    try:
        # An address of another site is somebody else's.
        if address.startswith("/"):
            resolve(address.partition("?")[0])
    except Resolver404:
        message = f"LOGIN_URL is {settings.LOGIN_URL!r}, where there is nothing: nobody can log in."
        return [warn(3, message, 'LOGIN_URL = "admin:login", or include django.contrib.auth.urls.')]
    return []
