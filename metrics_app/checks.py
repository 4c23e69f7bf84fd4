"""What `manage.py check` says about ``METRICS_APP``."""

from django.conf import settings
from django.core.checks import Error
from django.utils.module_loading import import_string

from metrics_app import conf

# Everything whose default is a number counts something: points, bytes, seconds, rows.
COUNTS = [name for name, value in conf.DEFAULTS.items() if type(value) is int]


def check_settings(app_configs, **kwargs):
    """Unknown keys, dotted paths that lead nowhere, numbers that make no sense."""
    given = getattr(settings, "METRICS_APP", {})
    errors = [
        Error(
            f"METRICS_APP has no key {name!r}.",
            hint=f"Known keys: {', '.join(conf.DEFAULTS)}.",
            id="metrics_app.E001",
        )
        for name in given
        if name not in conf.DEFAULTS
    ]
    return errors + check_paths() + check_numbers()


def check_paths():
    """An error for each dotted path that is not something to call."""
    config = conf.get_config()
    named = [("BREACH_HANDLERS", path) for path in config["BREACH_HANDLERS"]]
    named += [(key, config[key]) for key in ("ACTIONS", "MARKS") if config[key]]
    errors = []
    for key, path in named:
        try:
            reason = "" if callable(import_string(path)) else "it is not a function"
        except ImportError as error:
            reason = str(error)
        if reason:
            message = f"METRICS_APP {key} is {path!r}, which cannot be used: {reason}."
            errors.append(Error(message, id="metrics_app.E002"))
    return errors


def check_numbers():
    """An error for a count that is no whole number above 0."""
    config = conf.get_config()
    return [
        Error(
            f"METRICS_APP {name} is {config[name]!r}: expected a whole number above 0.", id="metrics_app.E003"
        )
        for name in COUNTS
        if type(config[name]) is not int or config[name] < 1
    ]
