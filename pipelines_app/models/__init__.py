"""Rows of the app: proposals and their versions, votes, the audit chain, what happens later, what came
of it, the stop switch.

Rules live in ``services``; here are rows and the constraints that hold without them.
"""

from pipelines_app.models.audit import AuditEntry, AuditHead
from pipelines_app.models.delegations import Delegation
from pipelines_app.models.effects import Effect
from pipelines_app.models.errands import Errand
from pipelines_app.models.pipelines import Decision, Pipeline
from pipelines_app.models.policies import Policy
from pipelines_app.models.stops import StopSwitch
from pipelines_app.models.versions import Version

__all__ = [
    "AuditEntry",
    "AuditHead",
    "Decision",
    "Delegation",
    "Effect",
    "Errand",
    "Pipeline",
    "Policy",
    "StopSwitch",
    "Version",
]
