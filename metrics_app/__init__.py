"""Rolling KPIs. ``from metrics_app import emit`` needs neither Django nor NumPy."""

from metrics_app.client import emit

__all__ = ["emit"]
