"""Where the two apps meet: breaches become proposals, proposals measure and mark the KPI they are about.

``INSTALLED_APPS = [..., "hms_gov.joins", "metrics_app", "pipelines_app"]``: before them, for its
templates take the place of some of theirs.
"""
