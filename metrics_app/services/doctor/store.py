"""Redis: whether it keeps what it acknowledges, and has room."""

from redis.exceptions import ResponseError

from metrics_app.connection import get_redis, guard
from metrics_app.services.doctor.findings import NOTE, TODO, Finding
from metrics_app.services.health import as_text

POLICY = "noeviction"
FULL = 0.8  # share of maxmemory
PART = "redis"


def judge_store():
    """Findings of what the server says of itself. BusUnavailable."""
    config, memory, disk = read_config(), read_info("memory"), read_info("persistence")
    return [*judge_config(config), *judge_memory(memory), *judge_persistence(disk)]


@guard()
def read_config():
    """``{name: value}`` of the settings that count; none of a server that does not tell."""
    found = {}
    try:
        for name in ("maxmemory-policy", "append*"):
            found |= get_redis().config_get(name)
    except ResponseError:
        return {}
    return {as_text(name): as_text(value) for name, value in found.items()}


@guard()
def read_info(section):
    """What the server says in a section of INFO."""
    try:
        return get_redis().info(section)
    except ResponseError:
        return {}


def judge_config(config):
    """What is set otherwise than a site needs."""
    if not config:
        message = "Redis does not tell how it is set up (CONFIG is not allowed)."
        todo = f"Ask who runs it for maxmemory-policy {POLICY}, appendonly yes and appendfsync always."
        return [Finding(NOTE, PART, message, todo)]
    findings = []
    if (policy := config.get("maxmemory-policy")) != POLICY:
        message = f"maxmemory-policy is {policy}: once its memory is full, Redis throws points away unseen."
        findings.append(
            Finding(TODO, PART, message, f"CONFIG SET maxmemory-policy {POLICY}, and in redis.conf.")
        )
    if config.get("appendonly") != "yes":
        message = "appendonly is off: a restart of Redis loses what came since its last snapshot."
        findings.append(Finding(TODO, PART, message, "CONFIG SET appendonly yes, and in redis.conf."))
    elif (policy := config.get("appendfsync")) != "always":
        message = (
            f"appendfsync is {policy}: a Redis that is killed may forget seconds of acknowledged points."
        )
        todo = "CONFIG SET appendfsync always, and in redis.conf, where no point may be lost."
        findings.append(Finding(NOTE, PART, message, todo))
    return findings


def judge_memory(memory):
    """Whether it is nearly full."""
    used, most = memory.get("used_memory", 0), memory.get("maxmemory", 0)
    if not most or used < FULL * most:
        return []
    message = f"Redis uses {used / 1e6:,.0f} of {most / 1e6:,.0f} MB: beyond that it takes no points."
    return [
        Finding(TODO, PART, message, "Give it more (maxmemory), or see whether collector and archiver run.")
    ]


def judge_persistence(disk):
    """Whether its last writing to disk failed."""
    names = ("aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status")
    failed = [name for name in names if as_text(disk.get(name, "ok")) != "ok"]
    if not failed:
        return []
    message = f"Redis could not write to its disk ({', '.join(failed)})."
    return [Finding(TODO, PART, message, "Make room on its disk, and read its log.")]
