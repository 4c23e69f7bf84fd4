"""Addresses below ``/api/v1/``, one list per family."""

from django.urls import path, re_path

from metrics_app.api.backtest import BacktestView, DraftBacktestView
from metrics_app.api.breaches import BreachListView, BreachView
from metrics_app.api.calendars import CalendarView, CompareView
from metrics_app.api.corrections import CorrectionListView, RestoreView
from metrics_app.api.explain import ExplainView
from metrics_app.api.exports import ExportView
from metrics_app.api.kpis import KpiListView, KpiView, SeriesView, StatsView
from metrics_app.api.notes import NoteListView, NoteView
from metrics_app.api.notices import NoticeListView
from metrics_app.api.points import PointsView
from metrics_app.api.rule_files import ThresholdExportView
from metrics_app.api.silences import SilenceListView, SilenceView
from metrics_app.api.stream_tickets import StreamTicketsView
from metrics_app.api.thresholds import ThresholdListView, ThresholdView

points = [
    # Without the final slash too: a redirect would lose the body.
    re_path(r"^points/?\Z", PointsView.as_view(), name="points"),
]
partners = [
    re_path(r"^stream-tickets/?\Z", StreamTicketsView.as_view(), name="stream_tickets"),
]
kpis = [
    path("kpis/", KpiListView.as_view(), name="kpi_list"),
    path("kpis/<str:topic>/", KpiView.as_view(), name="kpi_detail"),
    path("kpis/<str:topic>/stats/", StatsView.as_view(), name="kpi_stats"),
    path("kpis/<str:topic>/series/", SeriesView.as_view(), name="kpi_series"),
    path("kpis/<str:topic>/calendar/", CalendarView.as_view(), name="kpi_calendar"),
    path("kpis/<str:topic>/compare/", CompareView.as_view(), name="kpi_compare"),
    path("kpis/<str:topic>/export/", ExportView.as_view(), name="kpi_export"),
]
history = [
    path("notes/", NoteListView.as_view(), name="note_list"),
    path("notes/<int:pk>/", NoteView.as_view(), name="note_detail"),
    path("corrections/", CorrectionListView.as_view(), name="correction_list"),
    path("corrections/<int:pk>/restore/", RestoreView.as_view(), name="correction_restore"),
]
watch = [
    path("thresholds/", ThresholdListView.as_view(), name="threshold_list"),
    path("thresholds/export/", ThresholdExportView.as_view(), name="threshold_export"),
    path("thresholds/<int:pk>/", ThresholdView.as_view(), name="threshold_detail"),
    path("thresholds/backtest/", DraftBacktestView.as_view(), name="backtest_draft"),
    path("thresholds/<int:pk>/backtest/", BacktestView.as_view(), name="threshold_backtest"),
    path("thresholds/<int:pk>/explain/", ExplainView.as_view(), name="threshold_explain"),
    path("silences/", SilenceListView.as_view(), name="silence_list"),
    path("silences/<int:pk>/", SilenceView.as_view(), name="silence_detail"),
    path("breaches/", BreachListView.as_view(), name="breach_list"),
    path("notices/", NoticeListView.as_view(), name="notice_list"),
    path("breaches/<int:pk>/", BreachView.as_view(), name="breach_detail"),
]

urlpatterns = [*points, *partners, *kpis, *history, *watch]
