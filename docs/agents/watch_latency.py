"""Watches a mean and proposes while it is beyond a limit; people decide. Standard library only.

HMS_URL=http://127.0.0.1:8000 HMS_KEY=hms_… python watch_latency.py [--once]
"""

import json
import os
import sys
import time
import urllib.request

TOPIC, WINDOW, LIMIT = "complaint.latency", 30 * 60, 48 * 3600  # the last two in seconds
EVERY = 60  # seconds


def ask(path, body=None):
    """The JSON of an address; with a body it is posted."""
    request = urllib.request.Request(
        os.environ["HMS_URL"].rstrip("/") + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {os.environ['HMS_KEY']}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def watch_latency():
    """Proposes if the mean is beyond the limit; again while that is open only notes the newer value."""
    stats = ask(f"/api/v1/kpis/{TOPIC}/stats/?window={WINDOW}")
    mean = stats["mean"]  # null while nothing came
    if mean is None or mean <= LIMIT:
        return None
    return ask(
        "/api/v1/pipelines/",
        {
            "title": "Response time breach",
            "suggestion": "Hire 2 temp agents",
            "kpi": mean,
            "topic": TOPIC,
            "rationale": f"{stats['count']} answers of the last half hour took {mean / 3600:.1f} h on "
            f"average, beyond {LIMIT // 3600} h; nine in ten took {stats['p90'] / 3600:.1f} h or less.",
            "evidence": [{"topic": TOPIC, "window": WINDOW, "aggregate": "mean"}],
        },
    )


def main():
    """Looks once, or every minute for ever."""
    while True:
        try:
            if proposal := watch_latency():
                print(f"#{proposal['id']} {proposal['state']}, noted {proposal['noted']} times", flush=True)
        except OSError as error:  # the server is away, or refuses: its answer says why
            text = error.read().decode() if hasattr(error, "read") else ""
            print(error, text, file=sys.stderr, flush=True)
        if "--once" in sys.argv:
            return
        time.sleep(EVERY)


if __name__ == "__main__":
    main()
