"""Takes each part of a site away for a while and tells what people would have seen.

``python -m tests.chaos.faults [--away 30] [--freeze] [part …]`` prints a table; ``make test-long`` runs it.
"""

import argparse
import html
import re
import signal
import tempfile
import threading
import time
from typing import NamedTuple

import psycopg
import requests

from tests.chaos.load import Senders, Streams, find_truth, read_claim
from tests.chaos.stack import PARTS, SERVERS, Site

SETTLE = 20  # seconds before a fault, and after it
TILE = re.compile(r'<article data-rank[^>]*data-topic="chaos\.wave".*?data-field="state_text">([^<]*)', re.S)
SAMPLE = re.compile(r'hms_threshold_state\{([^}]*topic="chaos\.wave"[^}]*)\} 1\.0')


class Result(NamedTuple):
    """What came of one fault; seconds, counts, and the lines of the log."""

    part: str
    start: float  # that its process took to start again
    wrong: float  # the longest time that one light said something else than the points
    light: str  # which one
    socket: float  # until a point that was sent after the end had reached every stream
    judged: float  # until a slot after the end was judged
    lines: int  # most lines of one process
    talker: str  # which one
    tracebacks: int
    there: str  # how long a POST took before the fault: p50 and p99
    gone: str  # and during it
    log: dict


class Lights:
    """Looks at every light once a second and keeps for how long each has been wrong."""

    def __init__(self, site, streams):
        self.site, self.streams, self.stopped = site, streams, threading.Event()
        self.wrong, self.worst, self.lock = {}, {}, threading.Lock()
        self.doors = [
            (f"{kind}@{server}", look, server, self.log_in(server))
            for server in SERVERS
            for kind, look in LOOKS.items()
        ]
        looks = [(self.look_at, door) for door in self.doors] + [(self.look_at_streams, None)]
        for look, door in looks:
            threading.Thread(target=self.follow, args=(look, door), daemon=True).start()

    def log_in(self, server):
        """A session of a person who sees everything; a program's key beside it."""
        session, url = requests.Session(), f"{self.site.name_url(server)}/accounts/login/"
        deadline = time.monotonic() + 60
        while True:
            try:
                session.get(url, timeout=10)
                break
            except requests.RequestException:
                assert time.monotonic() < deadline, f"{server} does not answer"
                time.sleep(0.3)
        form = {"username": "root", "password": self.site.password}
        form["csrfmiddlewaretoken"] = session.cookies["csrftoken"]
        answer = session.post(url, data=form, timeout=10, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        return session

    def follow(self, look, door):
        """One kind of light, again and again."""
        while not self.stopped.is_set():
            begun = time.time()
            look(door)
            time.sleep(max(0.0, 1 - (time.time() - begun)))

    def look_at(self, door):
        """One door; one that does not answer says nothing, and so nothing wrong."""
        name, look, server, session = door
        begun = time.time()
        try:
            claim = look(session, self.site.name_url(server), self.site.keys["read"])
        except requests.RequestException:
            claim = None
        self.note(name, claim, begun, time.time())

    def look_at_streams(self, _):
        """What each open stream has been told."""
        now = time.time()
        for at, stream in enumerate(self.streams.all):
            self.note(f"{stream.kind}{at}", stream.light, now, now)

    def note(self, name, claim, begun, now):
        """Compares a claim with the truth at both ends of the look."""
        truths = {find_truth(begun), find_truth(now)}
        with self.lock:
            if claim is None or None in truths or claim in truths:
                if None not in truths:
                    self.wrong.pop(name, None)
                return
            since = self.wrong.setdefault(name, now)
            self.worst[name] = max(self.worst.get(name, 0), now - since)

    def restart(self):
        """Forgets what was; ``(name, seconds)`` of the worst."""
        with self.lock:
            worst = max(self.worst.items(), key=lambda item: item[1], default=("–", 0.0))
            self.worst = {}
        return worst


def look_api(session, url, key):
    """The threshold in the API."""
    answer = requests.get(f"{url}/api/v1/thresholds/", headers={"Authorization": f"Bearer {key}"}, timeout=5)
    return read_claim(answer.json()["results"][0]) if answer.status_code == 200 else None


def look_metrics(session, url, key):
    """The threshold in the exposition."""
    answer = requests.get(f"{url}/metrics", headers={"Authorization": f"Bearer {key}"}, timeout=5)
    found = SAMPLE.findall(answer.text) if answer.status_code == 200 else []
    states = [re.search('state="([a-z]+)"', labels)[1] for labels in found]
    # "unjudged" stands beside the state that is kept.
    return states[0] if states in (["ok"], ["firing"]) else None


def look_ready(session, url, key):
    """Readiness claims nothing about the wave; a balancer asks for it, and its log shall stay short."""
    requests.get(f"{url}/readyz", timeout=5)


def look_page(session, url, key):
    """The tile on the overview."""
    answer = session.get(f"{url}/", timeout=5)
    found = TILE.search(answer.text) if answer.status_code == 200 else None
    text = html.unescape(found[1]).strip().lower() if found else ""
    return {"within limit": "ok", "beyond limit": "firing"}.get(text)


LOOKS = {"api": look_api, "metrics": look_metrics, "page": look_page, "readyz": look_ready}


class Run:
    """A site under load, and faults one after the other."""

    def __init__(self, site):
        self.site = site
        self.streams, self.senders = Streams(site), None
        self.lights = Lights(site, self.streams)
        self.senders = Senders(site)

    def try_part(self, part, away, freeze=False):
        """The Result of one part's absence of ``away`` seconds."""
        time.sleep(SETTLE)
        self.lights.restart()
        sizes, begun = self.site.measure_logs(), time.time()
        back = None
        if freeze:
            self.site.signal(part, signal.SIGSTOP)
            time.sleep(away)
            self.site.signal(part, signal.SIGCONT)
        else:
            self.site.kill(part)
            time.sleep(away)
            back = time.time()
            self.site.start(part)
            self.site.wait_until_up(part, sizes.get(part))
        end = time.time()
        judged = self.wait_for(lambda: self.read_last_slot() > end * 1000)
        self.wait_for(lambda: self.find_arrival(end) < float("inf"))
        socket = self.find_arrival(end)
        time.sleep(SETTLE)
        light, wrong = self.lights.restart()
        lines = self.site.read_logs(sizes)
        others = {name: len(found) for name, found in lines.items() if name != part}
        talker = max(others, key=others.get)
        tracebacks = sum(line.startswith("Traceback") for found in lines.values() for line in found)
        there = self.senders.describe_latency(begun - SETTLE, begun)
        gone = self.senders.describe_latency(begun, begun + away)
        start = end - back if back else 0.0
        return Result(
            part, start, wrong, light, socket - end, judged - end, others[talker], talker, tracebacks,
            there, gone, lines,
        )  # fmt: skip

    def wait_for(self, condition, patience=90):
        """The moment at which a condition came true, or infinity."""
        deadline = time.time() + patience
        while time.time() < deadline:
            if condition():
                return time.time()
            time.sleep(0.1)
        return float("inf")

    def read_last_slot(self):
        """The newest slot (ms) that was judged; 0 while the database is away."""
        try:
            with psycopg.connect(self.site.postgres.name_url(), connect_timeout=3) as connection:
                return connection.execute("SELECT min(last_slot) FROM metrics_app_thresholdstate").fetchone()[
                    0
                ]
        except psycopg.Error:
            return 0

    def find_arrival(self, end):
        """When the last of the streams got its first probe that was made after a moment, or infinity."""
        fresh = {number for number, made in self.senders.probes.copy().items() if made > end}
        return max(
            min((at[0] for number, at in stream.got.copy().items() if number in fresh), default=float("inf"))
            for stream in self.streams.all
        )

    def finish(self):
        """``{name: count}`` of what was lost, doubled or refused, once everything has settled."""
        self.senders.stop()
        time.sleep(SETTLE)
        self.lights.stopped.set()
        probes = range(len(self.senders.probes))
        found = {topic: self.count(topic) for topic in self.senders.acknowledged}
        missing = {topic: self.senders.acknowledged[topic] - count for topic, count in found.items()}
        told = {
            "acknowledged": self.senders.acknowledged.total(),
            "never acknowledged": self.senders.outstanding,
            "refused": len(self.senders.refused),
            "lost": sum(max(0, count) for count in missing.values()),
            "doubled": sum(max(0, -count) for count in missing.values()),
            # Before its first point a stream was not there.
            "lost by a stream": max(
                sum(number not in stream.got for number in probes if number >= min(stream.got, default=0))
                for stream in self.streams.all
            ),
            "doubled by a stream": max(
                sum(len(at) - 1 for at in stream.got.values()) for stream in self.streams.all
            ),
        }
        self.streams.stop()
        return told

    def count(self, topic):
        """Points of the last hour by the API."""
        answer = requests.get(
            f"{self.site.name_url('uvicorn')}/api/v1/kpis/{topic}/stats/?window=3600",
            headers={"Authorization": f"Bearer {self.site.keys['read']}"}, timeout=30,
        )  # fmt: skip
        return answer.json()["count"]


def run(parts, away, freeze=False, say=print):
    """Takes the parts away one after the other: ``(Results, what was lost)``."""
    with tempfile.TemporaryDirectory(prefix="hms-chaos-") as name, Site(name) as site:
        chaos = Run(site)
        results = []
        for part in parts:
            results.append(chaos.try_part(part, away, freeze))
            say(tell(results[-1]))
        told = chaos.finish()
        say(told)
        return results, told


def tell(one):
    """A row of the table."""
    return (
        f"| {one.part} | {one.start:.1f} | {one.wrong:.1f} ({one.light}) "
        f"| {one.socket:.1f} | {one.judged:.1f} | {one.lines} ({one.talker}) | {one.tracebacks} "
        f"| {one.there} | {one.gone} |"
    )


def main():
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=PARTS)
    parser.add_argument("--away", type=float, default=30, help="seconds")
    parser.add_argument("--freeze", action="store_true", help="stopped by a signal instead of killed")
    parser.add_argument("--log", action="store_true", help="what was logged, too")
    options = parser.parse_args()
    print("| part | its start, s | worst wrong light, s | to socket, s | to judged, s | most lines "
          "| tracebacks | POST before, p50 / p99 | POST meanwhile |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    for one in run(options.parts or PARTS, options.away, options.freeze)[0]:
        if options.log:
            for name, lines in one.log.items():
                print(f"--- {one.part} away, log of {name}", *lines[:200], sep="\n")


if __name__ == "__main__":
    main()
