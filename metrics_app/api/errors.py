"""Every fault as ``{"errors": [{"field", "message"}]}`` with the codes of the contract."""

import logging
import sys

from django.core.exceptions import DisallowedHost, ObjectDoesNotExist, RequestDataTooBig, ValidationError
from django.db import InterfaceError, OperationalError
from django.http import JsonResponse
from django.template import TemplateDoesNotExist
from django.views import defaults
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler, set_rollback

from metrics_app.core.faults import explain_closed
from metrics_app.exceptions import (
    BadInput,
    BusUnavailable,
    Conflict,
    MetricsError,
    NotAllowed,
    TooLarge,
    TooMany,
)
from metrics_app.servers import find_kind, refuses_writes

logger = logging.getLogger(__name__)

# Everything below these addresses is for programs.
PROGRAMS = ("/api", "/mkt", "/v1", "/write", "/metrics", "/healthz", "/readyz")
RETRY_AFTER = 2  # seconds; a restart of Redis or a database takes about that long
STATUS = {
    BadInput: 400,
    NotAllowed: 403,
    Conflict: 409,
    TooLarge: 413,
    TooMany: 429,
    BusUnavailable: 503,
}


def handle_exception(error, context):
    """REST framework's exception handler; None (a 500) only for what nobody foresaw."""
    if isinstance(error, MetricsError):
        set_rollback()
        if isinstance(error, BusUnavailable):
            # Django logs the answer; without its reason nothing could hold that back while Redis is away.
            logger.error("%s", error)
        return answer_metrics_error(error)
    if isinstance(error, ValidationError):
        set_rollback()
        return Response({"errors": list_validation_errors(error)}, status=400)
    if isinstance(error, ObjectDoesNotExist):
        # It was there as the request was let in: somebody deleted it in this very moment.
        logger.warning("%s", error, exc_info=True)
        set_rollback()
        return answer(404, "What this request is about has been deleted meanwhile.")
    if isinstance(error, (OperationalError, InterfaceError)) or refuses_writes(error):
        silent = f"The database {'takes no writes' if refuses_writes(error) else 'does not answer'}."
        message = explain_closed(error) or silent
        logger.error("%s (%s)", message, error)
        return answer(503, message, retry_after=RETRY_AFTER)
    response = exception_handler(error, context)
    if response is not None:
        detail = error.detail if isinstance(error, APIException) else response.data["detail"]
        response.data = {"errors": list(flatten(detail))}
    return response


def answer_metrics_error(error):
    """The response to an error of this app."""
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 400)
    retry_after = getattr(error, "retry_after", RETRY_AFTER if status == 503 else None)
    response = answer(status, str(error), errors=getattr(error, "errors", None), retry_after=retry_after)
    if refused := getattr(error, "refused", ()):
        response.data["refused"] = list(refused)
    return response


def answer(status, message, *, errors=None, retry_after=None):
    """A response in the shape of every error; ``retry_after`` is in seconds."""
    response = Response({"errors": errors or [{"field": None, "message": message}]}, status=status)
    if retry_after is not None:
        response["Retry-After"] = str(int(retry_after))
    return response


def list_validation_errors(error):
    """The errors of Django's ValidationError."""
    if hasattr(error, "message_dict"):
        return list(flatten(error.message_dict))
    return list(flatten(error.messages))


def flatten(detail, field=None):
    """REST framework's nested details as flat errors; nested fields are joined by dots."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            whole = name in (api_settings.NON_FIELD_ERRORS_KEY, "__all__", "detail")
            inner_field = field if whole else f"{field}.{name}" if field else name
            yield from flatten(inner, inner_field)
    elif isinstance(detail, (list, tuple)):
        for inner in detail:
            yield from flatten(inner, field)
    else:
        yield {"field": field, "message": str(detail)}


def speaks_json(request):
    """Whether a request is for programs, so that its errors are JSON."""
    return is_for_programs(request.path)


def is_for_programs(path):
    """Whether an address is for programs: they send JSON and read JSON."""
    path = path.rstrip("/")
    return any(path == place or path.startswith(f"{place}/") for place in PROGRAMS)


def answer_plainly(status, message):
    """An error outside REST framework."""
    return JsonResponse({"errors": [{"field": None, "message": message}]}, status=status)


def handle_bad_request(request, exception):
    """Django's handler400, for what it refuses before any view: JSON for programs, else its page."""
    if not speaks_json(request):
        return defaults.bad_request(request, exception)
    if isinstance(exception, RequestDataTooBig):
        return answer_plainly(413, "The body is too large.")
    if isinstance(exception, DisallowedHost):
        return answer_plainly(400, "This server does not answer for the host of the request (ALLOWED_HOSTS).")
    return answer_plainly(400, "The request is malformed.")


def handle_not_found(request, exception):
    """Django's handler404: JSON for programs, the site's page for people."""
    if speaks_json(request):
        return answer_plainly(404, f"There is nothing at {request.path[:200]}.")
    return defaults.page_not_found(request, exception)


def handle_server_error(request):
    """Django's handler500: JSON for programs, the site's page for people; 503 where a server is away."""
    error = sys.exc_info()[1]
    if error is not None and find_kind(error, __name__):
        return answer_away(request)
    if speaks_json(request):
        return answer_plainly(500, "The server failed; the fault has been logged.")
    return defaults.server_error(request)


def answer_away(request):
    """503: nothing is broken, and the same request may be repeated; the page asks no server for anything."""
    if speaks_json(request):
        response = answer_plainly(503, "A server that this needs does not answer.")
    else:
        try:
            response = defaults.server_error(request, template_name="503.html")
        except TemplateDoesNotExist:
            # A project without such a page.
            response = defaults.server_error(request)
        response.status_code = 503
    response["Retry-After"] = str(RETRY_AFTER)
    return response
