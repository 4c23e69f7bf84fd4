"""Where an event stream begins: its topics, and the position in each."""

from metrics_app import log
from metrics_app.core.positions import MAX_TOPICS, NOWHERE, RECORD_CHARS, parse_position, unpack_positions
from metrics_app.streams import credentials


def find_start(who, query):
    """``({topic: (epoch, offset)}, strays, omitted)``.

    The strays were asked for at a position that is lost, the omitted topics match but do not fit
    into one stream. A topic one may not see begins as if it had no points yet. NotVisible for what
    is outside a key's own list, BusUnavailable when Redis is away.
    """
    starts, strays, omitted = find_visible_start(who, query)
    hidden = [name for name in query.topics if not name.endswith("*") and name not in starts]
    asked = read_positions(query, hidden)
    for topic in hidden:
        starts[topic] = log.null_epoch(topic), 0
        if asked is not None and not can_continue(topic, asked.get(topic), *starts[topic]):
            strays.append(topic)
    # In the order they would have if all were there.
    return dict(sorted(starts.items())), sorted(strays), omitted


def find_visible_start(who, query):
    """``find_start`` of the topics one may see."""
    matching = credentials.find_visible(who, query.topics)
    asked = read_positions(query, matching)
    topics, omitted = choose_topics(query, matching, asked or {})
    positions = log.get_positions(topics)
    if asked is None:
        return (positions if query.since is None else find_since(topics, query.since)), [], omitted
    starts, strays = {}, []
    newborn = find_newborn(query, asked, positions)
    for topic, top in positions.items():
        if can_continue(topic, asked.get(topic), *top):
            starts[topic] = asked[topic]
        elif topic in newborn:
            starts[topic] = (log.null_epoch(topic), 0)
        else:
            starts[topic] = top
            strays.append(topic)
    return starts, strays, omitted


def choose_topics(query, matching, asked):
    """``(topics, omitted)``, both sorted: those named in full, then those of the id, then by name."""
    named = {name for name in query.topics if not name.endswith("*")}
    others = sorted((topic for topic in matching if topic not in named), key=lambda t: (t not in asked, t))
    # Whoever is named has a place, visible or not: the number of places must not tell which it is.
    room = MAX_TOPICS - len(named)
    return sorted({*named.intersection(matching), *others[:room]}), sorted(others[room:])


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
    can be continued: a forged id is never answered with a replay from zero. And only
    where the id had room: a topic that had no place in it may be old.
    """
    if len(query.position) >= MAX_TOPICS * RECORD_CHARS:
        return set()
    known = [topic for topic in positions if can_continue(topic, asked.get(topic), *positions[topic])]
    if not known and query.position != NOWHERE:
        return set()
    return positions.keys() - asked.keys() - set(query.topics)


def find_since(topics, since):
    """``{topic: (epoch, offset)}`` just before the first point that is not older than ``since`` (ms)."""
    found = {}
    for topic in topics:
        part = log.read_since(topic, since)
        found[topic] = part.epoch, part.first_offset - 1
    return found


def can_continue(topic, position, epoch, top):
    """Whether a position lies in the log as it stands now."""
    if position is None:
        return False
    at, offset = position
    return (at == epoch and offset <= top) or position == (log.null_epoch(topic), 0)
