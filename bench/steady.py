"""A thousand WebSockets at ten frames a second for a minute, beside one that never reads.

What a control room is: the same rate for long, on one server process. Counted are points
that did not arrive and frames that did not begin where the last one ended; measured is the
99th percentile from `emit()` to the client's `recv`, and by how much the server's memory
grows. The client that never reads asks for snapshots without end, so that the server has
more and more to send to it; it is to be let go without any other noticing. The reference is
stock Channels at the same rate, driven by `group_send` alone and without such a client.
"""

import json
import threading
import time
from pathlib import Path

import numpy as np

from bench.frames import Client
from bench.runner import Row, Sample
from bench.sockets import LAYERS, serve_ours, serve_stock, try_rate
from metrics_app import bus
from metrics_app.queries import stats
from metrics_app.services.keys import create_key

SOCKETS, QUICK_SOCKETS = 1_000, 100
RATE = 10  # frames a second to each socket
SECONDS, QUICK_SECONDS = 60, 5
ASKING = 0.1  # seconds between two requests of the client that never reads
RECEIVES = 4_096  # bytes of its socket's buffer
LONG = "bench.steady.long"  # a topic whose snapshot is large
POINTS = 2_000  # of one such snapshot: some 50 kB


class Deaf(threading.Thread):
    """A client that asks for snapshots ten times a second and never reads an answer."""

    def __init__(self, port, header):
        super().__init__(daemon=True)
        self.over, self.asked, self.let_go_after = threading.Event(), 0, None
        self.client = Client(port, "/ws/metrics/", header, receives=RECEIVES)
        self.start()

    def run(self):
        begun = time.monotonic()
        request = {"type": "subscribe", "topics": [LONG], "history": 3600, "max_points": POINTS}
        while not self.over.wait(ASKING):
            try:
                self.client.send(json.dumps(request).encode())
                self.asked += 1
            except OSError:
                self.let_go_after = time.monotonic() - begun
                return

    def stop(self):
        """When (s) the server let it go, or None."""
        self.over.set()
        self.join()
        self.client.socket.close()
        if not self.asked:
            raise RuntimeError("the client that never reads has asked for nothing")
        return self.let_go_after


def read_memory(process):
    """MB of memory a process holds."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1_000


def fill_long():
    """Gives the topic with the large snapshot its points."""
    end = int(time.time() * 1000)
    bus.publish({LONG: (np.arange(end - POINTS, end), np.ones(POINTS))})
    while stats(LONG, 60)["count"] < POINTS:
        time.sleep(0.05)


def measure_ours(stage, kind, sockets, seconds):
    """The Step of a minute beside the client that never reads, and what was seen of both, in words."""
    header = [f"Authorization: Bearer {create_key(name='bench deaf', scopes=['read'])[1]}"]
    with serve_ours(stage, kind, sockets) as (audience, publish):
        fill_long()
        try_rate(audience, publish, 2, 1)  # not counted: the first frames pay for imports and connections
        before = read_memory(audience.server)
        deaf = Deaf(audience.port, header)
        step = try_rate(audience, publish, RATE, seconds)
        grown = read_memory(audience.server) - before
        left = deaf.stop()
    lost = sockets * RATE * seconds - step.counts["points"]
    end = f"let go after {left:.0f} s" if left else "still connected"
    note = f"{lost} lost, {step.counts['breaks']} out of order; p50 {step.counts['p50']:.0f} ms, "
    note += f"longest {step.counts['max']:.0f} ms; the one that never reads: {deaf.asked} snapshots "
    return step, note + f"asked for, {end}; server {before:.0f} MB {grown:+.1f} MB"


def measure_stock(stage, kind, layer, sockets, seconds):
    """The Step of stock Channels at the same rate."""
    with serve_stock(stage, kind, layer, sockets) as (audience, publish):
        try_rate(audience, publish, 2, 1)
        return try_rate(audience, publish, RATE, seconds)


def run(stage, *, quick):
    """One row per server: the 99th percentile in ms, ours and stock Channels' better layer."""
    sockets, seconds = (QUICK_SOCKETS, QUICK_SECONDS) if quick else (SOCKETS, SECONDS)
    return [run_server(stage, kind, sockets, seconds) for kind in ("daphne", "uvicorn")]


def run_server(stage, kind, sockets, seconds):
    """The row of one server; the reference is measured for a sixth of the time, for it only falls behind."""
    print(f" {kind}, ours", flush=True)
    ours, note = measure_ours(stage, kind, sockets, seconds)
    stock = {}
    for layer in LAYERS:
        print(f" {kind}, stock Channels, {layer} layer", flush=True)
        counts = measure_stock(stage, kind, layer, sockets, max(seconds // 6, 2)).counts
        stock[layer] = counts["p99"] or float("inf")
    layer = min(stock, key=stock.get)
    return Row(
        case=f"{kind}, {sockets} sockets, {RATE} frames/s, {seconds} s",
        unit="ms p99",
        ours=Sample((ours.counts["p99"],)),
        reference=Sample((stock[layer],)),
        reference_name=f"stock Channels, {layer} layer",
        more_is_better=False,
        note=note,
    )
