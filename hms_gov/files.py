"""Small files that hold secrets."""

import os
from pathlib import Path


def write_private(path, text):
    """Replaces a file at once; only its owner can read it."""
    path = Path(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
