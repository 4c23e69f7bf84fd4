"""Files of any length as an answer, in bounded memory."""

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import close_old_connections
from django.http import StreamingHttpResponse

# The file is data, whatever a browser is told it might be.
HEADERS = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'"}


def stream_file(request, pieces, *, content_type, name):
    """The response with the bytes of an iterator as the file ``name``.

    The first piece is read before the answer begins, so that what is wrong by then is an error
    and not a broken file; a fault later breaks the connection, and never looks like an end.
    """
    if request.method == "HEAD":
        body = ()
    else:
        body = chain_first(next(pieces), pieces)
        if isinstance(request._request, ASGIRequest):
            body = read_in_threads(body)
    headers = HEADERS | {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(body, content_type=content_type, headers=headers)


def chain_first(first, rest):
    """A generator of both, which closes with the response."""
    yield first
    yield from rest


async def read_in_threads(pieces):
    """The pieces, each read in a thread: ASGI would otherwise collect all of them first."""
    while (piece := await sync_to_async(read_next)(pieces)) is not None:
        yield piece


def read_next(pieces):
    """The next piece, or None; a slow reader holds no database connection between two."""
    try:
        return next(pieces, None)
    finally:
        close_old_connections()
