"""Runs a command on a private PostgreSQL: ``python tests/run_postgres.py pytest -x``.

The server comes from the ``pgserver`` wheel, lives in a temporary directory and
ends with the command; its address is in ``DATABASE_URL``.
"""

import contextlib
import os
import subprocess
import sys
import tempfile

import pgserver


@contextlib.contextmanager
def start_postgres():
    """A pgserver that ends, with all it holds, behind the context."""
    with tempfile.TemporaryDirectory(prefix="hms-pg-") as directory:
        server = pgserver.get_server(directory, cleanup_mode="stop")
        try:
            # Synced writes protect data against a power cut; test data needs none.
            server.psql("ALTER SYSTEM SET fsync = off; ")
            server.psql("SELECT pg_reload_conf();")
            yield server
        finally:
            server.cleanup()


def run_with_postgres(command):
    """The exit code of ``command``, run while the server is up."""
    with start_postgres() as server:
        return subprocess.call(command, env=os.environ | {"DATABASE_URL": server.get_uri()})


if __name__ == "__main__":
    sys.exit(run_with_postgres(sys.argv[1:]))
