"""Takes each part of a site away for a while and tells what people would have seen.

``python -m tests.chaos.faults [--away 30] [--freeze] [part …]`` prints a table; ``make test-long`` runs it.
"""

import argparse
import html
import os
import re
import signal
import tempfile
import threading
import time
from typing import NamedTuple

import psycopg
import requests

from tests.chaos.load import Senders, Streams, is_right, read_claim
from tests.chaos.stack import PARTS, SERVERS, Site

SETTLE = 20  # seconds before a fault, and after it
TILE = re.compile(r'<article data-rank[^>]*data-topic="chaos\.wave".*?data-field="state_text">([^<]*)', re.S)
SAMPLE = re.compile(r'hms_threshold_state\{([^}]*topic="chaos\.wave"[^}]*)\} 1\.0')


class Result(NamedTuple):
    """What came of one fault; seconds, counts, and the lines of the log."""

    part: str
    start: float  # from the command until its process had loaded
    wrong: int  # lights that were seen to be wrong: see ``load.is_right``
    looks: int  # of so many
    worst: float  # the longest time that one was wrong
    light: str  # which one
    dark: float  # share of the looks before the fault at lights that said that nobody judges
    socket: float  # from the command until a point that was sent after it had reached every stream
    judged: float  # and until a slot after it was judged
    lines: int  # most lines of one process
    talker: str  # which one
    tracebacks: int
    there: str  # how long a POST took before the fault: p50 and p99
    gone: str  # and during it
    log: dict
    load: float  # of the machine, over the last minute


class Lights:
    """Looks at every light once a second and keeps for how long each has been wrong."""

    def __init__(self, site, streams):
        self.site, self.streams, self.stopped = site, streams, threading.Event()
        self.since, self.lock, self.looks = {}, threading.Lock(), 0  # since when each is wrong
        self.restart()
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
        if look is not look_ready:
            self.note(name, claim, begun, time.time())

    def look_at_streams(self, _):
        """What each open stream has been told."""
        now = time.time()
        for at, stream in enumerate(self.streams.all):
            self.note(f"{stream.kind}{at}", stream.light, now, now)

    def note(self, name, claim, begun, now):
        """Compares a claim with the truth at both ends of the look."""
        with self.lock:
            self.looks += 1
            self.dark += claim is None
            if is_right(claim, begun, now):
                self.since.pop(name, None)
                return
            self.wrong += 1
            since = self.since.setdefault(name, now)
            self.worst[name] = max(self.worst.get(name, 0), now - since)

    def restart(self):
        """Forgets what was; what it saw: ``(wrong, looks, dark, (name, seconds) of the worst)``."""
        with self.lock:
            if self.looks:
                worst = max(self.worst.items(), key=lambda item: item[1], default=("–", 0.0))
                seen = self.wrong, self.looks, self.dark / self.looks, worst
            else:
                seen = 0, 0, 0.0, ("–", 0.0)
            self.wrong = self.looks = self.dark = 0
            self.worst = {}
        return seen


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
        self.wait_for(lambda: self.read_last_slot() > (time.time() - 2) * 1000)
        self.lights.restart()
        time.sleep(SETTLE)
        dark = self.lights.restart()[2]
        sizes, begun = self.site.measure_logs(), time.time()
        end = self.take_away(part, away, freeze)
        up = [] if freeze else [lambda: self.site.is_up(part, sizes.get(part))]
        judged, *up = self.wait_for_all([lambda: self.read_last_slot() > end * 1000, *up])
        start = up[0] - end if up else 0.0
        self.wait_for(lambda: self.find_arrival(end) < float("inf"))
        socket = self.find_arrival(end)
        time.sleep(SETTLE)
        wrong, looks, _, (light, worst) = self.lights.restart()
        lines = self.site.read_logs(sizes)
        others = {name: len(found) for name, found in lines.items() if name != part}
        talker = max(others, key=others.get)
        tracebacks = sum(line.startswith("Traceback") for found in lines.values() for line in found)
        there = self.senders.describe_latency(begun - SETTLE, begun)
        gone = self.senders.describe_latency(begun, begun + away)
        return Result(
            part, start, wrong, looks, worst, light, dark, socket - end, judged - end,
            others[talker], talker, tracebacks, there, gone, lines, os.getloadavg()[0],
        )  # fmt: skip

    def take_away(self, part, away, freeze):
        """A part is away for so many seconds; the moment (s) at which it is let go on, or told to start."""
        if freeze:
            self.site.signal(part, signal.SIGSTOP)
        else:
            self.site.kill(part)
        time.sleep(away)
        end = time.time()
        if freeze:
            self.site.signal(part, signal.SIGCONT)
        else:
            self.site.start(part)
        return end

    def wait_for(self, condition):
        """The moment at which a condition came true, or infinity."""
        return self.wait_for_all([condition])[0]

    def wait_for_all(self, conditions, patience=120):
        """The moment at which each condition came true, of some infinity; none is waited for with another."""
        came, deadline = [float("inf")] * len(conditions), time.time() + patience
        while max(came) == float("inf") and time.time() < deadline:
            for at, condition in enumerate(conditions):
                if came[at] == float("inf") and condition():
                    came[at] = time.time()
            time.sleep(0.05)
        return came

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
        f"| {one.part} | {one.start:.1f} | {one.socket:.1f} | {one.judged:.1f} "
        f"| {one.wrong} of {one.looks} | {one.worst:.1f} ({one.light}) | {one.dark:.1%} "
        f"| {one.lines} ({one.talker}) | {one.tracebacks} | {one.there} | {one.gone} | {one.load:.0f} |"
    )


def main():
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=PARTS)
    parser.add_argument("--away", type=float, default=30, help="seconds")
    parser.add_argument("--freeze", action="store_true", help="stopped by a signal instead of killed")
    parser.add_argument("--log", action="store_true", help="what was logged, too")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; the parts are {', '.join(PARTS)}")
    print("| part | its start, s | to socket, s | judged, s | wrong lights | longest, s | not judged before "
          "| most lines | tracebacks | POST before, p50 / p99 | POST meanwhile | load |")  # fmt: skip
    print("|---" * 12 + "|")
    for one in run(options.parts or PARTS, options.away, options.freeze)[0]:
        if options.log:
            for name, lines in one.log.items():
                print(f"--- {one.part} away, log of {name}", *lines[:200], sep="\n")


if __name__ == "__main__":
    main()
