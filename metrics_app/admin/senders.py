"""What is known of those who emit with a key, in the words of its page."""

from metrics_app import conf, emitters
from metrics_app.admin.cells import write_ms
from metrics_app.exceptions import BusUnavailable


def tell_clock(sender):
    """How far the clock of a key's sender was off when that was last seen, and what became of its points."""
    try:
        skew = emitters.read_skews().get(sender)
    except BusUnavailable as error:
        return f"Unknown: {error}"
    if skew is None:
        return f"Never seen more than {conf.get('MAX_FUTURE')} s off."
    way = "ahead" if skew.ms > 0 else "behind"
    came = "its times are corrected" if skew.is_corrected else "points that were ahead were refused"
    return f"{round(abs(skew.ms) / 1000, 1):g} s {way}, last seen {write_ms(skew.at)}; {came}."


def tell_dropped(sender):
    """How many points a key's senders told they had lost."""
    try:
        return f"{emitters.read_dropped().get(sender, 0):,}"
    except BusUnavailable as error:
        return f"Unknown: {error}"
