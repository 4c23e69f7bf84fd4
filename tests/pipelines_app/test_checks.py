"""What `manage.py check` says about the settings."""

import pytest

from pipelines_app.checks import check_settings
from pipelines_app.conf import DEFAULTS


def ids(settings, **given):
    settings.PIPELINES_APP = given
    return [error.id for error in check_settings(None)]


def test_it_finds_nothing_wrong_with_the_defaults(settings):
    assert ids(settings, **DEFAULTS) == ids(settings) == []


def test_it_names_an_unknown_key_and_the_known_ones(settings):
    settings.PIPELINES_APP = {"ON_CHANGES": []}
    (error,) = check_settings(None)
    assert "'ON_CHANGES'" in error.msg and "ON_CHANGE," in error.hint


@pytest.mark.parametrize(
    "given",
    [
        {"MEASUREMENTS": "nowhere.measure"},
        {"MEASUREMENTS": "pipelines_app.conf"},
        {"TOPICS": "pipelines_app.conf.nothing"},
        {"ON_CHANGE": ["pipelines_app.conf.DEFAULTS"]},
        {"ACTIONS": {"call": "word"}},
    ],
)
def test_it_names_a_path_that_leads_nowhere(settings, given):
    assert ids(settings, **given) == ["pipelines_app.E002"]


@pytest.mark.parametrize("key", ["ACTIONS", "ORIGINS"])
@pytest.mark.parametrize("given", [["a.b"], "a.b", 5, None, {"pay": 5}, {7: "json.dumps"}])
def test_it_names_a_mapping_that_is_none(settings, key, given):
    settings.PIPELINES_APP = {key: given}
    (error,) = check_settings(None)
    assert error.id == "pipelines_app.E007" and f"PIPELINES_APP {key}" in error.msg


def test_it_names_the_functions_that_measurements_lack(settings):
    settings.PIPELINES_APP = {"MEASUREMENTS": "pipelines_app.conf"}
    (error,) = check_settings(None)
    assert "it has no function measure and no freeze" in error.msg


@pytest.mark.parametrize(
    "given",
    [{"QUORUM": 0}, {"QUORUM": "2"}, {"DECIDE_WITHIN": {"critical": 1.5}}, {"EVIDENCE_SPAN": True}],
)
def test_it_names_a_number_that_makes_no_sense(settings, given):
    assert ids(settings, **given) == ["pipelines_app.E003"]


@pytest.mark.parametrize(
    "given",
    [
        ["er.wait"],
        {"er.*": "er.wait"},
        {5: ["er.wait"]},
        {None: ["er.wait"]},
        {"er.*": ["Not A Topic"]},
        {"er.**": ["er.wait"]},
        {"er.*": [f"er.a{number}" for number in range(6)]},
    ],
)
def test_it_names_guardrails_that_nothing_could_judge(settings, given):
    assert ids(settings, GUARDRAILS=given) == ["pipelines_app.E006"]
    assert ids(settings, GUARDRAILS={"er.*": ["er.wait"], "*": []}) == []


def test_it_names_a_severity_that_does_not_exist(settings):
    assert ids(settings, DECIDE_WITHIN={"awful": 60}) == ["pipelines_app.E004"]
