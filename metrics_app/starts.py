"""Where an event stream begins: its topics, and the position in each."""

from metrics_app import access, live
from metrics_app.core.positions import NOWHERE, parse_position, unpack_positions


def find_start(who, query, find_topics=access.find_visible):
    """``({topic: (epoch, offset)}, strays)``; the strays were asked for at a position that is lost.

    NotVisible or BadInput for topics one may not see, BusUnavailable when Redis is away.
    """
    topics = find_topics(who, query.topics)
    positions = live.get_positions(topics)
    asked = read_positions(query, topics)
    if asked is None:
        return (positions if query.since is None else find_since(topics, query.since)), []
    starts, strays = {}, []
    newborn = find_newborn(query, asked, positions)
    for topic, top in positions.items():
        if can_continue(topic, asked.get(topic), *top):
            starts[topic] = asked[topic]
        elif topic in newborn:
            starts[topic] = (live.null_epoch(topic), 0)
        else:
            starts[topic] = top
            strays.append(topic)
    return starts, strays


def find_partner_start(who, query):
    """``find_start`` of a partner: topics it may not see begin as if they had no points yet."""
    starts, strays = find_start(who, query, access.find_listed)
    hidden = [name for name in query.topics if not name.endswith("*") and name not in starts]
    asked = read_positions(query, hidden)
    for topic in hidden:
        starts[topic] = live.null_epoch(topic), 0
        if asked is not None and not can_continue(topic, asked.get(topic), *starts[topic]):
            strays.append(topic)
    # In the order they would have if all were there.
    return dict(sorted(starts.items())), sorted(strays)


def read_positions(query, topics):
    """``{topic: (epoch, offset)}`` as the client gave it; None for a fresh stream."""
    if query.position is None:
        return None
    if query.is_single:
        return {query.topics[0]: parse_position(query.position)}
    return unpack_positions(query.position, topics)


def find_newborn(query, asked, positions):
    """Topics that a pattern began to match while the client was away: all their points are missed ones.

    Only where the id is one of ours, that is, speaks of no topic or of one that
    can be continued: a forged id is never answered with a replay from zero.
    """
    known = [topic for topic in positions if can_continue(topic, asked.get(topic), *positions[topic])]
    if not known and query.position != NOWHERE:
        return set()
    return positions.keys() - asked.keys() - set(query.topics)


def find_since(topics, since):
    """``{topic: (epoch, offset)}`` just before the first point that is not older than ``since`` (ms)."""
    found = {}
    for topic in topics:
        part = live.read_since(topic, since)
        found[topic] = part.epoch, part.first_offset - 1
    return found


def can_continue(topic, position, epoch, top):
    """Whether a position lies in the log as it stands now."""
    if position is None:
        return False
    at, offset = position
    return (at == epoch and offset <= top) or position == (live.null_epoch(topic), 0)
