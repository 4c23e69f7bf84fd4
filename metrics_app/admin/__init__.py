"""The admin, set out for an analyst; one module per family of models."""

from metrics_app.admin import breaches, corrections, keys, kpis, silences, thresholds

__all__ = ["breaches", "corrections", "keys", "kpis", "silences", "thresholds"]
