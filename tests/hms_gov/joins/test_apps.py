"""What the joins bring to a project, and what they say of one that leaves something out."""

import pytest
from django.urls import include, path

from hms_gov.joins.apps import METRICS, PIPELINES
from hms_gov.joins.checks import check_joins
from metrics_app import conf as metrics_conf
from metrics_app.addresses import find_address
from pipelines_app import conf as pipelines_conf

urlpatterns = [path("", include("metrics_app.urls"))]


def test_both_apps_know_each_other_by_the_entry_in_installed_apps(settings):
    settings.METRICS_APP, settings.PIPELINES_APP = {}, {}
    for conf, offered in ((metrics_conf, METRICS), (pipelines_conf, PIPELINES)):
        assert {name: conf.get(name) for name in offered} == offered
    assert check_joins(None) == []


def test_what_the_project_sets_counts_more(settings):
    settings.PIPELINES_APP = {"FORMAT": "project.format"}
    assert pipelines_conf.get("FORMAT") == "project.format"
    assert pipelines_conf.get("TOPICS") == PIPELINES["TOPICS"]


def test_no_setting_is_offered_that_does_not_exist():
    for conf in (metrics_conf, pipelines_conf):
        with pytest.raises(KeyError, match="no key MEASURE"):
            conf.offer(MEASURE="x")


def test_a_list_that_leaves_the_joins_out_is_said_aloud(settings):
    settings.METRICS_APP = {"BREACH_HANDLERS": ["project.handle"]}
    [found] = check_joins(None)
    assert "BREACH_HANDLERS leaves out 'hms_gov.joins.wiring.propose_for_breach'" in found.msg


def test_an_app_that_is_missing_is_named(settings):
    settings.INSTALLED_APPS = [name for name in settings.INSTALLED_APPS if name != "pipelines_app"]
    assert [found.msg for found in check_joins(None)] == [
        "hms_gov.joins needs 'pipelines_app' in INSTALLED_APPS."
    ]


def test_pages_that_a_project_does_not_have_are_named_and_not_linked(settings):
    settings.ROOT_URLCONF = __name__
    [found] = check_joins(None)
    assert "no page 'pipeline_detail'" in found.msg and "pipelines_app.urls" in found.hint
    assert (find_address("pipeline_detail", 3), find_address("explain", 3)) == ("", "/thresholds/3/explain/")


def test_templates_that_would_not_be_found_are_said_aloud(settings):
    settings.INSTALLED_APPS = [*filter("hms_gov.joins".__ne__, settings.INSTALLED_APPS), "hms_gov.joins"]
    [found] = check_joins(None)
    assert "behind 'metrics_app' and 'pipelines_app'" in found.msg and "before them" in found.hint


@pytest.mark.parametrize("given", [5, None, "a.b"])
def test_a_mapping_that_is_none_does_not_stop_the_checks(settings, given):
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"ORIGINS": given}
    assert "ORIGINS" in " ".join(fault.msg for fault in check_joins(None))
