"""A thousand WebSockets in one process that counts frames: epoll and recv, and nothing else.

Run as a program by `bench.sockets`: it shares the machine with the server it
measures, so it does as little as can be done for each frame: find its end, read
the time in its first point and the position of its last. It opens the sockets,
subscribes, prints `ready` and then answers on its standard input `look` with the
JSON of what has been received, `forget` with the same after setting the counts
to nothing.
"""

import argparse
import base64
import json
import os
import select
import socket
import struct
import sys
import time

# Between two looks at the sockets, in seconds: frames that came meanwhile are
# read in one go, which leaves the processor to the server.
PAUSE = 0.001
OPENING = 120  # seconds that the snapshots may take
TEXT, CLOSE, PING = 1, 8, 9


class Received:
    """What came in since the last `forget`; latencies in ms."""

    def __init__(self):
        self.frames = self.points = self.closed = self.breaks = 0
        self.latencies = []

    def forget(self):
        """The counts begin anew; a lost socket stays lost."""
        self.frames, self.points, self.breaks, self.latencies = 0, 0, 0, []

    def report(self):
        """The counts as a dict."""
        latencies = sorted(self.latencies)
        last = len(latencies) - 1
        return {
            "frames": self.frames,
            "points": self.points,
            "closed": self.closed,
            "breaks": self.breaks,
            "p50": latencies[last // 2] if latencies else None,
            "p99": latencies[int(last * 0.99)] if latencies else None,
            "max": latencies[-1] if latencies else None,
        }


class Client:
    """One WebSocket: bytes in, counted frames out; ``receives``: bytes its socket buffers."""

    def __init__(self, port, path, headers, *, receives=None):
        self.rest = b""
        self.snapshots, self.other = 0, b""
        self.offsets = {}  # topic -> offset of the last point
        self.socket = socket.socket()
        if receives:
            # Before connecting: the window is agreed upon then.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
        self.socket.settimeout(60)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.shake_hands(port, path, headers)

    def shake_hands(self, port, path, headers):
        """Asks for the upgrade and waits for it."""
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            *headers,
            "\r\n",
        ]
        self.socket.sendall("\r\n".join(lines).encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError(f"closed instead of upgraded: {answer[:300]!r}")
            answer += data
        head, _, self.rest = answer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(f"not upgraded: {head[:300]!r}")

    def send(self, payload, opcode=TEXT):
        """Sends one masked frame of less than 64 kB; a mask of zeros is a mask."""
        size = (
            struct.pack(">BH", 0x80 | 126, len(payload))
            if len(payload) > 125
            else bytes([0x80 | len(payload)])
        )
        self.socket.sendall(bytes([0x80 | opcode]) + size + b"\0\0\0\0" + payload)

    def read(self, received, now):
        """Counts the frames in what has arrived; False when the other side is gone."""
        try:
            data = self.socket.recv(1 << 18)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        if not data:
            return False
        buffer = self.rest + data if self.rest else data
        at = self.read_frames(buffer, received, now)
        self.rest = buffer[at:]
        return True

    def read_frames(self, buffer, received, now):
        """Counts the whole frames of a buffer; returns where the first unfinished one begins."""
        at, end = 0, len(buffer)
        while end - at >= 2:
            size, start = buffer[at + 1], at + 2
            if size > 125:
                width = 2 if size == 126 else 8
                if end - start < width:
                    break
                size, start = int.from_bytes(buffer[start : start + width], "big"), start + width
            if end - start < size:
                break
            self.count_frame(buffer[at] & 15, buffer[start : start + size], received, now)
            at = start + size
        return at

    def count_frame(self, opcode, payload, received, now):
        """Counts one frame and, of points, how long the oldest took since it was emitted (its ts)."""
        if opcode == TEXT:
            if b'"snapshot"' in payload:
                self.snapshots += 1
            elif b'"points"' in payload and (first := payload.find(b"[[")) > 0:
                points = payload.count(b"[", first) - 1
                received.frames += 1
                received.points += points
                received.breaks += not self.continues(payload, points)
                received.latencies.append(now - int(payload[first + 2 : payload.index(b",", first)]))
            else:
                self.other = payload[:300]
        elif opcode == PING:
            self.send(payload, opcode=10)
        elif opcode == CLOSE:
            received.closed += 1

    def continues(self, payload, points):
        """Whether a frame of ``points`` begins where the one before it of its topic ended."""
        at = payload.index(b'"position"')
        # The second colon: "position":"epoch:offset".
        start = payload.index(b":", payload.index(b":", at) + 1) + 1
        topic, offset = payload[:at], int(payload[start : payload.index(b'"', start)])
        last, self.offsets[topic] = self.offsets.get(topic), offset
        return last is None or offset == last + points


class Visitors:
    """All the sockets of this process behind one epoll."""

    def __init__(self):
        self.clients, self.received, self.poller = {}, Received(), select.epoll()

    def add(self, client, text):
        """Takes a socket in, after sending its subscription, if any."""
        if text:
            client.send(text.encode())
        client.socket.setblocking(False)
        self.clients[client.socket.fileno()] = client
        self.poller.register(client.socket.fileno(), select.EPOLLIN)

    def read(self, timeout):
        """Reads whatever has come within ``timeout`` seconds; True when the standard input has a line."""
        asked = False
        for handle, _ in self.poller.poll(timeout):
            if handle not in self.clients:
                asked = True
            elif not self.clients[handle].read(self.received, time.time() * 1000):
                self.poller.unregister(handle)
                self.received.closed += 1
        return asked

    def open(self, arguments, headers):
        """Opens the sockets, each with the next set of headers, and waits for the snapshots asked for."""
        for index in range(arguments.sockets):
            client = Client(arguments.port, arguments.path, headers[index % len(headers)])
            self.add(client, arguments.subscribe)
            # Pings must be answered while the rest is still being opened.
            if index % 20 == 0:
                self.read(0)
        self.wait_for_snapshots(arguments.snapshots)

    def wait_for_snapshots(self, count):
        """Returns once every socket has as many; TimeoutError with what one of them was told instead."""
        deadline = time.monotonic() + OPENING
        while waiting := [client for client in self.clients.values() if client.snapshots < count]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(waiting)} sockets wait for snapshots; told: {waiting[0].other!r}")
            self.read(1)
            time.sleep(0.05)

    def answer(self):
        """`look` on the standard input is answered with the counts, `forget` sets them to nothing."""
        self.poller.register(sys.stdin.fileno(), select.EPOLLIN)
        while True:
            if self.read(1):
                word = os.read(sys.stdin.fileno(), 100).strip()
                if not word:
                    return
                if word == b"forget":
                    self.received.forget()
                print(json.dumps(self.received.report()), flush=True)
            time.sleep(PAUSE)


def main():
    """Opens the sockets and counts; the header sets come as a line of JSON on the standard input."""
    parser = argparse.ArgumentParser(prog="python -m bench.frames")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/ws/metrics/")
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--subscribe", default="", help="a JSON text to send on each socket")
    parser.add_argument("--snapshots", type=int, default=0, help="to wait for on each socket")
    arguments = parser.parse_args()
    visitors = Visitors()
    visitors.open(arguments, json.loads(sys.stdin.readline()))
    print("ready", flush=True)
    visitors.answer()


if __name__ == "__main__":
    main()
