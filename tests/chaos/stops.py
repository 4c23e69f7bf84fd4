"""Ends each server by SIGTERM under its streams and senders, starts it again, and tells what people saw.

``python -m tests.chaos.stops [--streams 0,1,20,500] [server …]`` prints a table; ``make test-long`` runs it.
"""

import argparse
import asyncio
import os
import signal
import tempfile
import threading
import time
from collections import Counter
from typing import NamedTuple

import requests

from tests.chaos.load import PROBE
from tests.chaos.stack import SERVERS, Site

SENDERS, SIZE, PATIENCE = 3, 20, 20  # threads; points of a batch; seconds a request may take
SETTLE = 3  # seconds of traffic before the signal


class Stop(NamedTuple):
    """What came of one end."""

    server: str
    streams: int
    seconds: float  # from the signal until the process had ended
    start: float  # from the command until its successor answered
    told: int  # streams that were told so before they ended
    answers: Counter  # of what senders heard from the signal until the successor answered
    acknowledged: int
    missing: int  # points that were acknowledged and are not there; below 0 what is there twice
    log: list
    load: float  # of the machine, over the last minute


class Senders:
    """Threads, each of which sends one batch after the other to one server, each until it is acknowledged."""

    def __init__(self, site, server):
        self.site, self.url = site, f"{site.name_url(server)}/api/v1/points/"
        self.stopped, self.lock = threading.Event(), threading.Lock()
        self.heard = []  # (moment, what)
        self.acknowledged = 0
        self.threads = [threading.Thread(target=self.send, args=(at,)) for at in range(SENDERS)]
        for thread in self.threads:
            thread.start()

    def send(self, at):
        """Batches, the same again until it was taken; a new connection after each failure."""
        session, number = requests.Session(), 0
        while not self.stopped.is_set():
            number += 1
            name = f"{self.site.password}-{time.time_ns()}-{at}-{number}"
            while (heard := self.post(session, name)) != 202:
                time.sleep(0.05)
                assert type(heard) is not int or heard >= 500, heard
            with self.lock:
                self.acknowledged += SIZE

    def post(self, session, name):
        """One attempt: its status, or the name of what became of it."""
        points, headers = [{"topic": PROBE, "value": 1}] * SIZE, {"Idempotency-Key": name}
        headers["Authorization"] = f"Bearer {self.site.keys['emit']}"
        begun = time.time()
        try:
            heard = session.post(self.url, json=points, headers=headers, timeout=PATIENCE).status_code
        except requests.RequestException as error:
            heard = "refused" if "refused" in str(error) else "timeout" if "time" in str(error) else "reset"
        self.heard.append((begun, heard))
        return heard

    def stop(self):
        """The last batches are acknowledged when it returns."""
        self.stopped.set()
        for thread in self.threads:
            thread.join()


class Readers:
    """Event streams that read until they are ended, in a thread of their own."""

    def __init__(self, site, server, count):
        self.site, self.port, self.count = site, site.ports[server], count
        self.open = self.told = 0
        self.thread = threading.Thread(target=lambda: asyncio.run(self.follow()))
        self.thread.start()
        deadline = time.monotonic() + 120
        while self.open < count:
            assert time.monotonic() < deadline, f"{self.open} of {count} streams are open"
            time.sleep(0.05)

    async def follow(self):
        """All of them."""
        await asyncio.gather(*(self.read() for _ in range(self.count)))

    async def read(self):
        """One, as a browser would ask for it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        ask = f"GET /metrics/stream?topic={PROBE} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
        writer.write(f"{ask}Authorization: Bearer {self.site.keys['read']}\r\n\r\n".encode())
        is_told, is_open = False, False
        try:
            while line := await reader.readline():
                if not is_open and line.startswith(b"event:"):
                    self.open, is_open = self.open + 1, True
                is_told = is_told or line.strip() == b"event: unavailable"
        except ConnectionError:
            pass
        self.told += is_told
        writer.close()


def try_stop(site, server, streams):
    """The Stop of a server that is there, with so many streams."""
    before, size = count(site), site.find_log(server).stat().st_size
    senders, readers = Senders(site, server), Readers(site, server, streams)
    time.sleep(SETTLE)
    process, begun = site.processes.pop(server), time.time()
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    ended = time.time()
    site.start(server)
    site.wait_until_up(server, size)
    up = time.time()
    senders.stop()
    readers.thread.join()
    missing = before + senders.acknowledged - wait_for_count(site, before + senders.acknowledged)
    answers = Counter(what for at, what in senders.heard if begun <= at <= up)
    log = site.read_logs({server: size})[server]
    return Stop(
        server, streams, ended - begun, up - ended, readers.told, answers, senders.acknowledged, missing, log,
        os.getloadavg()[0],
    )  # fmt: skip


def count(site):
    """Points of the last hour by the API of the first server that answers."""
    for server in site.ports:
        url = f"{site.name_url(server)}/api/v1/kpis/{PROBE}/stats/?window=3600"
        try:
            answer = requests.get(url, headers={"Authorization": f"Bearer {site.keys['read']}"}, timeout=30)
        except requests.ConnectionError:
            continue
        return answer.json()["count"]
    raise AssertionError("no server answers")


def wait_for_count(site, expected):
    """The count once it is as expected, or after half a minute in which it is not."""
    deadline = time.monotonic() + 30
    while (found := count(site)) != expected and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def run(servers, streams, say=print):
    """Ends each server with each number of streams: ``[Stop]``."""
    found = []
    with tempfile.TemporaryDirectory(prefix="hms-stops-") as name, Site(name) as site:
        for server in servers:
            site.wait_until_up(server, 0)
        for server in servers:
            for number in streams:
                found.append(try_stop(site, server, number))
                say(tell(found[-1]))
    return found


def tell(one):
    """A row of the table."""
    answers = ", ".join(f"{times} × {what}" for what, times in sorted(one.answers.items(), key=str))
    return (
        f"| {one.server} | {one.streams} | {one.seconds:.1f} | {one.told} | {one.start:.1f} | {answers} "
        f"| {one.acknowledged} | {one.missing} | {len(one.log)} | {one.load:.1f} |"
    )


def main():
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("servers", nargs="*", default=SERVERS)
    parser.add_argument("--streams", default="0,1,20,500", help="how many, one run each")
    options = parser.parse_args()
    print("| server | streams | its end, s | told so | its start, s | what senders heard meanwhile "
          "| acknowledged | missing | lines | load |")  # fmt: skip
    print("|---" * 10 + "|")
    for one in run(options.servers or SERVERS, [int(each) for each in options.streams.split(",")]):
        for line in one.log[:20]:
            print(line)


if __name__ == "__main__":
    main()
