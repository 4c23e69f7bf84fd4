"""Numbers of things in words: the one place that knows the singular and the plural. Pure.

``metrics_app/core/text/counts.py`` says the same in the app of metrics.
"""


def count_words(number, one, many=None):
    """ "1 breach", "4 breaches", "no breach"; ``many`` where it is not ``one`` with an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}" if number else f"no {one}"


def agree(number, one="is", many="are"):
    """The word that goes with so many: "is" of one and of none, "are" of more."""
    return many if number > 1 else one


def write_times(number):
    """ "once", "twice", "7 times", "never"."""
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number:,} times")


def join_words(names):
    """ "one", "one and two", "one, two and three"; empty for none."""
    *first, last = names or ("",)
    return f"{', '.join(first)} and {last}" if first else last
