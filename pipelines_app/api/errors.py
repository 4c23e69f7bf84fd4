"""Every fault as ``{"errors": [{"field", "message"}]}``, in every project."""

import logging

from django.core.exceptions import ValidationError
from django.db import InterfaceError, OperationalError
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler, set_rollback

from pipelines_app.api.shapes import DecisionSerializer
from pipelines_app.exceptions import BadInput, Conflict, NotAllowed, NotMeasured, PipelinesError, TooLarge

logger = logging.getLogger(__name__)

STATUS = {BadInput: 400, NotAllowed: 403, Conflict: 409, TooLarge: 413, NotMeasured: 503}
RETRY_AFTER = 2  # seconds; a restart of a database takes about that long


def handle_exception(error, context):
    """REST framework's exception handler; None (a 500) only for what nobody foresaw."""
    if isinstance(error, PipelinesError):
        set_rollback()
        if isinstance(error, NotMeasured):
            # With its cause: what holds back in a log that a server is away goes by that.
            logger.error("%s", error)
        return answer_own(error)
    if isinstance(error, ValidationError):
        set_rollback()
        return Response({"errors": list(flatten(error.messages))}, status=400)
    if isinstance(error, (OperationalError, InterfaceError)):
        logger.error("The database does not answer: %s", error)
        faults = list(flatten("The database does not answer."))
        return Response({"errors": faults}, status=503, headers={"Retry-After": str(RETRY_AFTER)})
    response = exception_handler(error, context)
    if response is not None:
        detail = error.detail if isinstance(error, APIException) else response.data["detail"]
        response.data = {"errors": list(flatten(detail))}
    return response


def answer_own(error):
    """The response to an error of this app; a conflict also says how the proposal stands."""
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 409)
    body = {"errors": getattr(error, "errors", None) or list(flatten(str(error)))}
    if isinstance(error, Conflict):
        decision = error.decision and DecisionSerializer(error.decision).data
        body |= {"state": error.pipeline.state, "version": error.pipeline.version, "decision": decision}
    return Response(body, status=status, headers={"Retry-After": str(RETRY_AFTER)} if status == 503 else {})


def flatten(detail, field=None):
    """REST framework's nested details as flat errors; nested fields are joined by dots."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            whole = name in (api_settings.NON_FIELD_ERRORS_KEY, "detail")
            yield from flatten(inner, field if whole else f"{field}.{name}" if field else name)
    elif isinstance(detail, (list, tuple)):
        for inner in detail:
            yield from flatten(inner, field)
    else:
        yield {"field": field, "message": str(detail)}
