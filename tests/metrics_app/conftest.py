"""Fixtures of the app's tests."""

import time

import pytest


@pytest.fixture
def base():
    """A whole minute 40 minutes ago (ms): what follows it is over, and still hot."""
    return int(time.time() // 60 - 40) * 60_000
