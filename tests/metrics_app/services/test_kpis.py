"""Topics enter the registry on first sight."""

import pytest

from metrics_app import registry
from metrics_app.models import Kpi
from metrics_app.services.kpis import register_topics

pytestmark = pytest.mark.django_db


def test_it_creates_what_is_missing_and_keeps_what_is_there():
    Kpi.objects.create(topic="er.wait", name="Waiting time")
    assert registry.get_kpi("er.beds") is None
    assert register_topics(["er.wait", "er.beds", "er.beds"]) == 1
    assert registry.get_kpi("er.beds").topic == "er.beds"
    assert registry.get_kpi("er.wait").name == "Waiting time"


def test_it_writes_nothing_for_known_topics(django_assert_num_queries):
    register_topics(["er.wait"])
    with django_assert_num_queries(1):
        assert register_topics(["er.wait"]) == 0
