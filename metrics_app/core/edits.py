"""What an edit of a rule means to its breach that is open: each field of a rule is named here, once. Pure.

What is not a field of the rule (its name, the KPI's name, unit, owner and restriction, a receiver's
routes, silences) is copied nowhere: whoever tells of a breach reads it as it is then.
"""

# Slots from the edit on are judged by these. The breach keeps the version that fired, and what is told
# of its firing and its end quotes that one; what is told of the present quotes the present rule.
JUDGED = (
    *("aggregate", "aggregate_value", "window", "operator", "limit", "recovery_limit"),
    *("pending_for", "keep_firing_for", "min_count", "no_data", "no_data_for"),
    *("interval", "delay", "cooldown", "zone", "judge_partial"),
)
# The open breach follows: receivers, silences, charts, API and exposition read one thing.
FOLLOWED = ("severity",)
# Read when the breach is proposed: one that was proposed keeps its words, one that was not is proposed
# once there is a title.
PROPOSED = ("title", "suggestion", "action", "action_params")
# The breach ends.
ENDING = ("enabled",)


def read_followed(rule):
    """What an open breach takes over from its rule: ``{"severity": "critical"}``."""
    return {name: getattr(rule, name) for name in FOLLOWED}
