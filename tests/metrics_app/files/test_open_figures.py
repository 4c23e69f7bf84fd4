"""A figure that is published is still understood where somebody copied it to."""

from datetime import UTC, datetime

from metrics_app.files import open_figures


def test_a_figure_says_of_which_day_and_hour_it_is(settings):
    settings.METRICS_APP = settings.METRICS_APP | {"OPEN_DATA_ZONE": "Europe/Berlin"}
    now = int(datetime(2026, 1, 3, 9, 30, tzinfo=UTC).timestamp() * 1000)
    names = [
        open_figures.tell_recent(name, *span)
        for name, span in zip(open_figures.SPANS, open_figures.list_recent(now), strict=True)
    ]
    assert names == [
        "The last full hour, 3 Jan 2026 09:00 to 10:00 CET",
        "Yesterday, 2 Jan 2026",
        "The last 7 full days, 27 Dec 2025 to 2 Jan 2026",
    ]
