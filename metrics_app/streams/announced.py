"""Events that this process has told; what no ring brought is read from the project that announced it.

The project's rows are the message, as with states: a ring that is lost costs a round of the hub. Each
event has the position of its last change, and one that was told, or that is older, is not told again.
"""

import logging

from django.db import Error as DatabaseError
from django.utils.module_loading import import_string

from metrics_app import conf

logger = logging.getLogger(__name__)


class Announced:
    """Up to which position a hub's listeners know the events of ``METRICS_APP["EVENTS"]``."""

    def __init__(self, hub):
        self.hub, self.position = hub, None
        self.told = {}  # (type, id) of an event -> its position, where that is beyond ours

    def hear(self, message):
        """An event, by a ring or from a row: for every listener, unless it or a later one was told."""
        event, position = message["event"], message.get("position")
        if position is not None and conf.get("EVENTS"):
            key = event["type"], event.get("id")
            if position <= max(self.told.get(key, -1), -1 if self.position is None else self.position):
                return
            self.told[key] = position
        for listener in list(self.hub.listeners):
            listener(message)

    async def compare(self):
        """One look at what has changed since the last one, while anybody listens."""
        if not self.hub.listeners:
            self.position, self.told = None, {}
            return
        if not conf.get("EVENTS"):
            return
        try:
            position, changes = await self.hub.call(read_events, self.position)
        except DatabaseError:
            return  # nothing changes meanwhile, and the next round asks again
        # Whatever a project's own code raises: the hub's rounds go on.
        except Exception:
            logger.exception("METRICS_APP EVENTS failed, streams hear of events by the channel layer alone")
            return
        for change in changes:
            self.hear(change | {"type": "event"})
        self.position = position
        self.told = {key: at for key, at in self.told.items() if at > position}


def read_events(after):
    """What the project answers: ``(position, [what ``live.announce_event`` takes, …])``."""
    return import_string(conf.get("EVENTS"))(after)
