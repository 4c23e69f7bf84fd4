"""The admin, set out for an analyst; one module per family of models."""

from metrics_app.admin import keys, kpis

__all__ = ["keys", "kpis"]
