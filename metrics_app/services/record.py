"""Writing points: every door ends here."""

import numpy as np
from django.db import Error, close_old_connections, connection

from metrics_app import bus, clock, conf, emitters, registry
from metrics_app.connection import get_redis, guard
from metrics_app.core.durations import DAY_S
from metrics_app.core.points import check_topic, check_ts, check_value
from metrics_app.core.text.counts import count_words
from metrics_app.exceptions import BadInput, BusUnavailable, MetricsError, NotAllowed, TooMany
from metrics_app.servers import is_database_away
from metrics_app.transport import Refused

# KEYS[1] the topics a key has brought; ARGV: the limit, seconds, topics.
# Refused as a whole: 0 and nothing is added, else 1. Then the seconds until the set ends.
ADMIT = """
local fresh = 0
for i = 3, #ARGV do
  if redis.call('SISMEMBER', KEYS[1], ARGV[i]) == 0 then fresh = fresh + 1 end
end
if redis.call('SCARD', KEYS[1]) + fresh > tonumber(ARGV[1]) then
  return {0, redis.call('TTL', KEYS[1])}
end
for i = 3, #ARGV do redis.call('SADD', KEYS[1], ARGV[i]) end
if redis.call('TTL', KEYS[1]) < 0 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return {1, redis.call('TTL', KEYS[1])}
"""


def record(points):
    """Puts ``(topic, value, ts)`` triples (ts: ms, ISO 8601 or None for now) on the bus; returns how many.

    BadInput for the first bad one, and none is recorded.
    """
    rows = check_rows(points)
    if rows:
        record_batch(group_rows(rows))
    return len(rows)


def check_rows(points):
    """The triples with checked topics, float values and ts in ms; BadInput for the first bad one."""
    now, future = clock.now_ms(), conf.get("MAX_FUTURE")
    return [
        (
            check_topic(topic),
            check_value(value),
            now if ts is None else check_ts(ts, now=now, max_future=future),
        )
        for topic, value, ts in points
    ]


def record_rows(rows, batch_id):
    """The client's transport to the project's own bus: ``Outgoing`` rows of ``(topic, value, ts ms)``.

    BusUnavailable, Refused.
    """
    try:
        now = clock.now_ms()
        skew = clock.find_skew() if getattr(rows, "clock", None) is not None else 0
        record_batch(group_rows(check_times(rows, now, skew)), batch_id=f"local:{batch_id}")
        if skew:
            emitters.note_skew(emitters.OWN, skew, now=now)
        if dropped := getattr(rows, "dropped", 0):
            emitters.note_dropped(emitters.OWN, dropped, batch_id)
    except BusUnavailable:
        raise
    except MetricsError as error:
        raise Refused(str(error), apart=True) from error
    finally:
        # The client's thread has no request whose end would close its connection; a caller's
        # own transaction is not ours to end.
        if not connection.in_atomic_block:
            close_old_connections()


def check_times(rows, now, skew):
    """Rows with ``skew`` ms subtracted from their times; Refused for those ahead of ``now`` (ms) then."""
    limit = now + skew + conf.get("MAX_FUTURE") * 1000
    if refused := [index for index, (_, _, ts) in enumerate(rows) if ts > limit]:
        ahead = (rows[refused[0]][2] - now - skew) / 1000
        raise Refused(f"a point is {ahead:g} s in the future", refused=refused)
    return [(topic, value, ts - skew) for topic, value, ts in rows] if skew else rows


def group_rows(rows):
    """Rows of ``(topic, value, ts)`` as a batch, in their order."""
    columns = {}
    for topic, value, ts in rows:
        ts_column, values = columns.setdefault(topic, ([], []))
        ts_column.append(ts)
        values.append(value)
    return {
        topic: (np.array(ts, dtype=np.int64), np.array(values, dtype=np.float64))
        for topic, (ts, values) in columns.items()
    }


def record_batch(batch, *, who=None, batch_id=None, digest=b""):
    """Checks who may send what and puts a validated batch on the bus.

    ``who`` None is the project itself. NotAllowed for topics outside the key's,
    BadInput for unknown topics where none are created, TooMany over the key's
    limit of new KPIs, Conflict, BusUnavailable.
    """
    check_allowed(batch, who)
    check_known(batch, who)
    bus.publish(batch, batch_id=batch_id, digest=digest)


def check_allowed(topics, who):
    """NotAllowed naming the first topic the key may not send."""
    for topic in topics:
        if not registry.may_emit(who, topic):
            raise NotAllowed(f"this key may not emit {topic!r}: it is limited to {', '.join(who.topics)}")


def check_known(topics, who):
    """Lets unknown topics pass where KPIs are made on first sight, up to the key's limit."""
    create = conf.get("AUTO_CREATE_KPIS")
    if create and who is None:
        return
    unknown = find_unknown(topics, create, who)
    if unknown and not create:
        errors = [{"field": "topic", "message": tell_unknown(topic, who)} for topic in unknown]
        raise BadInput(errors[0]["message"], errors=errors)
    if unknown:
        admit_topics(unknown, who)


def find_unknown(topics, create, who):
    """The topics that are no KPIs; none where that cannot be said and KPIs are made on first sight.

    A restricted one that is not for ``who`` counts as one that is not there, or the answers would tell
    that it is; but not to a key that names its topics, for that is meant to send there.
    """
    try:
        kpis, restricted = registry.load_registry()
    except Error as error:
        # Begun while the database is away: known topics must not use up the limit of new ones.
        if create and is_database_away(error):
            return []
        raise
    if who is None or who.topics or who.is_superuser:
        return [topic for topic in topics if topic not in kpis]
    return [
        topic
        for topic in topics
        if topic not in kpis or (topic in restricted and restricted[topic] not in who.groups)
    ]


def tell_unknown(topic, who):
    """What to do about a topic where none are created on first sight."""
    told = f"{topic!r} is not a known KPI, and new ones are not made here: create it in the admin first"
    wide = who is not None and not who.topics
    return f"{told}, or name it among the key's topics if it is there and restricted" if wide else told


def admit_topics(topics, who):
    """Counts new topics against the key's limit of 24 h; TooMany over it."""
    limit = conf.get("AUTO_CREATE_LIMIT")
    name = f"{conf.get('REDIS_PREFIX')}:kpis:{who.id}"
    with guard():
        admitted, seconds = get_redis().eval(ADMIT, 1, name, limit, DAY_S, *topics)
    if not admitted:
        raise TooMany(
            f"this key has brought its {count_words(limit, 'new KPI')} of 24 h: {topics[0]!r} is not known",
            retry_after=max(1, seconds),
        )
