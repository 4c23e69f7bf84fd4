"""What a project adds from outside, by dotted path in ``METRICS_APP``: aggregates of its own."""

import logging

from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from metrics_app import conf
from metrics_app.core.aggregates import BUILT_IN, list_names, register, unregister
from metrics_app.exceptions import BadInput

logger = logging.getLogger(__name__)


def load_aggregates():
    """Registers each ``Aggregate`` of ``METRICS_APP["AGGREGATES"]``; ``[(path, fault)]`` of the others.

    `manage.py check` reports the faults; a rule on an aggregate that did not load is judged an error.
    """
    faults = []
    for path in conf.get("AGGREGATES"):
        try:
            register(import_string(path))
        except (ImportError, BadInput) as error:
            faults.append((path, str(error)))
    return faults


def start_aggregates():
    """``load_aggregates`` where nobody waits for its answer: faults go to the log."""
    for path, fault in load_aggregates():
        logger.error("METRICS_APP AGGREGATES is %r, which cannot be used: %s", path, fault)


def reload_aggregates(*, setting, **kwargs):
    """Forgets what a test's settings no longer name, and loads what they do."""
    if setting == "METRICS_APP":
        unregister(*(list_names() - {one.name for one in BUILT_IN}))
        load_aggregates()


setting_changed.connect(reload_aggregates)
