"""Settings of the app: one dict, read late, so that tests and projects may override it."""

from functools import cache
from pkgutil import resolve_name

from django.conf import settings
from django.core.signals import setting_changed

DEFAULTS = {
    "ACTIONS": {},  # name -> dotted path: what an approved proposal can carry out
    "ACTION_TASKS": [],  # names of Celery tasks that the action of `actions.celery_task` may hand over
    "ACTION_RECIPIENTS": [],  # mail addresses, or "@domain", that the action of `actions.mail` may write to
    "EXECUTE_AFTER": 10,  # seconds from the approval to the execution, in which it can be undone
    # Dotted path of a module or object that answers ``measure`` and ``freeze``: what a rule sees of a KPI.
    "MEASUREMENTS": "",
    # Dotted path: describe(topic) -> {"known", "unit", "restricted", "restricted_to": Group or None}.
    # Where it has an attribute ``read(topic, hold=)``, that is asked, of the rows, for what is to be written.
    "TOPICS": "",
    # Dotted path: describe(topics) -> {topic: {"name", "aggregate", "window", "rules": [{"id", …}]}}.
    "WATCH": "",
    # Dotted path: format(value, unit, beside=limit) -> a value in the reader's units.
    "FORMAT": "",
    # Dotted paths of REST framework's authentication classes: how programs show their key.
    "AUTHENTICATION": [],
    # Prefix of an origin -> dotted path: handler(pipeline), called after each change of a proposal that such
    # an origin opened, at least once, whatever dies meanwhile.
    "ORIGINS": {},
    "ON_WORK": "",  # dotted path: note(part), called when the drain of errands ("errands") has worked
    "ON_CHANGE": [],  # dotted paths: handler(pipeline), called after each committed change of state
    # Dotted path: emit(topic, value, at=ms, key=text), told the figures by which the process watches itself.
    "EMIT": "",
    "SITE_URL": "",  # https://… of this site, for the links in mails
    "QUORUM": 1,  # approvals a proposal needs, where no policy fits
    "DECIDE_WITHIN": {"critical": 4 * 3600, "warning": 24 * 3600, "info": 24 * 3600},  # seconds, likewise
    # Pattern of topics -> topics of KPIs that are judged beside those it fits, whatever their policy.
    "GUARDRAILS": {},
    "EVIDENCE_SPAN": 3600,  # seconds of the KPI that are frozen with a proposal
}

# Defaults that another installed app brings in place of these: see ``offer``.
OFFERED = {}


@cache
def get_config():
    """The settings dict ``PIPELINES_APP`` over the defaults."""
    return DEFAULTS | OFFERED | getattr(settings, "PIPELINES_APP", {})


def offer(**defaults):
    """Defaults from an app that joins this one to others; what the project sets counts more.

    KeyError for a name that is no setting.
    """
    if unknown := defaults.keys() - DEFAULTS.keys():
        raise KeyError(f"PIPELINES_APP has no key {', '.join(sorted(unknown))}")
    OFFERED.update(defaults)
    get_config.cache_clear()


def get(name):
    """One setting by its name in ``DEFAULTS``."""
    return get_config()[name]


def load(name):
    """What is behind a setting that holds one dotted path, or None where it is empty."""
    path = get(name)
    return resolve_name(path) if path else None


def decide_within(severity):
    """Seconds people have to decide a proposal of this severity."""
    return get("DECIDE_WITHIN").get(severity, DEFAULTS["DECIDE_WITHIN"][severity])


def reset_config(*, setting, **kwargs):
    """Forgets the cached dict when a test overrides it."""
    if setting == "PIPELINES_APP":
        get_config.cache_clear()


setting_changed.connect(reset_config)
