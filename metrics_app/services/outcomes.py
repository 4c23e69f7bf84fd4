"""What has become of what breaches opened: the project says it, as it stands now."""

from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from metrics_app import conf
from metrics_app.core.text.words import PROPOSAL, tell_outcome

NOTHING = {"text": "", "href": "", "waits": False}


def read_outcomes(breaches, user=None):
    """``{breach id: {"text", "href", "waits"}}`` of ``Breach`` rows with their KPI, as ``user`` may see it.

    ``user`` None: as everybody sees it who sees the breach. ``text`` says how what a breach opened stands
    ("Proposal #12 approved by Ada"), empty where it opened nothing; ``href`` is its page on this site, and
    ``waits`` whether somebody still has to decide on it. Where the project does not say
    (``METRICS_APP["OUTCOMES"]``) it is what was told when it was opened.
    """
    path, breaches = conf.get("OUTCOMES"), [one for one in breaches if PROPOSAL.search(one.outcome)]
    told = import_string(path)(breaches, user) if path and breaches else {}
    return {row.pk: told[row.pk] if row.pk in told else describe_opening(row) for row in breaches}


def describe_opening(breach):
    """What was told of a breach when it was announced."""
    number = PROPOSAL.search(breach.outcome)[1]
    try:
        href = reverse("pipeline_detail", args=[number])
    except NoReverseMatch:
        # A project without the proposals' pages.
        href = ""
    return {"text": tell_outcome(breach.outcome), "href": href, "waits": True}
