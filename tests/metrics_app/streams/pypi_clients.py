"""Event-stream clients of PyPI, each used as its own page says; what they tell goes to standard output.

A line of JSON for each event: ``{"client", "site", "path", "name", "data"}``. Arguments as of
``npm_clients.mjs``: ``python -m tests.metrics_app.streams.pypi_clients '{"/metrics/stream?topic=…": "KEY"}' http://…``.
"""

import asyncio
import json
import sys
import threading
import time

import aiohttp
import httpx
import httpx_sse
import requests
import sseclient
from aiohttp_sse_client2.client import EventSource

PAUSE = 0.2  # seconds between two tries of those who leave that to their user


def follow_httpx_sse(url, headers, tell):
    """Once: it leaves coming back to its user, and says from where."""
    with (
        httpx.Client(timeout=60) as client,
        httpx_sse.connect_sse(client, "GET", url, headers=headers) as source,
    ):
        for event in source.iter_sse():
            tell(event.event, event.data)
            headers["Last-Event-ID"] = event.id


def follow_sseclient_py(url, headers, tell):
    """The same."""
    with requests.get(url, headers=headers, stream=True, timeout=60) as response:
        for event in sseclient.SSEClient(response).events():
            tell(event.event, event.data)
            if event.id is not None:
                headers["Last-Event-ID"] = event.id


async def follow_aiohttp(url, headers, tell):
    """Comes back by itself, unless that fails too often."""
    timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
    last = {}
    while True:
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                EventSource(url, session=session, headers=headers | last, max_connect_retry=100) as source,
            ):
                async for event in source:
                    last = {"Last-Event-ID": event.last_event_id} if event.last_event_id else last
                    tell(event.type or "message", event.data)
        except (aiohttp.ClientError, ConnectionError, TimeoutError):
            await asyncio.sleep(PAUSE)


def follow_for_ever(follow, url, headers, tell):
    """Begins anew whenever it ends or fails."""
    while True:
        try:
            follow(url, headers, tell)
        except (httpx.TransportError, requests.RequestException, httpx_sse.SSEError):
            pass
        time.sleep(PAUSE)


CLIENTS = {
    "httpx-sse": follow_httpx_sse,
    "sseclient-py": follow_sseclient_py,
}


def make_tell(client, site, path):
    """``tell(name, data)``: one line on standard output."""

    def tell(name, data):
        said = {"client": client, "site": site, "path": path, "name": name, "data": data}
        # In one write: threads share it.
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()

    return tell


async def main():
    """All clients on all addresses, until killed."""
    keys, sites = json.loads(sys.argv[1]), sys.argv[2:]
    tasks = []
    for site, (path, key) in ((site, pair) for site in sites for pair in keys.items()):
        for client, follow in CLIENTS.items():
            given = (follow, site + path, {"X-API-Key": key}, make_tell(client, site, path))
            threading.Thread(target=follow_for_ever, args=given, daemon=True).start()
        tell = make_tell("aiohttp-sse-client2", site, path)
        tasks.append(follow_aiohttp(site + path, {"X-API-Key": key}, tell))
    await asyncio.gather(*tasks)


if __name__ == "__main__":
    asyncio.run(main())
