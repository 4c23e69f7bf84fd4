"""The admin of proposals, their policies and the stop switch; one module per family of models."""

from pipelines_app.admin import policies, proposals, stop

__all__ = ["policies", "proposals", "stop"]
