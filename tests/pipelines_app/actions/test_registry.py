"""The list of actions is the settings', and a stranger's action may be no more than a function."""

import pytest

from pipelines_app.actions import registry
from pipelines_app.exceptions import BadInput


def hire(order):
    """Nothing but the call."""
    return "hired"


def train(order):
    """Knows what it can work with, what that means, and how to say it."""
    return "trained"


def check_training(params):
    if params.get("people", 0) < 1:
        raise BadInput("people must be 1 or more", field="action_params")


train.check = check_training
train.freeze = lambda params, evidence: params | {"room": evidence["room"]}
train.describe = lambda params: f"trains {params['people']} people"


@pytest.fixture(autouse=True)
def named(settings):
    names = {"hire": f"{__name__}.hire", "train": f"{__name__}.train"}
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"ACTIONS": names}


def test_it_knows_the_names_of_the_settings_and_no_other():
    assert registry.list_actions() == ["hire", "train"]
    for name in ("fire", "", None, ["hire"]):
        with pytest.raises(BadInput, match="is no action of the settings; known are: hire, train") as refused:
            registry.check_action(name, {})
        assert refused.value.errors[0]["field"] == "action"


def test_a_plain_function_takes_any_object_and_says_what_it_was_given():
    registry.check_action("hire", {"agents": 2})
    assert registry.freeze_params("hire", {"agents": 2}, {}) == {"agents": 2}
    assert registry.describe_action("hire", {"agents": 2}) == "carries out “hire” (agents: 2)"
    assert registry.describe_action("hire", {}) == "carries out “hire”"
    with pytest.raises(BadInput, match="must be a JSON object"):
        registry.check_action("hire", [2])


def test_an_action_is_asked_whether_it_can_what_it_means_and_how_to_say_it():
    with pytest.raises(BadInput, match="people must be 1 or more"):
        registry.freeze_params("train", {}, {"room": 7})
    assert registry.freeze_params("train", {"people": 3}, {"room": 7}) == {"people": 3, "room": 7}
    assert registry.describe_action("train", {"people": 3}) == "trains 3 people"


def test_words_that_fail_cost_no_page(caplog):
    assert registry.describe_action("train", {}) == "carries out “train”"
    assert "could not be described" in caplog.text


def test_an_action_that_the_settings_dropped_is_told_as_that():
    assert "no longer name" in registry.describe_action("gone", {})
