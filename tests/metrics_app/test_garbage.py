"""What lives long is not looked at again and again, and what is garbage goes in the end."""

import gc
import weakref

import pytest

from metrics_app import garbage
from metrics_app.garbage import GarbageFreezer


class Cycle:
    """An object that only the collector can free."""

    def __init__(self):
        self.me = self


@pytest.fixture(autouse=True)
def thawed():
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_it_freezes_what_has_come_and_frees_it_by_its_references():
    thing = type("Thing", (), {})()
    seen = weakref.ref(thing)
    GarbageFreezer().settle(1)
    assert gc.get_freeze_count() > 0
    del thing
    assert seen() is None


def test_it_freezes_again_once_a_tenth_more_have_come():
    freezer = GarbageFreezer()
    freezer.settle(100)
    before = gc.get_freeze_count()
    kept = [Cycle() for _ in range(1000)]
    freezer.settle(110)
    assert gc.get_freeze_count() < before + len(kept)
    freezer.settle(111)
    assert gc.get_freeze_count() >= before + len(kept)


def test_it_frees_frozen_cycles_once_enough_have_left(monkeypatch):
    monkeypatch.setattr(garbage, "MANY", 3)
    freezer, thing = GarbageFreezer(), Cycle()
    seen = weakref.ref(thing)
    freezer.settle(4)
    del thing
    gc.collect()
    assert seen() is not None
    for _ in range(4):
        freezer.note_departure()
    freezer.settle(0)
    assert seen() is None and gc.get_freeze_count() > 0


def test_it_leaves_the_collector_alone_where_it_is_told_to(settings):
    settings.METRICS_APP = settings.METRICS_APP | {"FREEZE_GARBAGE": False}
    GarbageFreezer().settle(1)
    assert gc.get_freeze_count() == 0
