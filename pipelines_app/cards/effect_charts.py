"""The picture of an effect, drawn on the server: what was observed, and what was expected of the span."""

from dataclasses import dataclass

from pipelines_app.cards import effects
from pipelines_app.cards.effects import tell_day, write_value
from pipelines_app.cards.guardrails import list_guardrails, show_effect
from pipelines_app.core.counts import join_words
from pipelines_app.core.durations import DAY_MS
from pipelines_app.core.moments import to_moment

# What is said of the whole span, on each of its lines: what stands in an effect under the same name.
EXPECTED = ("expected", "expected_low", "expected_high")
CHANGED = ("change", "change_low", "change_high", "percent", "percent_low", "percent_high")
PLAIN = ("before", "after", "percent")
NAMES = ["start", "part", "value", "points", *EXPECTED, "kpi", "verdict", "breach"]
NAMES += ["observed_without_weekly_rhythm", *CHANGED, *(f"plain_{name}" for name in PLAIN)]
NAMES += ["moments", "unit"]
IGNORED = "not acted on"  # the part of days around an earlier breach
WIDTH, HEIGHT = 640, 250
LEFT, RIGHT, TOP, BOTTOM = 8, 8, 28, 52  # around what is drawn; two lines of words below, also on a phone


@dataclass(frozen=True)
class Chart:
    """Coordinates of an SVG of WIDTH × HEIGHT: ``lines`` of points, the ``band`` and the ``expected`` line.

    ``thin`` are the lines of ``ignored`` breaches that nobody acted on. ``labels`` are
    ``(x, y, anchor, text)``, those of the values above and below the ``rails`` (y) that they are of;
    ``started`` is where the action began.
    """

    lines: tuple
    dots: tuple
    thin: tuple
    ignored: int
    band: dict | None
    expected: dict | None
    started: float
    rails: tuple
    labels: tuple
    sentence: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def draw_effect(document, sentence):
    """The Chart of a frozen effect, None where nothing was measured."""
    days, found = document.get("days"), document["effect"]
    values = [value for value in days["values"] if value is not None] if days else []
    if not values:
        return None
    ends = [found[name] for name in ("expected_low", "expected_high") if found[name] is not None]
    courses = [course["values"] for course in days.get("ignored", ())]
    seen = values + ends + [value for course in courses for value in course if value is not None]
    low, high = min(seen), max(seen)
    room = 0.0 if high > low else abs(high) * 0.1 or 1.0
    frame = Frame(days["ts"][0], days["ts"][-1] + DAY_MS, low - room, high + room)
    begin, end = frame.x(found["judged_from"]), frame.x(found["judged_to"])
    band = expected = None
    if ends:
        top, bottom = frame.y(found["expected_high"]), frame.y(found["expected_low"])
        band = {"x": begin, "y": top, "width": round(end - begin, 1), "height": round(bottom - top, 1)}
        expected = {"x1": begin, "x2": end, "y": frame.y(found["expected"])}
    started, rails = frame.x(found["started_at"]), tuple(dict.fromkeys((frame.y(high), frame.y(low))))
    lines, dots = join_days(days["ts"], days["values"], frame)
    thin = tuple(line for course in courses for line in join_days(days["ts"], course, frame)[0])
    labels = place_labels(document, frame, low, high)
    return Chart(lines, dots, thin, len(courses), band, expected, started, rails, labels, sentence)


def place_labels(document, frame, low, high):
    """The words around the picture, none of them over what is drawn."""
    days, found, measure = document["days"], document["effect"], document["measure"]
    lowest = [(LEFT, HEIGHT - BOTTOM + 20, "start", write_value(low, measure))] if high > low else []
    return (
        (LEFT, frame.y(high) - 8, "start", write_value(high, measure)),
        *lowest,
        (frame.x(found["started_at"]), TOP - 8, "middle", "begun"),
        (LEFT, HEIGHT - 6, "start", tell_day(days["ts"][0])),
        # The day that the end is of, not the one it is the beginning of.
        (WIDTH - RIGHT, HEIGHT - 6, "end", tell_day(found["judged_to"] - 1)),
    )


@dataclass(frozen=True)
class Frame:
    """Where times (ms) and values stand in the picture."""

    start: int
    end: int
    low: float
    high: float

    def x(self, at):
        """The place of a time."""
        return round(LEFT + (at - self.start) / (self.end - self.start) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value):
        """The place of a value; the larger the higher."""
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


def join_days(starts, values, frame):
    """``(lines, dots)``: a text of points for each run of days with points; a gap is a gap."""
    lines, dots, run = [], [], []
    for at, value in [*zip(starts, values, strict=True), (0, None)]:
        if value is not None:
            # Each day stands in its middle.
            run.append((frame.x(at + DAY_MS // 2), frame.y(value)))
            continue
        if len(run) > 1:
            lines.append(" ".join(f"{x},{y}" for x, y in run))
        dots += run
        run = []
    return tuple(lines), tuple(dots)


def describe_outcome(pipeline):
    """The Outcome of a proposal with its ``chart`` and ``guardrails``, for its page; None until it is judged.

    ``harmed`` are the names of the guardrails that it harmed.
    """
    outcome, document = effects.describe_outcome(pipeline), show_effect(pipeline)
    chart = draw_effect(document, outcome.sentence) if document else None
    guardrails = list_guardrails(pipeline)
    harmed = join_words([one.name for one in guardrails if one.is_harmed])
    beside = {"chart": chart, "guardrails": guardrails, "harmed": harmed}
    return outcome and vars(outcome) | beside


def list_effect_rows(pipeline):
    """The lines of an effect's CSV, the first of them the names; None where there is nothing to show.

    A line is 24 hours: when they begin (UTC), which part they belong to, their plain mean and points, and
    of which KPI they are in what unit. Those of the span repeat what was judged of it as a whole: the
    verdict, and the numbers of the page. Days around an earlier ``breach`` that nobody acted on name
    when it was. Guardrails come last.
    """
    document = show_effect(pipeline)
    if not document or not document["days"]:
        return None
    kpis = [(pipeline.topic, document), *((one["topic"], one) for one in document.get("guardrails", ()))]
    return [NAMES, *(line for topic, one in kpis if one["days"] for line in list_lines(topic, one))]


def list_lines(topic, one):
    """The lines of one KPI that was judged, each with all of NAMES."""
    found, days = one["effect"], one["days"]
    about, whole = {"kpi": topic, "unit": one["measure"]["unit"]}, list_numbers(found)
    for at, value, count in zip(days["ts"], days["values"], days["counts"], strict=True):
        part = name_part(at, found)
        day = {"start": write_start(at), "part": part, "value": value, "points": count}
        yield make_line(about | day | (whole if part == "judged" else {}))
    for course in days.get("ignored", ()):
        for at, value in zip(days["ts"], course["values"], strict=True):
            if value is not None:
                start = write_start(at - found["started_at"] + course["at"])
                day = {"start": start, "part": IGNORED, "value": value, "breach": write_start(course["at"])}
                yield make_line(about | day)


def list_numbers(found):
    """What an effect says of its span as a whole, by the names of the columns."""
    numbers = {name: found[name] for name in ("verdict", *EXPECTED, *CHANGED, "moments")}
    plain = {f"plain_{name}": found["plain"][name] for name in PLAIN}
    return numbers | plain | {"observed_without_weekly_rhythm": found["observed"]}


def make_line(told):
    """The values of a line in the order of NAMES; None where nothing is told."""
    return [told.get(name) for name in NAMES]


def write_start(at):
    """A time (ms) in ISO 8601, UTC."""
    return to_moment(at).isoformat()


def name_part(at, found):
    """``before`` the action, ``settling`` after it, or ``judged``."""
    if at >= found["judged_from"]:
        return "judged"
    return "settling" if at >= found["started_at"] else "before"
