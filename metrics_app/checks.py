"""What `manage.py check` says about ``METRICS_APP``."""

import re

from django.conf import settings
from django.core.checks import Error
from django.utils.module_loading import import_string

from metrics_app import conf, webhooks
from metrics_app.core.calendars import check_zone
from metrics_app.core.origins import check_origin
from metrics_app.core.receivers import Kind
from metrics_app.core.webhooks import parse_networks, parse_url
from metrics_app.exceptions import BadInput
from metrics_app.extensions import load_aggregates

CONTENT_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")
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
    return (
        errors
        + check_paths()
        + check_numbers()
        + check_webhooks()
        + check_site()
        + check_open_data()
        + check_formats()
        + check_ages()
    )


def check_ages():
    """An error for an age at which a part counts as away that is no number of seconds above 0, nor None."""
    given = conf.get("MAX_AGES")
    pairs = given.items() if isinstance(given, dict) else [("is", given)]
    return [
        Error(
            f"METRICS_APP MAX_AGES {part!r} is {age!r}: expected seconds above 0, or None for a part that is "
            "not to work here.",
            id="metrics_app.E009",
        )
        for part, age in pairs
        if not isinstance(given, dict) or not (age is None or (type(age) in (int, float) and age > 0))
    ]


def check_formats():
    """An error for a content type that no request can have, as its case is not looked at."""
    return [
        Error(
            f"METRICS_APP WIRE_FORMATS names {kind!r}: expected a content type in lower case and without "
            "parameters, such as 'text/csv'.",
            id="metrics_app.E008",
        )
        for kind in conf.get("WIRE_FORMATS")
        if not CONTENT_TYPE.fullmatch(kind)
    ]


def check_paths():
    """An error for each dotted path that is not something to call, no kind of receiver or no aggregate."""
    config = conf.get_config()
    named = [("BREACH_HANDLERS", path) for path in config["BREACH_HANDLERS"]]
    named += [(key, config[key]) for key in ("ACTIONS", "MARKS", "EVENTS", "OUTCOMES") if config[key]]
    named += [(f"WIRE_FORMATS {kind!r}", path) for kind, path in config["WIRE_FORMATS"].items()]
    named += [("READINESS", path) for path in config["READINESS"]]
    named += [("RECEIVER_KINDS", path) for path in config["RECEIVER_KINDS"]]
    faults = [(key, path, find_path_fault(key, path)) for key, path in named]
    faults += [("AGGREGATES", *fault) for fault in load_aggregates()]
    return [
        Error(f"METRICS_APP {key} is {path!r}, which cannot be used: {fault}.", id="metrics_app.E002")
        for key, path, fault in faults
        if fault
    ]


def find_path_fault(key, path):
    """What is wrong with a dotted path; "" where nothing is."""
    try:
        found = import_string(path)
    except ImportError as error:
        return str(error)
    if key == "RECEIVER_KINDS":
        return "" if isinstance(found, Kind) else "it is no metrics_app.core.receivers.Kind"
    return "" if callable(found) else "it is not a function"


def check_open_data():
    """An error for a zone that does not exist."""
    try:
        check_zone(conf.get("OPEN_DATA_ZONE"))
    except BadInput as error:
        return [Error(f"METRICS_APP OPEN_DATA_ZONE: {error}.", id="metrics_app.E007")]
    return []


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


def check_webhooks():
    """An error for each webhook or network that cannot be used; secrets are not repeated."""
    config, errors = conf.get_config(), []
    try:
        parse_networks(config["WEBHOOK_NETWORKS"])
    except BadInput as error:
        errors.append(Error(f"METRICS_APP WEBHOOK_NETWORKS: {error}.", id="metrics_app.E004"))
    if not isinstance(config["WEBHOOKS"], dict):
        message = "METRICS_APP WEBHOOKS is no dict of name → {'url', 'secret'}."
        return [*errors, Error(message, id="metrics_app.E005")]
    for name in config["WEBHOOKS"]:
        if fault := find_webhook_fault(name):
            errors.append(Error(f"METRICS_APP WEBHOOKS {name!r}: {fault}.", id="metrics_app.E005"))
    return errors


def find_webhook_fault(name):
    """What is wrong with one entry; "" where nothing is."""
    entry = conf.get("WEBHOOKS")[name]
    if not isinstance(entry, dict) or set(entry) != {"url", "secret"}:
        return "expected {'url': 'https://…', 'secret': 'whsec_…'}"
    try:
        parts, _ = parse_url(entry["url"])
        webhooks.find_webhook(name)
    except BadInput as error:
        return str(error)
    if parts.scheme == "http" and not conf.get("WEBHOOK_NETWORKS"):
        return "without TLS it may only go to a network of WEBHOOK_NETWORKS, which is empty"
    return ""


def check_site():
    """An error for a SITE_URL that is no origin."""
    site = conf.get("SITE_URL")
    try:
        if site:
            check_origin(site)
    except BadInput as error:
        return [Error(f"METRICS_APP SITE_URL: {error}.", id="metrics_app.E006")]
    return []
