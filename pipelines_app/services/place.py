"""Who reads a new proposal: its topic's group, as whoever asks may know it."""

from dataclasses import dataclass

from pipelines_app import queries
from pipelines_app.actions.registry import check_action, list_touched
from pipelines_app.core import fields
from pipelines_app.exceptions import BadInput


@dataclass(frozen=True)
class Asked:
    """What somebody asks for beside the columns of a proposal; see ``propose``."""

    group: object
    named: tuple
    reader: object
    sight: object
    visible: object

    def find_group(self, topic, known):
        """The group that reads a proposal about a topic, by what is ``known`` of that; None: everybody.

        BadInput for a topic that whoever asks does not see, or that nobody could decide on.
        """
        if topic and self.sight is not None and not (known["known"] and self.sight.is_for(known)):
            raise BadInput("is no KPI that you may see", field="topic")
        if not known["restricted"]:
            return self.group
        if known["restricted_to"] is None:
            raise BadInput(f"{topic} is restricted, but no group owns it: nobody could decide", field="topic")
        return known["restricted_to"]


def place(row):
    """Fills in the unit, who reads it, and what is named as they may read it; BadInput."""
    known = queries.read_topic(row.topic)
    row.restricted_to = row.asked.find_group(row.topic, known)
    row.reserved_for, row.audience = row.asked.group, row.restricted_to.pk if row.restricted_to else 0
    row.unit = row.unit or known["unit"]
    row.named = cite(row)


def cite(row):
    """What the named evidence of a new proposal says; BadInput for what its author may not see."""
    wanted = {"reader": row.asked.reader, "group": row.restricted_to, "at": row.created_at}
    if row.action and row.program:
        params = fields.check_params(row.action_params)
        touched = fields.check_entries(list_touched(row.action, params), field="action_params")
        # Before anything else is said of it: an answer must not tell what there is.
        queries.cite(touched, **wanted, field="action_params")
        # Also of a repeat, which would not come to freezing them.
        check_action(row.action, params)
    return queries.cite(row.asked.named, **wanted)
