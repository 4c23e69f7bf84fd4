"""Addresses of the pages."""

from django.urls import path

from metrics_app.api.open_data import CatalogView, OpenDataFileView
from metrics_app.pages import kpi_views, views

urlpatterns = [
    path("", views.show_overview, name="overview"),
    path("tiles/", views.show_tiles, name="tiles"),
    path("live/", views.show_live_status, name="live_status"),
    path("kpis/<str:topic>/", kpi_views.show_kpi, name="kpi"),
    path("kpis/<str:topic>/live/", kpi_views.show_kpi_live, name="kpi_live"),
    path("kpis/<str:topic>/chart/", kpi_views.show_kpi_chart, name="kpi_chart"),
    path("kpis/<str:topic>/values.csv", kpi_views.download_values, name="kpi_values"),
    path("kpis/<str:topic>/notes/", kpi_views.write_note, name="kpi_notes"),
    path("thresholds/<int:pk>/explain/", views.show_explanation, name="explain"),
    path("open-data/", views.show_open_data, name="open_data"),
    path("open-data/catalog.json", CatalogView.as_view(), name="open_data_catalog"),
    path("open-data/<str:topic>/<str:file>", OpenDataFileView.as_view(), name="open_data_file"),
]
