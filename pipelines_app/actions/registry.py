"""The actions of the settings, by name."""

import logging
import time

from django.db import DatabaseError
from django.utils.module_loading import import_string

from pipelines_app import conf
from pipelines_app.core.fields import shorten
from pipelines_app.core.orders import tell_parameters
from pipelines_app.exceptions import BadInput

logger = logging.getLogger(__name__)

TELL_EVERY = 300  # seconds between two lines about an action that cannot say where its orders go

told = {}  # name of such an action -> monotonic seconds of its next line, per process


def list_actions():
    """The names that a threshold or a proposal may choose."""
    return sorted(conf.get("ACTIONS"))


def find_action(name):
    """The callable of a name; BadInput for a name that the settings do not have."""
    path = conf.get("ACTIONS").get(name) if isinstance(name, str) else None
    if path is None:
        known = ", ".join(list_actions()) or "none"
        raise BadInput(f"{shorten(name)} is no action of the settings; known are: {known}", field="action")
    return import_string(path)


def check_action(name, params, rule=None):
    """BadInput unless the settings have the action, and it can work with the parameters.

    ``rule``: what would propose it, as the project has it, saved or not.
    """
    action = find_action(name)
    if not isinstance(params, dict):
        raise BadInput(f"action_params must be a JSON object, not {shorten(params)}", field="action_params")
    if check := getattr(action, "check", None):
        check(params)
    if rule is not None and (check_for := getattr(action, "check_for", None)):
        check_for(params, rule)


def list_touched(name, params):
    """What an action touches, as entries that name evidence; BadInput for an action the settings lack."""
    names = getattr(find_action(name), "names", None)
    return names(params) if names else []


def freeze_params(name, params, evidence):
    """The parameters as a proposal keeps them; BadInput as ``check_action``."""
    check_action(name, params)
    freeze = getattr(find_action(name), "freeze", None)
    return freeze(params, evidence) if freeze else params


def thaw_params(name, params):
    """What an action was asked for, of what ``freeze_params`` made; BadInput for an unknown one."""
    thaw = getattr(find_action(name), "thaw", None)
    return thaw(params) if thaw else params


def freeze_again(name, params, evidence):
    """Frozen parameters anew, of another proposal and as things are now; BadInput as ``check_action``."""
    return freeze_params(name, thaw_params(name, params), evidence)


def try_freezing(name, params, evidence, *, freeze=freeze_params):
    """``(parameters, why not)``: those that were frozen, or the plain ones and why it is impossible."""
    try:
        return freeze(name, params, evidence), ""
    except BadInput as error:
        return params, str(error)
    except DatabaseError:
        raise
    except Exception as error:
        # Somebody else's code: what it was to mend is no smaller for that.
        logger.exception("%s could not be checked with %r", name, params)
        return params, f"“{name}” could not be checked: {type(error).__name__}"


def check_again(name, order):
    """BadInput where another attempt at an order that failed cannot succeed."""
    action = find_action(name)
    if check := getattr(action, "check_again", None):
        check(order)
    else:
        check_action(name, thaw_params(name, order.parameters))


def name_lane(name, params):
    """Where an order goes, in words; what goes to one place goes one after the other. "": it stands alone."""
    try:
        lane = getattr(find_action(name), "lane", None)
        return lane(params) if lane else ""
    except (BadInput, ImportError):
        return ""
    except Exception as error:
        # Somebody else's words: what cannot be told apart is carried out all the same.
        tell_lost(name, params, error)
        return ""


def tell_lost(name, params, error):
    """Logs that an action cannot say where its orders go: every two seconds, in a line now and then."""
    if time.monotonic() >= told.get(name, 0.0):
        told[name] = time.monotonic() + TELL_EVERY
        logger.error("Where %s goes with %r could not be told", name, params, exc_info=error)


def describe_action(name, params):
    """What an action will do, in words that follow "Approving"; says so where nobody can tell."""
    try:
        action = find_action(name)
    except (BadInput, ImportError):
        return f"would carry out “{name}”, which the settings no longer name"
    describe = getattr(action, "describe", None)
    told = tell_parameters(params)
    plain = f"carries out “{name}”" + (f" ({told})" if told else "")
    if describe is None:
        return plain
    try:
        return describe(params)
    except Exception:
        # Somebody else's words: a page without them still lets people decide.
        logger.exception("%s could not be described with %r", name, params)
        return plain
