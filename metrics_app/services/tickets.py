"""Tickets for partners' pages: a key stays on its owner's server, its pages get one of these."""

from metrics_app import rates
from metrics_app.core.origins import check_origin
from metrics_app.core.points import check_pattern, overlaps
from metrics_app.core.positions import MAX_TOPICS
from metrics_app.exceptions import BadInput, NotAllowed, TooMany
from metrics_app.streams import tickets


def issue_ticket(*, who, topics=None, origin=None):
    """A raw ticket for a partner's ``Who``: for some of its topics (None: all) and one of its origins.

    BadInput; NotAllowed outside the key's topics and origins; TooMany; BusUnavailable.
    """
    topics, origin = choose_topics(who, topics), choose_origin(who.limits.origins, origin)
    wait = rates.count_request(who.id, who.limits.requests)
    if wait:
        raise TooMany(f"this key may ask {who.limits.requests} times a minute", retry_after=wait)
    return tickets.issue_ticket(tickets.Ticket(who.id, origin, topics))


def choose_topics(who, topics):
    """The topics of the ticket, each inside the key's."""
    if topics is None:
        return who.topics
    if not isinstance(topics, list) or not 0 < len(topics) <= MAX_TOPICS:
        raise BadInput(f"is a list of 1 to {MAX_TOPICS} topics or patterns", field="topics")
    for topic in topics:
        if not any(overlaps(check_pattern(topic), listed) for listed in who.topics):
            raise NotAllowed(f"{topic!r} is not among the topics of this key.")
    return tuple(topics)


def choose_origin(allowed, origin):
    """The origin the ticket is tied to; "" for a key without origins, whose tickets no page can use."""
    if origin is None:
        if len(allowed) > 1:
            raise BadInput(f"say for which origin: one of {', '.join(allowed)}", field="origin")
        return allowed[0] if allowed else ""
    origin = check_origin(origin)
    if origin not in allowed:
        raise NotAllowed(f"{origin} is not among the origins of this key: add it in the admin first.")
    return origin
