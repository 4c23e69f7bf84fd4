"""The project's settings in a data directory of their own: tests never join a running demo.

A module of settings and not a fixture, because the settings are read before any
fixture or conftest. A process that a test starts keeps the directory it was given.
"""

import os
import tempfile

if "HMS_TEST_DIR" not in os.environ:
    os.environ["HMS_TEST_DIR"] = os.environ["HMS_DATA_DIR"] = tempfile.mkdtemp(prefix="hms-test-")
    for name in ("REDIS_URL", "CHANNEL_REDIS_URL", "CELERY_BROKER_URL"):
        os.environ.pop(name, None)

# What the pages of the demo promise is tested too.
os.environ.setdefault("COMPLAINTS_DEMO", "1")

from hms_gov.settings import *  # noqa: F403

# Tests read what each part says of an outage, and no thread of a log shall look for its end.
LOGGING["handlers"]["console"]["filters"].remove("outages")  # noqa: F405
