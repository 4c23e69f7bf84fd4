"""Guardrails: the KPIs that an action must not harm while it helps another."""

from pipelines_app.core.fields import check_topic
from pipelines_app.core.topics import is_listed
from pipelines_app.exceptions import BadInput

MOST_GUARDRAILS = 5  # each of them is read when a proposal is opened


def read_topics(text):
    """The topics of a text, each once, in order; BadInput for what is none, and for too many of them."""
    topics = list(dict.fromkeys(text.replace(",", " ").split()))
    if len(topics) > MOST_GUARDRAILS:
        raise BadInput(
            f"{len(topics)} guardrails are named, at most {MOST_GUARDRAILS} are judged", field="guardrails"
        )
    return [check_topic(topic, field="guardrails") for topic in topics]


def list_guardrails(topic, named, always):
    """The guardrails of a proposal on ``topic``: those ``named`` and those that fit it ``always``.

    ``always`` maps patterns to topics. What the proposal is about is no guardrail of itself.
    """
    found = [
        *named,
        *(one for pattern, topics in always.items() if is_listed(topic, [pattern]) for one in topics),
    ]
    return [one for one in dict.fromkeys(found) if one != topic]
