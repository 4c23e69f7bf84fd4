"""The template tag of the live line."""

import pytest
from django.contrib.auth.models import Group
from django.template import Context, Template

from metrics_app.models import Kpi, Threshold
from metrics_app.registry import forget

pytestmark = pytest.mark.django_db


def render(text='{% live_spark "complaint.latency" %}', **context):
    return Template("{% load metrics_live %}" + text).render(Context(context))


@pytest.fixture
def kpi():
    kpi = Kpi.objects.create(topic="complaint.latency", name="Response <time>", unit="seconds")
    Threshold.objects.create(kpi=kpi, aggregate="mean", window=1800, operator="gt", limit=172800)
    return kpi


def test_it_writes_an_element_and_its_module_without_an_inline_script(kpi):
    html = render()
    assert '<live-spark topic="complaint.latency" label="Response &lt;time&gt;" unit="seconds"' in html
    assert 'window="1800"' in html and 'limit="172800.0"' in html
    assert '<script type="module" src="/static/metrics_app/live-spark.js"></script>' in html
    assert "style=" not in html


def test_attributes_can_be_said_by_name(kpi):
    html = render('{% live_spark topic label="Wait" stale_after=60 limit="" %}', topic="complaint.latency")
    assert 'label="Wait"' in html and 'stale-after="60"' in html and "limit=" not in html


def test_what_is_no_kpi_yet_is_an_element_too():
    assert '<live-spark topic="no.such"></live-spark>' in render('{% live_spark "no.such" %}')


def test_nothing_is_said_of_a_restricted_kpi(kpi):
    Kpi.objects.update(restricted=True, owner=Group.objects.create(name="g"))
    forget()
    assert '<live-spark topic="complaint.latency"></live-spark>' in render()
