"""Traffic on a site: 200 points a second, each batch tried until it is acknowledged, and 20 streams."""

import asyncio
import json
import queue
import threading
import time
from collections import Counter, defaultdict

import httpx
import numpy as np
import requests
import websockets

from tests.chaos.stack import SERVERS

WAVE, PROBE = "chaos.wave", "chaos.probe"
NOISE = [f"chaos.noise{at}" for at in range(8)]
LOW, HIGH, LIMIT = 40.0, 60.0, 50.0
WINDOW = 2  # seconds the rule looks back
PERIOD = 12  # seconds of each half of the wave
LATE = 5  # seconds a point may take to a light
BATCHES, SIZE = 10, 20  # a second, and points of each
SENDERS, PATIENCE = 8, 5  # threads; seconds a request may take


def find_level(seconds):
    """What the wave is at a moment (s): low for a while, then high."""
    return HIGH if int(seconds // PERIOD) % 2 else LOW


def find_truth(seconds):
    """The state that the last ``WINDOW`` seconds of the wave are."""
    return "firing" if find_level(seconds - WINDOW / 2) > LIMIT else "ok"


def is_right(claim, begun, now):
    """Whether a light that was seen between two moments (s) may say so: it is wrong only where each point
    that should have turned it is older than ``LATE``. None, which says that nobody judges, is never wrong.
    """
    # Less than half a wave: at both ends, and where it turns between them.
    return claim is None or claim in (find_truth(begun - LATE), find_truth(now))


class Senders:
    """Threads that make batches at a steady pace, and threads that send each until it is acknowledged."""

    def __init__(self, site):
        self.site, self.stopped = site, threading.Event()
        # The newest first: what piled up during an outage does not stand before what is new.
        self.waiting = queue.LifoQueue()
        self.lock, self.acknowledged = threading.Lock(), Counter()
        self.probes, self.refused, self.outstanding = {}, [], 0
        self.took = []  # (moment, seconds, status or None) of each attempt that met a server
        work = [self.make] + [self.send] * SENDERS
        self.threads = [
            threading.Thread(target=each, args=(at,), daemon=True) for at, each in enumerate(work)
        ]
        for thread in self.threads:
            thread.start()

    def make(self, at):
        """A batch each tenth of a second, of points of this moment."""
        due, number = time.time(), 0
        while not self.stopped.is_set():
            time.sleep(max(0, due - time.time()))
            points = self.make_points(number, int(time.time() * 1000))
            with self.lock:
                self.outstanding += 1
            self.waiting.put((f"batch-{number}", points))
            due, number = due + 1 / BATCHES, number + 1

    def make_points(self, number, now):
        """Two of the wave, one probe whose value is the batch's number, and noise."""
        self.probes[number] = now / 1000
        points = [{"topic": WAVE, "value": find_level(now / 1000), "ts": now}] * 2
        points += [{"topic": PROBE, "value": number, "ts": now}]
        return points + [
            {"topic": NOISE[at % len(NOISE)], "value": 1, "ts": now} for at in range(SIZE - len(points))
        ]

    def send(self, at):
        """Takes batches, the newest first; each is tried at one server and the other until it is taken."""
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {self.site.keys['emit']}"
        while (batch := self.waiting.get()) is not None:
            tried = at
            while not self.post(session, SERVERS[tried % 2], *batch):
                tried += 1
                time.sleep(0.2)

    def post(self, session, server, name, points):
        """One attempt; True once the answer is final."""
        begun = time.time()
        try:
            answer = session.post(
                f"{self.site.name_url(server)}/api/v1/points/", json=points,
                headers={"Idempotency-Key": name}, timeout=PATIENCE,
            )  # fmt: skip
        except requests.Timeout:
            self.took.append((begun, time.time() - begun, None))
            return False
        except requests.RequestException:
            return False
        self.took.append((begun, time.time() - begun, answer.status_code))
        if answer.status_code >= 500 or answer.status_code == 429:
            return False
        with self.lock:
            self.outstanding -= 1
            if answer.status_code != 202:
                self.refused.append((answer.status_code, answer.text[:200]))
            else:
                self.acknowledged.update(point["topic"] for point in points)
        return True

    def stop(self):
        """No new points; returns once everything was acknowledged."""
        self.stopped.set()
        # Its last batch is on its way before anybody counts.
        self.threads[0].join()
        deadline = time.monotonic() + 60
        while self.outstanding and time.monotonic() < deadline:
            time.sleep(0.1)
        for _ in range(SENDERS):
            self.waiting.put(None)

    def describe_latency(self, start, end):
        """``"11 / 40 ms"``, p50 and p99 of the attempts between two moments, and how many were in vain."""
        took = [each for each in self.took.copy() if start <= each[0] < end]
        if not took:
            return "–"
        half, most = np.percentile([seconds * 1000 for _, seconds, _ in took], [50, 99])
        vain = sum(status != 202 for *_, status in took)
        return f"{half:.0f} / {most:.0f} ms" + (f", {vain} of {len(took)} in vain" if vain else "")


class Stream:
    """One reader: what it got, where it goes on, what it believes of the wave's threshold."""

    def __init__(self, site, server, kind):
        self.site, self.server, self.kind = site, server, kind
        self.got, self.position, self.light, self.errors = defaultdict(list), {}, None, Counter()
        self.headers = {"Authorization": f"Bearer {site.keys['read']}"}

    async def run(self):
        """Follows for ever; after a loss from where it stood, at the other server if that is nearer."""
        while True:
            try:
                await (self.follow_socket() if self.kind == "ws" else self.follow_events())
            except (OSError, httpx.HTTPError, websockets.WebSocketException, TimeoutError) as error:
                self.errors[type(error).__name__] += 1
            self.light = None
            await asyncio.sleep(0.5)
            self.server = SERVERS[1 - SERVERS.index(self.server)]

    async def follow_socket(self):
        """One WebSocket until it ends."""
        url = self.site.name_url(self.server).replace("http", "ws") + "/ws/metrics/"
        ask = {"type": "subscribe", "topics": [PROBE, WAVE], "positions": self.position}
        options = {"open_timeout": 5, "ping_interval": 5, "ping_timeout": 5}
        async with websockets.connect(url, additional_headers=self.headers, **options) as socket:
            await socket.send(json.dumps(ask))
            async for text in socket:
                self.hear_frame(json.loads(text))

    def hear_frame(self, frame):
        """Points, positions and states of one frame."""
        kind, topic = frame["type"], frame.get("topic")
        if kind in ("snapshot", "points", "summary"):
            self.position[topic] = frame["position"]
            if topic == PROBE:
                self.hear(value for _, value in frame.get("points", ()))
        if kind == "snapshot" and topic == WAVE:
            self.believe(frame["thresholds"][0] if frame["thresholds"] else None)
        elif kind == "state":
            self.believe(frame)
        elif kind == "error":
            self.errors[frame["code"]] += 1

    def believe(self, told):
        """What a threshold is told to be; None where it is said that nobody judges it."""
        self.light = read_claim(told) if told else None

    def hear(self, values):
        """Probes, with the moment of their arrival."""
        now = time.time()
        for value in values:
            self.got[int(value)].append(now)

    async def follow_events(self):
        """One event stream until it ends."""
        url = f"{self.site.name_url(self.server)}/metrics/stream"
        headers = self.headers | ({"Last-Event-ID": self.position["id"]} if self.position else {})
        params = {"topic": [PROBE, WAVE]}
        timeout = httpx.Timeout(5, read=20)
        async with (
            httpx.AsyncClient(timeout=timeout) as client,
            client.stream("GET", url, params=params, headers=headers) as answer,
        ):
            event = {}
            async for line in answer.aiter_lines():
                if line:
                    name, _, value = line.partition(": ")
                    event[name] = value
                elif event:
                    self.hear_event(event)
                    event = {}

    def hear_event(self, event):
        """A point, a state or a word about the stream."""
        if event.get("id"):
            self.position["id"] = event["id"]
        kind, data = event.get("event", "point"), event.get("data")
        told = json.loads(data) if data and data[0] in "{[" else {}
        if kind == "point" and told.get("topic") == PROBE:
            self.hear([told["value"]])
        elif kind == "state":
            self.believe(told)


def read_claim(told):
    """``ok`` or ``firing`` of a threshold as API and streams tell it; None where it is not judged."""
    if told.get("data") in ("behind", "empty", "error", "thin") or told.get("unjudged_since") is not None:
        return None
    return told["state"] if told["state"] in ("ok", "firing") else None


class Streams:
    """Ten sockets and ten event streams, half of each at either server, in a thread of their own."""

    def __init__(self, site, count=20):
        kinds = [("ws", "sse")[at % 2] for at in range(count)]
        self.all = [Stream(site, SERVERS[at // 2 % 2], kind) for at, kind in enumerate(kinds)]
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(
            target=self.loop.run_until_complete, args=(self.follow(),), daemon=True
        )
        self.thread.start()

    async def follow(self):
        """All of them until ``stop``."""
        self.tasks = [asyncio.ensure_future(stream.run()) for stream in self.all]
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def stop(self):
        """Ends them all."""
        for task in self.tasks:
            self.loop.call_soon_threadsafe(task.cancel)
        self.thread.join(10)
