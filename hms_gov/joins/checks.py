"""What `manage.py check` says about a project that joins the two apps."""

from django.apps import apps
from django.conf import settings
from django.core.checks import Error, Warning

from metrics_app import conf as metrics_conf
from metrics_app.addresses import find_address
from pipelines_app import conf as pipelines_conf

NEEDED = ("metrics_app", "pipelines_app")
# A list that a project sets takes the place of the one offered; without these the apps do not meet.
MEETING = (
    (metrics_conf, "METRICS_APP", "BREACH_HANDLERS", "hms_gov.joins.wiring.propose_for_breach",
     "no breach becomes a proposal"),
    (pipelines_conf, "PIPELINES_APP", "ON_CHANGE", "hms_gov.joins.wiring.tell_streams",
     "open pages do not hear of proposals"),
    (pipelines_conf, "PIPELINES_APP", "ORIGINS", "hms_gov.joins.timeline.note_moves",
     "breaches do not tell what became of their proposals"),
)  # fmt: skip
PAGES = {"explain": "metrics_app.urls", "pipeline_detail": "pipelines_app.urls"}


def check_joins(app_configs, **kwargs):
    """An app that is missing, a list that leaves the joins out, pages that lead nowhere."""
    missing = [name for name in NEEDED if not apps.is_installed(name)]
    errors = [
        Error(f"hms_gov.joins needs {name!r} in INSTALLED_APPS.", id="hms_gov_joins.E001") for name in missing
    ]
    return errors or check_order() + check_lists() + check_pages()


def check_order():
    """A warning where the templates of the apps are found before those that join them."""
    order = [config.name for config in apps.get_app_configs()]
    behind = [name for name in NEEDED if order.index(name) < order.index("hms_gov.joins")]
    return [
        Warning(
            f"hms_gov.joins stands behind {' and '.join(map(repr, behind))} in INSTALLED_APPS: its templates "
            "are not found, so the inbox is not live, and no page has the way to it.",
            hint="Name it before them.",
            id="hms_gov_joins.W003",
        )
    ] * bool(behind)


def check_lists():
    """A warning for each list of the project's that leaves out what makes the apps meet."""
    return [
        Warning(
            f"{setting} {key} leaves out {path!r}: {without}.",
            hint=f"Add it to the list, or take {key} out of {setting}: then it is the default.",
            id="hms_gov_joins.W001",
        )
        for conf, setting, key, path, without in MEETING
        if path not in list_values(conf.get(key))
    ]


def list_values(setting):
    """The dotted paths of a list, or of a dict of them; of what is neither, none."""
    if isinstance(setting, dict):
        return list(setting.values())
    return setting if isinstance(setting, (list, tuple)) else ()


def check_pages():
    """A warning for each page that proposals and charts link to and that the project does not have."""
    return [
        Warning(
            f"There is no page {name!r}: links to it are left out.",
            hint=f"Include {module!r} in the project's urls.",
            id="hms_gov_joins.W002",
        )
        for name, module in PAGES.items()
        if getattr(settings, "ROOT_URLCONF", None) and not find_address(name, 1)
    ]
