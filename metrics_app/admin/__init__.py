"""The admin, set out for an analyst; one module per family of models."""

from metrics_app.admin import breaches, corrections, keys, kpis, notices, receivers, silences, thresholds

__all__ = ["breaches", "corrections", "keys", "kpis", "notices", "receivers", "silences", "thresholds"]
