"""The raw key in the headers of a request: the one place that says which of them count."""

import base64
import binascii


def read_credential(headers):
    """The raw key in a request's headers; None without one, "" for a broken one or more than one.

    ``headers`` is Django's ``request.headers`` or the list of an ASGI scope. Servers and proxies
    differ in which of two they believe, so two keys are none, whichever was meant.
    """
    if isinstance(headers, (list, tuple)):
        headers = join_headers(headers)
    found = [read_key(name, headers[name]) for name in ("Authorization", "X-Api-Key") if name in headers]
    keys = {key for key in found if key is not None}
    if len(keys) > 1:
        return ""
    return keys.pop() if keys else None


def join_headers(pairs):
    """The list of an ASGI scope as a dict; what came twice is joined by a comma, as Django does."""
    joined = {}
    for name, value in pairs:
        joined.setdefault(name.decode("latin-1").title(), []).append(value.decode("latin-1"))
    return {name: ",".join(values) for name, values in joined.items()}


def read_key(name, value):
    """The raw key of one header; None where it carries something else, "" for a broken one."""
    if name == "X-Api-Key":
        return value.strip()
    scheme, _, credential = value.partition(" ")
    if scheme.lower() in ("bearer", "token"):
        return credential.strip()
    return read_basic_password(credential) if scheme.lower() == "basic" else None


def read_basic_password(credential):
    """The password of HTTP Basic credentials, "" when they cannot be read."""
    try:
        return base64.b64decode(credential, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
