"""``{% live_spark "complaint.latency" %}``: a live line of a KPI on any page of a Django project."""

from django import template
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join

from metrics_app import registry
from metrics_app.addresses import find_root
from metrics_app.core.aggregate_table import IN_BROWSER
from metrics_app.core.text.words import UPPER
from metrics_app.exceptions import BusUnavailable
from metrics_app.services.conditions import read_conditions, read_rules, see
from metrics_app.services.watch.states import find_end_of_judgement, read_clock

register = template.Library()


@register.simple_tag
def live_spark(topic, **attributes):
    """The element and its module; what the KPI and its threshold say can be overridden by name.

    Of a restricted KPI it says the topic only: the page may be for everybody, the stream asks who is there.
    """
    kpi = registry.get_kpi(topic)
    known = {"topic": topic, "server": find_root().rstrip("/")}
    known |= describe(kpi) if kpi and not kpi.restricted else {}
    chosen = known | {name.replace("_", "-"): value for name, value in attributes.items()}
    pairs = [(name, value) for name, value in chosen.items() if value not in (None, "")]
    return format_html(
        '<live-spark{}></live-spark><script type="module" src="{}"></script>',
        format_html_join("", ' {}="{}"', pairs),
        static("metrics_app/live-spark.js"),
    )


def describe(kpi):
    """Label, unit, aggregate, window, limit and condition as attributes."""
    # What a page can compute from points alone.
    aggregate = kpi.aggregate if kpi.aggregate in IN_BROWSER else "mean"
    try:
        seen = read_conditions([kpi])[kpi.topic]
        condition = seen.condition.css
    except BusUnavailable:
        # Somebody else's page stands without Redis: the limit is a row, the condition is not known.
        seen, condition = see(kpi, read_rules([kpi.topic]).get(kpi.topic, []), read_clock()), ""
    # The worst of those whose limit is one of what is drawn.
    rule = next((rule for rule in seen.rules if rule.aggregate == aggregate), None)
    limit = {"limit": rule.limit, "side": "" if rule.operator in UPPER else "below"} if rule else {}
    return {
        "label": kpi.name or kpi.topic,
        "unit": kpi.unit,
        "aggregate": aggregate,
        "window": rule.window if rule else kpi.window,
        "stale-after": kpi.expected_interval,
        "condition": condition,
        "judged-until": find_end_of_judgement(seen.judged) if condition else None,
        **limit,
    }
