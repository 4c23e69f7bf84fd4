"""The city's settings: the project's own, and six names."""

import os

from hms_gov.settings import *  # noqa: F403
from hms_gov.settings import METRICS_APP, PIPELINES_APP

CITY_HALL = os.environ["CITY_HALL"]
ALLOWED_HOSTS = ["testserver"]
METRICS_APP |= {
    "AGGREGATES": ["city.trimming.TRIMMED_MEAN"],
    "WIRE_FORMATS": {"text/csv": "city.lines.decode"},
    "RECEIVER_KINDS": ["city.siren.SIREN"],
    "BREACH_HANDLERS": ["hms_gov.joins.wiring.propose_for_breach", "city.ledger.enter"],
}
PIPELINES_APP |= {"ACTIONS": {"hire_agents": "city.agency.hire"}}
