"""The hot window as it stood at one moment, and as it stands again: for backup and restore.

Each shard is dumped in a transaction of its own: what was acknowledged before the first is there, of what
comes meanwhile each shard has its part or not. Marks of idempotency keys may be millions: they are read
afterwards, in small pieces, and each is taken or left by when it was set, which Redis tells to the
millisecond.
"""

import itertools
import re
from typing import NamedTuple

import redis

from metrics_app import conf
from metrics_app.connection import get_redis, guard, key, patiently
from metrics_app.core.durations import DAY_MS
from metrics_app.core.points import shard_of
from metrics_app.exceptions import MetricsError
from metrics_app.lua import read_script
from metrics_app.window.fence import begin_generation, read_meta
from metrics_app.window.kept import (
    EMITTERS,
    MARKS,
    NAMED,
    OF_EMITTERS,
    OF_SHARD,
    OF_SITE,
    OF_TOPIC,
    REPLAYED,
)

DUMP, PASS = read_script("dump"), read_script("pass")
ROUNDS = 1_000_000  # of a loop in Lua: 6 to 20 ms, never under the 5 that TIE asks for
TIE = 2  # ms; what was set within them behind the moment was set before it, for PASS lies in between
ATTEMPTS = 5
MARK_MS = DAY_MS  # for which a mark is set: bus.REMEMBER, emitters.REMEMBER
PIECE = 500  # keys in one question
SITE = ""  # the place of what belongs to no shard


class Kept(NamedTuple):
    """A key: its place (a shard, EMITTERS or SITE), its name, ms it lives on (-1: for ever), its dump."""

    place: str
    name: str
    life: int
    packed: bytes


class Snapshot(NamedTuple):
    """All but the marks, each place as of its moment: ``{place: Redis' ms}``."""

    moments: dict
    keys: list


class NotRestored(MetricsError):
    """Why Redis did not take what a backup holds."""


def name_kept(place, name):
    """The key of a name at a place."""
    return key(place, name) if place else f"{conf.get('REDIS_PREFIX')}:{name}"


@patiently()
def take_snapshot():
    """The Snapshot of now; BusUnavailable. What was acknowledged before is in it.

    Redis does nothing else while it dumps a place, some 20 ms for each MB of it.
    """
    for _ in range(ATTEMPTS):
        names = list_names()
        snapshot = dump_all(names)
        # A key that was made between the list and the moment would be missing.
        if not set(list_names()) - set(names):
            return snapshot
    raise MetricsError("Too many keys are made at this moment: try again when fewer replays begin.")


def dump_all(names):
    """The Snapshot of all shards and of these ``(place, name)`` of no shard."""
    of_place = {}
    for pair in names:
        of_place.setdefault(find_home(*pair), []).append(pair)
    moments, keys = {}, []
    for place in (SITE, *map(str, range(conf.get("SHARDS")))):
        moments[place], found = dump_place(place, of_place.get(place, []))
        keys += found
    return Snapshot(moments | {EMITTERS: moments[SITE]}, keys)


def find_home(place, name):
    """With which place a key is dumped: what was replayed of a topic with its points."""
    kind, _, topic = name.partition(":")
    return str(shard_of(topic, conf.get("SHARDS"))) if kind == REPLAYED else SITE


def dump_place(place, names):
    """``(moment, [Kept, …])`` of a shard, or of SITE, and of these names, in one transaction."""
    with guard():
        pipe = get_redis().pipeline(transaction=True)
        pipe.time()
        for pair in names:
            pipe.pttl(name_kept(*pair))
            pipe.dump(name_kept(*pair))
        if place != SITE:
            pipe.eval(DUMP, 1, key(place, "meta"), key(place, ""), ",".join(OF_SHARD), ",".join(OF_TOPIC))
        pipe.eval(PASS, 1, key(place or 0, "meta"), ROUNDS)
        (seconds, micros), *answers, _ = pipe.execute()
    found = answers.pop() if place != SITE else []
    rows = zip(names, *[iter(answers)] * 2, strict=True)
    keys = [Kept(*pair, life, packed) for pair, life, packed in rows if packed]
    rows = zip(*[iter(found)] * 3, strict=True)
    keys += [Kept(place, name.decode(), life, packed) for name, life, packed in rows]
    return seconds * 1000 + micros // 1000, keys


def list_names():
    """``[(place, name), …]`` of the keys that are kept and belong to no shard."""
    wanted = {(SITE, name) for name in OF_SITE} | {(EMITTERS, name) for name in OF_EMITTERS}
    named = {pair for pair in scan_names() if pair[0] == SITE and name_kind(pair[1]) in NAMED}
    return sorted(wanted | named)


def name_kind(name):
    """What a key is, by the first word of its name."""
    return name.partition(":")[0]


def scan(pattern, count):
    """Yields lists of keys that match, as Redis walks over all that it has."""
    cursor = None
    while cursor != 0:
        with guard():
            cursor, found = get_redis().scan(cursor or 0, match=pattern, count=count)
        yield found


def scan_names(count=2_000):
    """Yields ``(place, name)`` of every key under the prefix, some twice; others may come meanwhile."""
    prefix = conf.get("REDIS_PREFIX")
    in_braces = re.compile(rf"\{{{re.escape(prefix)}:(\w+)\}}:(.*)", re.DOTALL)
    for pattern in (f"{prefix}:*", f"{{{prefix}:*"):
        for found in scan(re.sub(r"([\[\]\\?])", r"\\\1", pattern), count):
            for raw in found:
                text = raw.decode(errors="replace")
                if text.startswith(f"{prefix}:"):
                    yield SITE, text[len(prefix) + 1 :]
                elif match := in_braces.fullmatch(text):
                    yield match[1], match[2]


@patiently()
def read_marks(moments):
    """Yields the Kept of each mark of a batch that was set until its place's moment, some twice."""
    names = (pair for pair in scan_names() if pair[0] != SITE and name_kind(pair[1]) in MARKS)
    while part := list(itertools.islice(names, PIECE)):
        yield from read_piece(part, moments)


def read_piece(names, moments):
    """The Kept of those of some marks that are taken."""
    with guard():
        pipe = get_redis().pipeline(transaction=False)
        for pair in names:
            pipe.pttl(name_kept(*pair))
            pipe.time()
            pipe.dump(name_kept(*pair))
        answers = iter(pipe.execute())
    for pair, life, (seconds, micros), packed in zip(names, answers, answers, answers, strict=True):
        set_at = seconds * 1000 + micros // 1000 + life - MARK_MS
        if packed and life > 0 and set_at <= moments.get(pair[0], 0) + TIE:
            yield Kept(*pair, life, packed)


@patiently()
def restore_keys(kept):
    """Writes keys as they were, with as long to live as they had; how many. BusUnavailable, NotRestored."""
    kept, count = iter(kept), 0
    while part := list(itertools.islice(kept, PIECE)):
        with guard():
            pipe = get_redis().pipeline(transaction=False)
            for row in part:
                pipe.restore(name_kept(row.place, row.name), max(row.life, 0), row.packed, replace=True)
            answers = pipe.execute(raise_on_error=False)
        if errors := [answer for answer in answers if isinstance(answer, Exception)]:
            raise_refusal(errors[0])
        count += len(part)
    return count


def raise_refusal(error):
    """NotRestored for a dump that this server cannot read, else the error itself, as BusUnavailable."""
    if isinstance(error, redis.ResponseError) and "version or checksum" in str(error):
        raise NotRestored(
            "This Redis does not read what the other one wrote: restore into the same kind of server, of the "
            "same version or a newer one."
        )
    with guard():
        raise error


@patiently()
def begin_anew():
    """A new generation of each shard that was restored: no position of before means anything any more.

    Else a stream that went on from a position behind the moment would miss what came after it.
    """
    metas = [meta for meta in read_meta(range(conf.get("SHARDS"))) if meta.fields]
    for meta in metas:
        begin_generation(meta, "restore")


@patiently()
def remove_keys():
    """Removes every key under the prefix; how many."""
    names = [name_kept(*pair) for pair in scan_names()]
    for at in range(0, len(names), PIECE):
        with guard():
            get_redis().unlink(*names[at : at + PIECE])
    return len(names)


UNFINISHED = "restoring"
BESIDE = ("asgi", "celery", UNFINISHED)  # what a site that is empty may have all the same


def list_used(most):
    """Up to ``most`` names of keys that say that somebody works here, or has. BusUnavailable."""
    names = (name for _, name in scan_names() if name_kind(name) not in BESIDE)
    return list(itertools.islice(names, most))


@guard()
def note_unfinished():
    """Notes that keys are being restored, until ``note_finished``."""
    get_redis().set(name_kept(SITE, UNFINISHED), 1)


@guard()
def note_finished():
    """Notes that all keys are there."""
    get_redis().delete(name_kept(SITE, UNFINISHED))


@guard()
def is_unfinished():
    """Whether a restore began here and did not end."""
    return bool(get_redis().exists(name_kept(SITE, UNFINISHED)))
