"""`manage.py backtest`: what a threshold would have done."""

import json
import time
from datetime import UTC, datetime

from django.core.management.base import CommandError

from metrics_app import queries
from metrics_app.core.moments import parse_moment
from metrics_app.core.points import check_topic
from metrics_app.core.rows import Columns
from metrics_app.core.text.counts import count_words
from metrics_app.core.text.phrases import tell_judging, tell_rule, tell_silence, tell_uncompared
from metrics_app.core.text.units import format_duration, format_value
from metrics_app.exceptions import BadInput, BusUnavailable
from metrics_app.files.samples import holds_points, read_case_points, read_points
from metrics_app.management.case_options import add_case_options, read_columns
from metrics_app.management.database import DatabaseCommand
from metrics_app.management.strictness import read_strictness, settle
from metrics_app.models import Kpi, Threshold
from metrics_app.services.rules.backtest import backtest_history, backtest_points, make_rule
from metrics_app.services.rules.fields import check_rule

NAMED = 10
RULE = ("aggregate", "window", "operator", "limit", "min_count", "pending_for", "keep_firing_for")
RULE += ("recovery_limit", "cooldown", "no_data", "no_data_for", "aggregate_value", "zone", "judge_partial")
# Columns that only files of cases have, and only those of points.
CASES, POINTS = {"created", "closed", "split"}, {"topic", "ts", "value"}
REQUIRED = ("topic", "aggregate", "window", "operator", "limit")


class Command(DatabaseCommand):
    help = (
        "What a threshold would have done: a stored one, or a rule given here; over a file of cases (as "
        "`replay` reads it) or of points (ts and value, topic where there are several), or over the KPI's "
        "history. A rule over a file needs neither database nor Redis. Each new breach counts one pipeline, "
        "as if the one before it had been decided."
    )

    def add_arguments(self, parser):
        parser.add_argument("threshold", nargs="?", type=int, help="the id of a stored threshold")
        parser.add_argument("--topic")
        parser.add_argument("--aggregate")
        parser.add_argument("--operator", help="gt, gte, lt or lte")
        for name in ("limit", "recovery-limit"):
            parser.add_argument(f"--{name}", type=float, help="in the KPI's unit")
        for name in ("window", "pending-for", "keep-firing-for", "cooldown", "no-data-for"):
            parser.add_argument(f"--{name}", type=int, help="seconds")
        parser.add_argument("--aggregate-value", type=float, help="where a share divides, in the KPI's unit")
        parser.add_argument(
            "--zone", help="by whose clock a change finds the window before: Europe/Berlin; default: UTC"
        )
        parser.add_argument(
            "--judge-partial",
            action="store_const",
            const=True,
            help="judge a count also over a window that reaches back before the first point",
        )
        parser.add_argument("--min-count", type=int)
        parser.add_argument("--no-data", help="keep, fire or ok")
        parser.add_argument(
            "--csv", metavar="FILE", help="judge a file of cases, or of points (also Parquet)"
        )
        parser.add_argument(
            "--from", dest="start", help="ms, ISO 8601 with an offset, or -3600 for an hour ago"
        )
        parser.add_argument("--to", dest="end", help="as --from; default: now")
        parser.add_argument(
            "--step", type=int, help="seconds between slots; default 60 (a threshold's interval)"
        )
        parser.add_argument("--json", action="store_true", help="figures for programs")
        add_case_options(parser)
        for name in ("topic", "ts", "value"):
            parser.add_argument(f"--{name}-column", help=f"of a file of points; default: {name}")

    def handle(self, **options):
        try:
            threshold = self.find_threshold(options)
            result, tally = self.run(threshold, options)
        except OSError as error:
            raise CommandError(f"{options['csv']} cannot be read: {error.strerror or error}") from None
        except BadInput as error:
            raise CommandError(str(error)) from None
        except BusUnavailable as error:
            raise CommandError(error.tell_operator()) from None
        pipelines = result.fired if threshold.title else 0
        if options["json"]:
            self.stdout.write(json.dumps(make_json(result, pipelines, tally)))
        else:
            self.sum_up(threshold, result, pipelines)

    def find_threshold(self, options):
        """The stored threshold, or one made of the options; BadInput."""
        given = {name: options[name] for name in RULE if options[name] is not None}
        if options["threshold"] is not None:
            if given or options["topic"]:
                raise BadInput("give the id of a threshold, or a rule, not both")
            found = Threshold.objects.select_related("kpi").filter(pk=options["threshold"]).first()
            if found is None:
                raise BadInput(f"there is no threshold {options['threshold']}")
            return found
        if missing := [f"--{name}" for name in REQUIRED if options[name] is None]:
            raise BadInput(f"give the id of a threshold, or a rule: {', '.join(missing)} missing")
        # A title, so that what it would have proposed is counted.
        threshold = Threshold(kpi=find_kpi(options), title="Backtest", interval=60, **given)
        check_rule(threshold)
        return threshold

    def run(self, threshold, options):
        """``(Result, Tally)`` over the file, or over the history, which has no Tally."""
        step = options["step"]
        if step is None and options["csv"]:
            step = threshold.interval
        if step is not None and not 1 <= step <= 86_400:
            raise BadInput(f"--step {step} is not between 1 and 86400 seconds")
        if options["csv"]:
            if options["start"] or options["end"]:
                raise BadInput("give --csv or --from and --to, not both")
            return self.judge_file(threshold, options, step)
        if not options["start"]:
            raise BadInput("say over what: --csv FILE, or --from and --to")
        now = time.time_ns() // 1_000_000
        start, end = (parse_moment(options[name] or "0", now=now) for name in ("start", "end"))
        found = backtest_history(threshold.kpi.topic, make_rule(threshold), start, end, step=step)
        check_known(threshold.kpi)
        # Beside figures for programs, not among them.
        (self.stderr if options["json"] else self.stdout).write(tell_how(found))
        return found.result, None

    def judge_file(self, threshold, options, step):
        """``(Result, Tally)`` over a file; what is left out of it is said beside the figures. BadInput."""
        topic, path, most = threshold.kpi.topic, options["csv"], read_strictness(options)
        samples = read_samples(topic, path, options)
        try:
            # Of no point there is no judgement: figures of 0 would read as "would never have fired".
            settle(samples.tally, most, self.stderr.write, fault=tell_absent(topic, samples))
        except BadInput as error:
            raise BadInput(f"{path}: {error}") from None
        result = backtest_points(make_rule(threshold, interval=step), samples.ts, samples.values)
        # Beside figures for programs, not among them.
        if said := tell_uncompared(result):
            self.stderr.write(said)
        return result, samples.tally

    def sum_up(self, threshold, result, pipelines):
        """Says it to a person."""
        unit, aggregate = threshold.kpi.unit, threshold.aggregate
        self.stdout.write(f"{threshold.kpi.topic}: {tell_rule(threshold, unit)}")
        red = format_duration(result.count_red() / 1000)
        breaches = count_words(len(result.breaches), "breach", "breaches")
        judged, proposals = count_words(result.ticks, "slot"), count_words(pipelines, "proposal")
        self.stdout.write(
            f"{judged} judged, {result.ticks_in_breach:,} in breach; {breaches}, {red} red, {proposals}."
        )
        for start, end, peak in result.breaches[:NAMED]:
            worst = format_value(peak, unit, aggregate)
            self.stdout.write(f"  {write_time(start)} – {write_time(end) if end else 'open'}  worst {worst}")
        if len(result.breaches) > NAMED:
            self.stdout.write(f"  … and {len(result.breaches) - NAMED:,} more")


def tell_how(found):
    """How a Backtest was judged, or that it saw nothing."""
    if found.usual_n:
        return " ".join(filter(None, [tell_uncompared(found.result), tell_judging(found)]))
    held = tell_silence(found)
    return f"{held[:1].upper()}{held[1:]}"


def tell_absent(topic, samples):
    """That a file has no point of a topic, and of which it has; "" where it has one."""
    if len(samples.ts):
        return ""
    others = sorted(samples.topics)
    more = f" and {len(others) - NAMED:,} more" if len(others) > NAMED else ""
    of = f"of {topic}, only of {', '.join(others[:NAMED])}{more}" if others else "at all"
    return f"it holds no point {of}: nothing can be judged"


def check_known(kpi):
    """BadInput for a topic that is no KPI and never had a point: most likely it is misspelt."""
    if kpi.pk is None and queries.get_head(kpi.topic) is None:
        raise BadInput(f"there is no KPI {kpi.topic}, and no point of it ever came")


def find_kpi(options):
    """The ``Kpi`` of the topic: over history the stored one; over a file one that needs no database."""
    topic = check_topic(options["topic"])
    if not options["csv"]:
        return Kpi.objects.filter(topic=topic).first() or Kpi(topic=topic)
    latency = options["latency_topic"]
    return Kpi(topic=topic, unit="seconds" if f"{topic}.".startswith(f"{latency}.") else "")


def read_samples(topic, path, options):
    """The Samples of a topic in a file of cases or of points; BadInput."""
    named = {name for name in (*CASES, *POINTS) if options[f"{name}_column"]}
    cases, encoding = read_columns(options), options["encoding"]
    if not named & CASES and (named & POINTS or holds_points(path, encoding)):
        columns = Columns(topic="", id=cases.id, id_is_named=options["id_column"] is not None)
        columns = columns._replace(**{name: options[f"{name}_column"] for name in named})
        return read_points(path, topic, columns, encoding=encoding)
    topics = {"received": options["received_topic"], "latency": options["latency_topic"]}
    return read_case_points(path, topic, cases, **topics, encoding=encoding)


def make_json(result, pipelines, tally):
    """The figures by the names of the API, times in ms; of a file also what became of its rows."""
    return {
        "ticks": result.ticks,
        "ticks_in_breach": result.ticks_in_breach,
        "ticks_incomparable": result.incomparable,
        "breaches": [incident._asdict() for incident in result.breaches],
        "pipelines": pipelines,
    } | ({"rows": tally.describe()} if tally is not None else {})


def write_time(ms):
    """A time in UTC, to the minute."""
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M}Z"
