"""A thousand WebSockets: how many deliveries a second reach them while the slowest percent stays fast.

A delivery is one frame with one new point on one socket; its latency runs from
`emit()` to the client's `recv`. The rate is raised step by step; a step is
carried when every point reached every socket and the 99th percentile stayed
within 250 ms. Each topic stays below the ten frames a second that one client
gets of it, so that nothing is merged. Ours is the whole product: emit, bus,
collector, channel layer, hub, keys and subscriptions. The reference is stock
Channels, one group member per socket, driven by `group_send` alone; where it
carries nothing within 250 ms, its throughput under a flood stands beside it,
however late that came.
"""

import asyncio
import json
import math
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass

from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer

from bench.feed import start_collector
from bench.references.stock_channels import GROUP
from bench.runner import Row, Sample
from bench.stage import ROOT
from hms_gov.ties import Tied
from metrics_app.client import emit
from metrics_app.queries import list_topics
from metrics_app.services.keys import create_key
from metrics_app.services.kpis import register_topics

SOCKETS, QUICK_SOCKETS = 1_000, 100
SOCKETS_PER_KEY = 10
PATIENCE = 250  # ms at the 99th percentile
TOPIC_RATE = 8  # frames a second of one topic: below the limit of 10 per client
TOPICS = [f"bench.sockets.t{number}" for number in range(16)]
LAYERS = {"core": RedisChannelLayer, "pubsub": RedisPubSubChannelLayer}


class Audience:
    """The client process: a crowd of sockets that counts what it receives."""

    server = port = None  # of what it listens to, where somebody wants to look at them

    def __init__(self, port, sockets, *, headers=((),), subscribe="", snapshots=0):
        command = [sys.executable, "-m", "bench.frames", f"--port={port}", f"--sockets={sockets}"]
        command += [f"--subscribe={subscribe}", f"--snapshots={snapshots}"]
        pipe = subprocess.PIPE
        self.sockets = sockets
        self.process = Tied(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
        self.write(json.dumps(headers))

    def open(self):
        """Returns once all sockets are open and subscribed."""
        if self.process.stdout.readline().strip() != "ready":
            raise RuntimeError("the sockets could not all be opened: see the error above")

    def write(self, line):
        """One line to the process."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def ask(self, word):
        """Its answer to `look` or `forget`, a dict."""
        self.write(word)
        return json.loads(self.process.stdout.readline())

    def wait(self, points, timeout=30):
        """The counts once ``points`` have arrived, or nothing more has for a second."""
        seen, since, deadline = -1, time.monotonic(), time.monotonic() + timeout
        while (counts := self.ask("look"))["points"] < points and time.monotonic() < deadline:
            if counts["points"] > seen:
                seen, since = counts["points"], time.monotonic()
            if time.monotonic() - since > 1:
                break
            time.sleep(0.1)
        return counts

    def settle(self):
        """Returns once nothing has arrived for half a second, with the counts set to nothing."""
        while True:
            self.ask("forget")
            time.sleep(0.5)
            if not self.ask("look")["points"]:
                return

    def close(self):
        """Ends the process."""
        self.process.kill()
        self.process.communicate()


@dataclass(frozen=True)
class Step:
    """One rate, tried: frames a second to each socket, and what the sockets received."""

    rate: float
    carried: bool
    throughput: float  # deliveries/s, with the time that late ones took
    counts: dict


def try_rate(audience, publish, rate, seconds):
    """Publishes ``rate`` points a second, each for all sockets, and waits for them to arrive."""
    audience.settle()
    count = round(rate * seconds)
    topics = TOPICS[: math.ceil(rate / TOPIC_RATE)]
    start = time.monotonic()
    for number in range(count):
        time.sleep(max(0, start + number / rate - time.monotonic()))
        publish(topics[number % len(topics)])
    in_time = time.monotonic() - start < seconds * 1.1
    counts = audience.wait(count * audience.sockets)
    whole = counts["points"] == counts["frames"] == count * audience.sockets and not counts["breaks"]
    carried = in_time and whole and counts["p99"] <= PATIENCE
    step = Step(rate, carried, counts["frames"] / (time.monotonic() - start), counts)
    print(f"  {step}", flush=True)
    return step


def find_highest_rate(audience, publish, *, seconds, finest):
    """The best step carried, or None: up by half until one is not carried, then between the two."""
    try_rate(audience, publish, 2, 1)  # not judged: the first frames pay for imports and connections
    best, failed, rate, limit = None, None, 4, len(TOPICS) * TOPIC_RATE
    while rate >= 1:
        # A second try, so that one hiccup of a shared machine does not decide.
        step = try_rate(audience, publish, rate, seconds)
        step = step if step.carried else try_rate(audience, publish, rate, seconds)
        if step.carried:
            best = step
        else:
            failed = rate
        if rate == limit and step.carried:
            break
        carried = best.rate if best else 0
        if failed and failed - carried <= finest * failed:
            break
        rate = (carried + failed) / 2 if failed else min(rate * 1.5, limit)
    return best


@contextmanager
def serve_ours(stage, kind, sockets):
    """The whole product, its topics known; yields (audience, publish)."""
    stage.clear()
    register_topics(TOPICS)
    headers, subscribe = make_headers(sockets), json.dumps({"type": "subscribe", "topics": TOPICS})
    server, port = stage.start_server(kind, "hms_gov.asgi:application")
    collector = start_collector(stage)
    give_each_a_point()
    audience = Audience(port, sockets, headers=headers, subscribe=subscribe, snapshots=len(TOPICS))
    audience.server, audience.port = server, port
    try:
        audience.open()
        yield audience, lambda topic: emit(topic, 1.5)
    finally:
        close(stage, audience, server, collector)


def give_each_a_point():
    """Gives each topic its first point: measured are topics that live, not their birth."""
    for topic in TOPICS:
        emit(topic, 0)
    while len(list_topics()) < len(TOPICS):
        time.sleep(0.05)


def make_headers(sockets):
    """One set of headers per key: no key holds more streams than it may."""
    keys = [
        create_key(name=f"bench {number}", scopes=["read"])[1]
        for number in range(-(-sockets // SOCKETS_PER_KEY))
    ]
    return [[f"Authorization: Bearer {key}"] for key in keys]


@contextmanager
def serve_stock(stage, kind, layer_name, sockets):
    """Stock Channels with its audience; yields (audience, publish)."""
    stage.clear()
    names = {"DJANGO_SETTINGS_MODULE": "bench.references.settings", "STOCK_LAYER": layer_name}
    server, port = stage.start_server(kind, "bench.references.stock_channels:application", **names)
    layer, loop = LAYERS[layer_name](hosts=[stage.redis_url], prefix="stock"), asyncio.new_event_loop()
    sent = Counter()

    def publish(topic):
        points = [[round(time.time() * 1000), 1.5]]
        sent[topic] += 1
        frame = {"type": "points", "topic": topic, "position": f"0123abcd:{sent[topic]}", "points": points}
        loop.run_until_complete(layer.group_send(GROUP, {"type": "points", "frame": frame}))

    audience = Audience(port, sockets)
    try:
        audience.open()
        yield audience, publish
    finally:
        loop.run_until_complete(layer.close_pools() if layer_name == "core" else layer.flush())
        loop.close()
        close(stage, audience, server)


def close(stage, audience, *processes):
    """Ends the client first: servers close faster without sockets."""
    audience.close()
    for process in processes:
        stage.stop(process)


def measure(served, *, quick):
    """The best step carried (or None) and the highest throughput of what a context manager serves."""
    with served as (audience, publish):
        best = find_highest_rate(audience, publish, seconds=2 if quick else 5, finest=0.5 if quick else 0.1)
        flood = try_rate(audience, publish, 10, 1 if quick else 3)
    return best, flood.throughput


def run(stage, *, quick):
    """Two rows per server: with the 250 ms on both sides, and against the reference without them."""
    sockets = QUICK_SOCKETS if quick else SOCKETS
    return [row for kind in ("daphne", "uvicorn") for row in run_server(stage, kind, sockets, quick=quick)]


def run_server(stage, kind, sockets, *, quick):
    """The rows of one server; the better of the two channel layers is the reference."""
    print(f" {kind}, ours", flush=True)
    ours, _ = measure(serve_ours(stage, kind, sockets), quick=quick)
    carried, flooded = {}, {}
    for layer in LAYERS:
        print(f" {kind}, stock Channels, {layer} layer", flush=True)
        best, flooded[layer] = measure(serve_stock(stage, kind, layer, sockets), quick=quick)
        carried[layer] = best.rate * sockets if best else 0.0
    note = f"ours p50 {ours.counts['p50']:.0f} ms, p99 {ours.counts['p99']:.0f} ms" if ours else ""
    deliveries = ours.rate * sockets if ours else 0.0
    return [
        make_row(f"{kind}, {sockets} sockets", deliveries, carried, "p99 within 250 ms", note),
        make_row(f"{kind}, {sockets} sockets", deliveries, flooded, "however late", note),
    ]


def make_row(case, deliveries, stock, condition, note):
    """Ours beside the better layer's figure."""
    layer = max(stock, key=stock.get)
    return Row(
        case=case,
        unit="deliveries/s",
        ours=Sample((deliveries,)),
        reference=Sample((stock[layer],)),
        reference_name=f"stock Channels, {layer} layer, {condition}",
        note=note,
    )
