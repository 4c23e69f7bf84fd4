import numpy as np
import pytest

from hms_gov.joins.wiring import measure_kpi
from metrics_app.services.archive import archive
from metrics_app.services.compact import compact_history
from tests.metrics_app.histories import DAY, HOUR, MINUTE, Clockwork
from tests.metrics_app.points import publish

pytestmark = pytest.mark.django_db


def test_a_proposal_older_than_its_minutes_is_measured_by_the_hour(settings):
    settings.METRICS_APP = {**settings.METRICS_APP, "MINUTES_DAYS": 3}
    clockwork = Clockwork()
    ts = np.arange(clockwork.now - 6 * DAY, clockwork.now, 10 * MINUTE)
    publish("er.wait", ts, 1.0)
    clockwork.collect()
    archive()
    compact_history(now=clockwork.now)
    start = clockwork.now - 5 * DAY
    found = measure_kpi("er.wait", start, clockwork.now, 31 * MINUTE)
    assert sum(found["count"]) == np.count_nonzero(ts >= start // HOUR * HOUR)
