"""What Django refuses of a request is one line in the log: who asked was at fault, and no code of ours.

Somebody without a permission, a filter that the admin does not know, a host that is not served, a form
with too many fields: each came with the traceback of where it was refused. Errors of any other kind,
and these where they did not end in such an answer, keep theirs.
"""

import logging

from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http.multipartparser import MultiPartParserError

REFUSED = (PermissionDenied, SuspiciousOperation, BadRequest, MultiPartParserError)


class RefusalFilter(logging.Filter):
    """Takes the traceback from a record of a request that was refused, and keeps it on its line."""

    def filter(self, record):
        """True: every record is written."""
        if is_refusal(record):
            record.exc_info = record.exc_text = None
            text = record.getMessage()
            if not text.isprintable():
                # What was asked for stands in it as it came.
                text = text.encode("unicode_escape").decode("ascii")
            record.msg, record.args = text, ()
        return True


def is_refusal(record):
    """Whether a record tells of an answer from 400 to 499 to what Django itself refuses."""
    error = record.exc_info and record.exc_info[1]
    return isinstance(error, REFUSED) and 400 <= getattr(record, "status_code", 0) < 500
