"""The parts of ``/readyz``, and how far behind each shard is."""

from metrics_app import queries
from metrics_app.services.doctor.findings import TODO, Finding
from metrics_app.services.health import MAX_BEHIND

ADVICE = {
    "database": "Start it, or see what DATABASE_URL names; points are taken meanwhile.",
    "redis": "Start it, or see what REDIS_URL names; senders keep their points and repeat them.",
    "archiver": "See whether beat and the worker of the queue slow run, and what the message names.",
    "notices": "The admin says why, under Receivers and Notices; mend it, then Try again there.",
}
ELSE = "See “When something is wrong” in docs/operations.md."
COLLECTOR = "collector"


def judge_parts(found):
    """A Finding for each part that is not well or warns; of the collector ``judge_shards`` tells by shard."""
    return [
        Finding(TODO, name, tell_part(name, part), ADVICE.get(name, ELSE))
        for name, part in found.items()
        if (not part["ok"] or part.get("warning")) and (name != COLLECTOR or not found["redis"]["ok"])
    ]


def tell_part(name, part):
    """``The part archiver is not ready: worked 400 s ago, …``."""
    reason = part.get("message") or part.get("warning") or "no reason given"
    return f"The part {name} {'warns' if part['ok'] else 'is not ready'}: {reason}."


def read_lags():
    """``{shard: seconds}`` behind Redis' clock; None of one that never collected. BusUnavailable."""
    marks, now = queries.collected_through(), queries.redis_now()
    return {shard: max(0, now - mark) / 1000 if mark else None for shard, mark in marks.items()}


def judge_shards():
    """A Finding for those that are as far behind as makes ``/readyz`` not ready."""
    lags = read_lags()
    never = [shard for shard, lag in lags.items() if lag is None]
    late = {shard: lag for shard, lag in lags.items() if lag is not None and lag > MAX_BEHIND}
    findings = []
    if never:
        message = f"{tell_shards(never)} never collected."
        findings.append(Finding(TODO, COLLECTOR, message, "Start `manage.py collect`."))
    if late:
        message = (
            f"{tell_shards(late)} collected up to {max(late.values()):.0f} s ago: thresholds wait for it."
        )
        todo = (
            "See whether `manage.py collect` runs for these shards and keeps up; it goes on where it was, "
            "and nothing is lost."
        )
        findings.append(Finding(TODO, COLLECTOR, message, todo))
    return findings


def tell_shards(shards):
    """``Shards 1, 4 were`` …"""
    numbers = ", ".join(map(str, sorted(shards)))
    return f"Shard {numbers} was" if len(shards) == 1 else f"Shards {numbers} were"
