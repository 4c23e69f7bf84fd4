"""Through whose eyes a proposal is read: what was frozen of other KPIs is asked for again, part by part.

A proposal that nobody was named for is read as by somebody who is in no group.
"""

import json
from collections.abc import Set
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Q

from pipelines_app import conf
from pipelines_app.core.chain import encode
from pipelines_app.core.errands import MAILED
from pipelines_app.core.parts import show
from pipelines_app.core.topics import is_listed
from pipelines_app.models import Pipeline, Policy
from pipelines_app.queries.deciding import list_groups


@dataclass(frozen=True)
class Sight:
    """A reader: the ids of their groups, None for whoever sees all, and the patterns a key is limited to."""

    groups: Set | None = frozenset()
    patterns: tuple = ()

    @cached_property
    def describe(self):
        """What says of a topic to whom it is restricted; None where nothing can be."""
        return conf.load("TOPICS")

    def sees(self, topic):
        """Whether the reader may see what was measured of a topic; None: it is not known of which."""
        if self.patterns and not (topic and is_listed(topic, self.patterns)):
            return False
        if self.groups is None or self.describe is None:
            return True
        if not topic:
            return False
        return self.is_for(self.describe(topic))

    def may_name(self, topic):
        """Whether the reader may name a topic in what is written: a pattern, or one that is there and theirs.

        Not as remembered, where the project can tell. What is not there and what is others' are alike.
        """
        if self.groups is None or self.describe is None or topic.endswith("*"):
            return True
        known = getattr(self.describe, "read", self.describe)(topic)
        return known.get("known", True) and self.is_for(known)

    def is_for(self, known):
        """Whether a topic is for the reader, by what the project knows of it."""
        owner = known.get("restricted_to")
        inside = self.groups is None or (owner is not None and owner.pk in self.groups)
        return inside or not known.get("restricted")


NOBODY = Sight()


def sight_of(user):
    """The Sight of a person; of nobody, who is in no group."""
    if user is None or not user.is_authenticated:
        return NOBODY
    return Sight(None if user.is_superuser else frozenset(list_groups(user)))


def visible_to_groups(group_ids):
    """The proposals that members of these groups may see."""
    return Pipeline.objects.filter(Q(restricted_to=None) | Q(restricted_to__in=list(group_ids)))


def look(pipeline, sight):
    """The proposal, from now on read through these eyes."""
    pipeline.sight = sight
    return pipeline


def sees(pipeline, topic):
    """Whether the proposal's reader may see a topic; what it is about itself they do, or it were hidden."""
    return bool(topic and topic == pipeline.topic) or getattr(pipeline, "sight", NOBODY).sees(topic)


def show_parts(pipeline, data):
    """A frozen dict of the proposal without the parts its reader may not see."""
    return show(data, lambda topic: sees(pipeline, topic))


def show_entry(pipeline, data):
    """As ``show_parts``, of an audit entry's data: whom it mailed is for whoever verifies the chain."""
    return show_parts(pipeline, {name: value for name, value in data.items() if name != MAILED})


def show_text(pipeline, text):
    """A frozen JSON text as its reader may see it; what cannot be read is not shown in parts."""
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        return text if getattr(pipeline, "sight", NOBODY).groups is None else ""
    shown = show_parts(pipeline, data)
    if shown.get("policy") and not sees_policy(pipeline, shown["policy"]):
        del shown["policy"]
    return text if shown == data else encode(shown)


def sees_policy(pipeline, frozen):
    """Whether the proposal's reader may see the policy it came under: each topic that names, as it is now.

    ``frozen``: its ``{"id", "name"}``. One that is gone named what nobody can ask for any more.
    """
    sight = getattr(pipeline, "sight", NOBODY)
    if sight.groups is None and not sight.patterns:
        return True
    policy = Policy.objects.filter(pk=frozen.get("id")).first()
    return policy is not None and all(map(sight.may_name, policy.list_named()))


def show_actions(pipeline, document):
    """A frozen effect without the other proposals in its span that its reader may not see."""
    groups = getattr(pipeline, "sight", NOBODY).groups
    told = document["confounders"]
    actions = told.get("actions", ())
    if groups is None or not actions:
        return document
    wanted = [one["id"] for one in actions]
    seen = set(visible_to_groups(groups).filter(pk__in=wanted).values_list("pk", flat=True))
    hidden = {one["at"] for one in actions if one["id"] not in seen}
    found = document["effect"]
    together = [at for at in found.get("together", ()) if at not in hidden]
    return document | {
        "confounders": told | {"actions": [one for one in actions if one["id"] in seen]},
        "effect": found | {"together": together},
    }
