"""What pages of either app show of the other: how many proposals wait, and where programs decide them."""

from django import template
from django.utils.html import json_script

from metrics_app.addresses import find_address
from pipelines_app.cards.waiting import describe_waiting

register = template.Library()
ASKED = "_hms_waiting"


@register.simple_tag(takes_context=True)
def find_waiting(context):
    """Count, sentence and headline of what waits for the reader; None for who is not logged in.

    Asked once per request: head and first sentence say the same.
    """
    request = context.get("request")
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    if not hasattr(request, ASKED):
        setattr(request, ASKED, context.get("waiting") or describe_waiting(user))
    return getattr(request, ASKED)


@register.simple_tag
def proposal_addresses():
    """Where ``inbox.js`` reads and decides a proposal, with 0 in place of its number; "" without the API."""
    return json_script({"api": find_address("api_pipeline", 0)}, "proposal-addresses")
