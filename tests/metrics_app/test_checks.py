"""What `manage.py check` says about the settings."""

import pytest

from metrics_app.checks import check_settings
from metrics_app.conf import DEFAULTS


def ids(settings, **given):
    settings.METRICS_APP = given
    return [error.id for error in check_settings(None)]


def test_it_finds_nothing_wrong_with_the_defaults(settings):
    assert ids(settings, **DEFAULTS) == ids(settings) == []


def test_it_names_an_unknown_key_and_the_known_ones(settings):
    settings.METRICS_APP = {"SHARD": 4}
    (error,) = check_settings(None)
    assert "'SHARD'" in error.msg and "SHARDS," in error.hint


@pytest.mark.parametrize(
    "given",
    [
        {"BREACH_HANDLERS": ["nowhere.propose"]},
        {"BREACH_HANDLERS": ["metrics_app.conf.DEFAULTS"]},
        {"ACTIONS": "word"},
    ],
)
def test_it_names_a_path_that_leads_nowhere(settings, given):
    assert ids(settings, **given) == ["metrics_app.E002"]


@pytest.mark.parametrize("given", [{"SHARDS": 0}, {"SHARDS": "8"}, {"MAX_POINTS": -1}, {"BUS_BYTES": 1.5}])
def test_it_names_a_number_that_makes_no_sense(settings, given):
    assert ids(settings, **given) == ["metrics_app.E003"]
