"""What other apps of the project add to readiness: parts by name, from functions that the settings name."""

import logging

from django.utils.module_loading import import_string

from metrics_app import conf

logger = logging.getLogger(__name__)


def read_added_parts():
    """``{part: {"ok": bool, …}}`` of what ``METRICS_APP["READINESS"]`` names; one that raises is not ok."""
    parts = {}
    for path in conf.get("READINESS"):
        parts |= ask(path)
    return parts


def ask(path):
    """What one function answers; where it raises, a part of its own name that says so."""
    try:
        return import_string(path)()
    except Exception as error:
        # What cannot be asked is not well, and must not keep the other parts from being told.
        logger.error("%s could not tell how it is: %s", path, error, extra={"fault": error})
        return {path.rpartition(".")[2]: {"ok": False, "message": "could not be asked"}}
