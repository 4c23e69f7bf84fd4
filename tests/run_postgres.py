"""Runs a command on a private PostgreSQL: ``python tests/run_postgres.py pytest -x``.

The server lives in a temporary directory and ends with the command; its address is
in ``DATABASE_URL``.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hms_gov.ties import Tied
from tests.postgres import NoPostgres, start_postgres


def run_with_postgres(command):
    """The exit code of ``command``, run while the server is up."""
    with start_postgres() as server:
        # In this process group still, so that Ctrl-C reaches it.
        running = Tied(command, start_new_session=False, env=os.environ | {"DATABASE_URL": server.name_url()})
        return running.wait()


if __name__ == "__main__":
    try:
        sys.exit(run_with_postgres(sys.argv[1:]))
    except NoPostgres as error:
        sys.exit(str(error))
