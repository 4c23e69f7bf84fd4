"""Where the two apps meet: breaches become proposals, proposals measure and mark the KPI they are about.

``INSTALLED_APPS = [..., "metrics_app", "pipelines_app", "hms_gov.joins"]`` is all a project needs.
"""
