"""Numbers of things in words: the one place that knows the singular and the plural. Pure.

``pipelines_app/core/counts.py`` says the same in that app, ``static/metrics_app/counts.js`` in the browser.
"""


def count_words(number, one, many=None):
    """ "1 breach", "4 breaches", "no breach"; ``many`` where it is not ``one`` with an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}" if number else f"no {one}"


def agree(number, one="is", many="are"):
    """The word that goes with so many: "is" of one and of none, "are" of more."""
    return many if number > 1 else one
