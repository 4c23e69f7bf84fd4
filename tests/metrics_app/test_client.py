"""``emit``: never slow, never in the way, and no loss that is not counted."""

import gc
import os
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from metrics_app import client as module
from metrics_app import delivery, outgoing
from metrics_app.client import Client
from metrics_app.core.points import EARLIEST
from metrics_app.transport import Refused, Unreachable

ROOT = Path(__file__).resolve().parents[2]


class Recorder:
    """A transport that keeps what it gets and answers from a list of faults."""

    def __init__(self, *faults):
        self.faults, self.batches, self.ids = list(faults), [], []

    def __call__(self, rows, batch_id):
        self.ids.append(batch_id)
        if self.faults and (fault := self.faults.pop(0)):
            raise fault
        self.batches.append(rows)

    def rows(self):
        return [row for batch in self.batches for row in batch]


@pytest.fixture(autouse=True)
def brisk(monkeypatch):
    monkeypatch.setattr(delivery, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(module, "PAUSE", 0.001)


def test_it_sends_every_point_with_the_time_of_the_call():
    recorder = Recorder()
    client = Client(recorder)
    before = time.time_ns() // 1_000_000
    client.emit("complaint.received")
    client.emit("complaint.latency", 1560, ts=1_732_390_000_123)
    assert client.flush(60)
    first, second = recorder.rows()
    assert first[:2] == ("complaint.received", 1) and before - 1 <= first[2] <= before + 5_000
    assert second == ("complaint.latency", 1560, 1_732_390_000_123)
    assert (client.sent, client.dropped) == (2, 0)


def test_ten_thousand_identical_emits_are_ten_thousand():
    recorder = Recorder()
    client = Client(recorder)
    for _ in range(10_000):
        client.emit("complaint.received")
    assert client.flush(60)
    assert len(recorder.rows()) == 10_000
    assert max(map(len, recorder.batches)) <= module.BATCH


@pytest.mark.parametrize(
    "wrong",
    [
        ("er wait",),
        ("",),
        ("x" * 101,),
        (None,),
        (["a"],),
        ("a", float("nan")),
        ("a", float("inf")),
        ("a", 10**400),
        ("a", "1"),
        ("a", None),
        ("a", True),
        ("a", Decimal("NaN")),
        ("a", 1, 1_732_390_000),
        ("a", 1, 9_999_999_999_999),
        ("a", 1, "2024-11-24T00:00"),
        ("a", 1, 1.5),
    ],
)
def test_a_callers_mistake_is_a_value_error_at_once(wrong):
    client = Client(Recorder())
    with pytest.raises(ValueError):
        client.emit(*wrong)
    assert not client.buffer


def test_it_takes_every_kind_of_real_number():
    client = Client(recorder := Recorder())
    for value in (np.float64(1.5), np.float32(1.5), np.int64(2), Decimal("1.5"), 10**300, -1.7e308):
        client.emit("a", value)
    assert client.flush(60)
    assert [value for _, value, _ in recorder.rows()] == [1.5, 1.5, 2, 1.5, 10**300, -1.7e308]


def test_it_tries_again_under_the_same_batch_id():
    client = Client(recorder := Recorder(OSError("away"), Unreachable("HTTP 503")))
    client.emit("a")
    assert client.flush(60)
    assert len(recorder.ids) == 3 and len(set(recorder.ids)) == 1
    assert (client.sent, client.dropped) == (1, 0)


def test_it_gives_up_in_the_end_and_counts(monkeypatch, caplog):
    monkeypatch.setattr(delivery, "RETRY_FOR", 0.02)
    client = Client(Recorder(*[OSError("away")] * 1_000))
    client.emit("a")
    assert client.flush(60)
    assert (client.sent, client.dropped) == (0, 1)
    assert "metrics are dropped: given up: away" in caplog.text


def test_it_waits_no_longer_than_it_would_try_anyway():
    client = Client(Recorder(Unreachable("HTTP 429", retry_after=86_400)))
    client.emit("a")
    assert client.flush(60)
    assert client.dropped == 1


def test_a_refused_topic_does_not_take_the_others_with_it():
    def refuse_bad(rows, batch_id):
        if any(topic == "bad" for topic, _, _ in rows):
            raise Refused("HTTP 400", apart=True)
        recorder(rows, batch_id)

    recorder = Recorder()
    client = Client(refuse_bad)
    for topic in ("good", "bad", "better", "good"):
        client.emit(topic)
    assert client.flush(60)
    assert sorted(topic for topic, _, _ in recorder.rows()) == ["better", "good", "good"]
    assert (client.sent, client.dropped) == (3, 1)


def test_a_refusal_of_all_is_not_tried_topic_by_topic():
    client = Client(recorder := Recorder(*[Refused("HTTP 401")] * 9))
    for number in range(3):
        client.emit(f"a{number}")
    assert client.flush(60)
    assert len(recorder.ids) == 1 and client.dropped == 3


def test_a_full_buffer_drops_the_newest_and_counts(monkeypatch):
    monkeypatch.setattr(module, "CAPACITY", 10)
    gate = threading.Event()
    client = Client(lambda rows, batch_id: gate.wait(60))
    client.emit("a")
    while client.buffer:
        time.sleep(0.001)
    for value in range(15):
        client.emit("a", value)
    assert client.dropped == 5
    assert [value for _, value, _ in client.buffer] == list(range(10))
    gate.set()
    assert client.flush(60)
    assert (client.sent, client.dropped) == (11, 5)


def test_without_an_address_it_warns_once_and_counts(monkeypatch, caplog):
    monkeypatch.delenv("HMS_URL", raising=False)
    client = Client()
    for _ in range(2):
        client.emit("a")
        assert client.flush(60)
    assert client.dropped == 2
    assert caplog.text.count("set HMS_URL and HMS_KEY") == 1


def test_flush_says_when_its_time_was_not_enough():
    gate = threading.Event()
    client = Client(lambda rows, batch_id: gate.wait(60))
    client.emit("a")
    assert client.flush(0.02) is False
    gate.set()
    assert client.flush(60) is True


def test_many_threads_lose_nothing():
    client = Client(recorder := Recorder())
    threads = [threading.Thread(target=lambda: [client.emit("a", n) for n in range(2_000)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.flush(60)
    assert len(recorder.rows()) == client.sent == 16_000


def test_a_thread_that_cannot_start_harms_nobody(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    client = Client(recorder := Recorder())
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        client.emit("a")
    client.emit("a")
    assert client.flush(60)
    assert len(recorder.rows()) == 2


def test_where_no_thread_can_be_had_whoever_flushes_sends(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    client = Client(recorder := Recorder(OSError("away")))
    monkeypatch.setattr(threading.Thread, "start", refuse)
    client.emit("a")
    assert client.flush(60) and (client.sent, len(recorder.rows())) == (1, 1)
    client.transport = Recorder(*[OSError("away")] * 1_000)
    client.emit("a")
    client.flush(0.02)
    assert client.dropped == 1


def test_the_log_says_at_the_end_what_was_lost_once(caplog):
    client = Client(Recorder(Refused("HTTP 401")))
    client.emit("a")
    client.close()
    client.close()
    assert caplog.text.count("1 metrics were dropped, 0 were not sent when the process ended") == 1


def test_what_was_lost_is_told_with_the_next_batch_once():
    told, answers = [], [Refused("HTTP 401"), OSError("away"), None, None]

    def note(rows, batch_id):
        told.append(rows.dropped)
        if fault := answers.pop(0):
            raise fault

    client = Client(note)
    for _ in range(3):
        client.emit("a")
        assert client.flush(60)
    assert told == [0, 1, 1, 0] and (client.sent, client.dropped) == (2, 1)


def test_a_refused_batch_is_sent_again_without_what_was_refused_under_an_id_of_its_own():
    recorder = Recorder(Refused("HTTP 400", refused=[1, 3], apart=True))
    client = Client(recorder)
    for value in range(5):
        client.emit("a", value)
    assert client.flush(60)
    assert [value for _, value, _ in recorder.rows()] == [0, 2, 4]
    assert len(set(recorder.ids)) == len(recorder.ids) == 2
    assert (client.sent, client.dropped) == (3, 2)


def test_a_time_that_was_given_is_sent_as_it_is_and_once_more_by_this_clock_where_it_is_ahead():
    clocks = []

    def refuse_ahead(rows, batch_id):
        clocks.append(rows.clock is not None)
        ahead = [index for index, row in enumerate(rows) if row[2] > now and rows.clock is None]
        if ahead:
            raise Refused("HTTP 400", refused=ahead)
        recorder(rows, batch_id)

    client, recorder, now = Client(refuse_ahead), Recorder(), time.time_ns() // 1_000_000
    client.emit("a", 1, ts=now - 60_000)
    client.emit("a", 2, ts=now + 8_000)
    assert client.flush(60)
    assert recorder.rows() == [("a", 1, now - 60_000), ("a", 2, now + 8_000)]
    assert clocks == [False, False, True] and (client.sent, client.dropped) == (2, 0)


def test_a_clock_that_is_set_while_points_wait_moves_none_of_them(monkeypatch):
    client, right = Client(recorder := Recorder()), time.time_ns()
    monkeypatch.setattr(client, "wake_sender", lambda: None)
    with monkeypatch.context() as patch:
        patch.setattr(outgoing.time, "time_ns", lambda: right + 8 * 10**9)
        client.emit("a")
        client.emit("a", ts=right // 1_000_000 + 8_000)
    [stamped], [given] = outgoing.pack(client.buffer)
    assert abs(stamped[2] - right // 1_000_000) < 5_000 < 8_000 == given[2] - right // 1_000_000
    assert not recorder.ids


def test_a_clock_that_was_never_set_stamps_times_that_nobody_takes_for_seconds(monkeypatch):
    monkeypatch.setattr(outgoing.time, "time_ns", lambda: 5 * 10**9)
    [batch] = outgoing.pack([("a", 1, -outgoing.read_ticks())])
    assert EARLIEST < batch[0][2] <= batch.clock <= batch[0][2] + 5_000


def test_an_address_that_is_none_is_counted_and_said(monkeypatch, caplog):
    monkeypatch.setenv("HMS_URL", "metrics.example.org")
    client = Client()
    client.emit("a")
    assert client.flush(60) and client.dropped == 1
    assert "'metrics.example.org' is not an address" in caplog.text


def run_program(program, **env):
    """The output of a Python program of its own, from the source tree."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **env}
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


FORK = """
import os
from metrics_app import client, emit

def write(rows, batch_id):
    for topic, value, ts in rows:
        os.write(1, f"{os.getpid() == parent} {topic} {value}\\n".encode())

parent = os.getpid()
client.configure(transport=write)
emit("first")
client.flush(60)
client.default.transport = None
client.default.buffer.append(("parents", 1, 0))
child = os.fork()
client.default.transport = write
if child == 0:
    assert not client.default.buffer and client.sent == 0
    emit("childs", 2)
    assert client.flush(60) and client.sent == 1
    os._exit(0)
os.waitpid(child, 0)
client.flush(60)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_starts_empty_with_a_thread_of_its_own():
    lines = run_program(FORK).splitlines()
    assert sorted(lines) == ["False childs 2", "True first 1", "True parents 1"]


BARE = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("django", "numpy", "msgspec", "redis", "rest_framework"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
from metrics_app import client, emit
client.configure(transport=lambda rows, batch_id: print(rows[0][:2]))
emit("complaint.latency", 26 * 60)
"""


def test_it_needs_neither_django_nor_numpy_and_flushes_at_exit():
    assert run_program(BARE).strip() == "('complaint.latency', 1560)"


def test_it_does_not_hold_up_the_exit_while_the_world_is_away():
    program = "from metrics_app import emit; emit('a'); import time; print(time.time())"
    start = float(run_program(program, HMS_URL="http://127.0.0.1:1", HMS_KEY="x"))
    assert time.time() - start < 8


def test_the_counters_of_the_module_are_live():
    assert (module.dropped, module.sent) == (module.default.dropped, module.default.sent)
    with pytest.raises(AttributeError):
        module.nothing  # noqa: B018


def test_it_costs_its_caller_two_microseconds():
    client = Client(lambda rows, batch_id: None)
    client.emit("complaint.latency", 1.5)
    times = []
    gc.disable()
    try:
        for _ in range(20_000):
            start = time.perf_counter_ns()
            client.emit("complaint.latency", 1.5)
            times.append(time.perf_counter_ns() - start)
    finally:
        gc.enable()
    assert client.flush(60)
    # 0.9 µs with the clock's own cost on the machine it was written on.
    assert sorted(times)[len(times) // 2] < 4_000
