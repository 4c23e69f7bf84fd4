"""What `manage.py check` says about ``PIPELINES_APP``."""

from django.apps import apps
from django.conf import settings
from django.core.checks import Error
from django.db import DEFAULT_DB_ALIAS, router
from django.utils.module_loading import import_string

from pipelines_app import conf
from pipelines_app.core.fields import SEVERITIES
from pipelines_app.core.guardrails import MOST_GUARDRAILS, read_topics
from pipelines_app.core.topics import is_pattern
from pipelines_app.exceptions import BadInput

MAPPINGS = ("ACTIONS", "ORIGINS")
MEASURES = ("measure", "freeze")
EFFECTS = ("describe_effect", "hours", "list_events")  # all of them, or effects are not measured


def check_settings(app_configs, **kwargs):
    """Unknown keys, dotted paths that lead nowhere, numbers that make no sense."""
    given = getattr(settings, "PIPELINES_APP", {})
    unknown = [name for name in given if name not in conf.DEFAULTS]
    errors = [
        Error(
            f"PIPELINES_APP has no key {name!r}.",
            hint=f"Known keys: {', '.join(conf.DEFAULTS)}.",
            id="pipelines_app.E001",
        )
        for name in unknown
    ]
    errors += check_mappings() + check_paths() + check_measurements() + check_numbers() + check_allowed()
    return errors + check_guardrails() + check_database()


def check_database():
    """An error where the project's routers send the rows elsewhere: its transactions would guard nothing."""
    alias = router.db_for_write(apps.get_model("pipelines_app", "Pipeline"))
    if alias == DEFAULT_DB_ALIAS:
        return []
    message = f"DATABASE_ROUTERS send the rows of pipelines_app to {alias!r}: they have to be in 'default'."
    hint = f"Call that database 'default', and route the other apps of the project away from {alias!r}."
    return [Error(message, hint=hint, id="pipelines_app.E008")]


def check_guardrails():
    """An error for guardrails that are no topics, or belong to what is no pattern of them."""
    given = conf.get("GUARDRAILS")
    if not isinstance(given, dict):
        return [fault_guardrails(given)]
    return [
        fault_guardrails({pattern: topics}) for pattern, topics in given.items() if not fits(pattern, topics)
    ]


def fits(pattern, topics):
    """Whether a pattern leads to a list of topics."""
    if (
        not isinstance(pattern, str)
        or not isinstance(topics, (list, tuple))
        or not all(isinstance(one, str) for one in topics)
    ):
        return False
    try:
        return is_pattern(pattern) and len(read_topics(" ".join(topics))) == len(topics)
    except BadInput:
        return False


def fault_guardrails(given):
    """What is wrong with a part of ``GUARDRAILS``."""
    return Error(
        f"PIPELINES_APP GUARDRAILS has {given!r}: expected a pattern and a list of at most {MOST_GUARDRAILS} "
        "topics, such as {'complaint.*': ['complaint.open']}.",
        id="pipelines_app.E006",
    )


def check_allowed():
    """An error for what an action may reach that is no list of texts, and for a delay that is none."""
    after = conf.get("EXECUTE_AFTER")
    wrong = [("EXECUTE_AFTER", after, "0 or more whole seconds")] * (type(after) is not int or after < 0)
    for key in ("ACTION_TASKS", "ACTION_RECIPIENTS"):
        allowed = conf.get(key)
        if not isinstance(allowed, (list, tuple)) or not all(isinstance(one, str) for one in allowed):
            wrong.append((key, allowed, "a list of texts"))
    return [
        Error(f"PIPELINES_APP {key} is {value!r}: expected {what}.", id="pipelines_app.E005")
        for key, value, what in wrong
    ]


def check_mappings():
    """An error for each of ``MAPPINGS`` that is no dict from names to dotted paths."""
    return [
        Error(
            f"PIPELINES_APP {name} is {value!r}, which cannot be used.",
            hint="Expected a dict from names to dotted paths, such as {'pay': 'city.actions.pay'}.",
            id="pipelines_app.E007",
        )
        for key in MAPPINGS
        for name, value in list_odd(key, conf.get(key))
    ]


def list_odd(key, given):
    """``(name, value)`` of what is no text in a mapping, or of what is no mapping."""
    if not isinstance(given, dict):
        return [(key, given)]
    names = [(f"{key}, of which a name", name) for name in given if not isinstance(name, str)]
    return names + [(f"{key}[{name!r}]", path) for name, path in given.items() if not isinstance(path, str)]


def list_paths():
    """``(key, dotted path)`` of everything the settings name."""
    config = conf.get_config()
    single = [(key, config[key]) for key in ("TOPICS", "WATCH", "FORMAT", "EMIT", "ON_WORK") if config[key]]
    handlers = [(key, path) for key in ("ON_CHANGE", "AUTHENTICATION") for path in config[key]]
    named = [
        (f"{key}[{name!r}]", path)
        for key in MAPPINGS
        if isinstance(config[key], dict)
        for name, path in config[key].items()
        if isinstance(path, str)
    ]
    return single + handlers + named


def check_paths():
    """An error for each dotted path that is not something to call."""
    errors = []
    for key, path in list_paths():
        try:
            found = callable(import_string(path))
            reason = "it is not a function"
        except ImportError as error:
            found, reason = False, str(error)
        if not found:
            message = f"PIPELINES_APP {key} is {path!r}, which cannot be used: {reason}."
            errors.append(Error(message, id="pipelines_app.E002"))
    return errors


def check_measurements():
    """An error for ``MEASUREMENTS`` that lack a function, or lead nowhere."""
    path = conf.get("MEASUREMENTS")
    try:
        found = conf.load("MEASUREMENTS")
    except (ImportError, AttributeError, ValueError) as error:
        lacks = str(error)
    else:
        wanted = MEASURES + EFFECTS * any(hasattr(found, name) for name in EFFECTS)
        missing = [name for name in wanted if found and not callable(getattr(found, name, None))]
        lacks = f"it has no function {' and no '.join(missing)}" if missing else ""
    if not lacks:
        return []
    message = f"PIPELINES_APP MEASUREMENTS is {path!r}, which cannot be used: {lacks}."
    return [Error(message, hint="Expected a module or object with these functions.", id="pipelines_app.E002")]


def check_numbers():
    """An error for a quorum or a time to decide that is no positive whole number."""
    config = conf.get_config()
    numbers = {"QUORUM": config["QUORUM"], "EVIDENCE_SPAN": config["EVIDENCE_SPAN"]}
    numbers |= {f"DECIDE_WITHIN[{name!r}]": conf.decide_within(name) for name in SEVERITIES}
    return [
        Error(f"PIPELINES_APP {key} is {value!r}: expected a whole number above 0.", id="pipelines_app.E003")
        for key, value in numbers.items()
        if type(value) is not int or value < 1
    ] + [
        Error(
            f"PIPELINES_APP DECIDE_WITHIN has no severity {name!r}.",
            hint=f"Known: {', '.join(SEVERITIES)}.",
            id="pipelines_app.E004",
        )
        for name in config["DECIDE_WITHIN"]
        if name not in SEVERITIES
    ]
