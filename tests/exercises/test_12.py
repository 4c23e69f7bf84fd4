"""What exercise 12 asks for; its steps are walked in ``test_demo`` and ``test_demo_with_past``."""

from tests.walking import STEPS, split_steps


def test_the_page_starts_two_demos_and_shows_outputs():
    assert [steps[0][0] for steps in split_steps()] == [
        "make demo ARGS=--no-traffic\n",
        "make demo DIR=.demo2\n",
    ]
    assert len([output for _, output in STEPS if output]) == 13
