"""What a backup consists of: files with their hashes, written last, so that half a backup is none."""

import hashlib
import json
import os
from pathlib import Path

from hms_gov.backups.errors import NotKept
from metrics_app.core.text.counts import count_words

NAME = "manifest.json"
FORMAT = 1
PIECE = 1 << 20  # bytes in memory


def make_directory(path):
    """The directory of a new backup, for its owner alone; NotKept where something is in it."""
    path = Path(path)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise NotKept(f"{path} is not empty: give a directory that is new, such as one with the date.")
        path.chmod(0o700)
    except OSError as error:
        raise NotKept(f"{path} cannot be written to: {error.strerror}.") from None
    return path


def create(path):
    """A new file that its owner alone may read, open for writing bytes."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def write_manifest(directory, facts):
    """Writes ``facts`` and the hashes of all files, once these are on disk."""
    names = sorted(path.name for path in directory.iterdir())
    files = {name: describe_file(directory / name) for name in names}
    text = json.dumps({"format": FORMAT, **facts, "files": files}, indent=2) + "\n"
    waiting = directory / f"{NAME}.part"
    with create(waiting) as file:
        file.write(text.encode())
        flush(file)
    waiting.rename(directory / NAME)
    sync(directory)
    return files


def describe_file(path):
    """Size and SHA-256 of a file, which is on disk afterwards."""
    sync(path)
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def flush(file):
    """Puts an open file on disk."""
    file.flush()
    os.fsync(file.fileno())


def sync(path):
    """Puts a file, or the names of a directory, on disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def read_manifest(directory):
    """The facts of a backup whose files are all as they were written; else NotKept."""
    directory = Path(directory)
    try:
        facts = json.loads((directory / NAME).read_text())
    except FileNotFoundError:
        raise NotKept(
            f"{directory} holds no whole backup: {NAME}, which is written last, is missing."
        ) from None
    except (OSError, ValueError) as error:
        raise NotKept(f"{directory / NAME} cannot be read: {error}") from None
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        found = facts.get("format") if isinstance(facts, dict) else None
        raise NotKept(f"{directory / NAME} has format {found!r}: this version reads {FORMAT}.")
    for name, described in facts["files"].items():
        check_file(directory / name, described)
    return facts


def check_file(path, described):
    """NotKept where a file is not what the manifest says of it."""
    if not path.is_file():
        raise NotKept(f"{path} is missing: the backup is not whole.")
    found = describe_file(path)
    if found != described:
        raise NotKept(
            f"{path} is not as it was written: {count_words(found['bytes'], 'byte')} with SHA-256 "
            f"{found['sha256'][:12]}…, expected {described['bytes']:,} with {described['sha256'][:12]}…"
        )
