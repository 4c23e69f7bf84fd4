"""What settings read besides plain variables: small files of the data directory, and JSON."""

import json
import os
import secrets

from django.core.exceptions import ImproperlyConfigured

from metrics_app.core.members import OnceDecoder


def read_or_create_secret(path):
    """The demo's secret key: made once, readable by its owner only."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(50))
    return path.read_text().strip()


def read_line(path):
    """The text of a small file, or an empty string where there is none."""
    return path.read_text().strip() if path.exists() else ""


def read_object(name, text):
    """The object of JSON in a variable, empty where it is not set; ImproperlyConfigured."""
    try:
        return json.loads(text or "{}", cls=OnceDecoder)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is no object of JSON: {error}") from None
