"""Addresses of the pages."""

from django.urls import path

from metrics_app import views

urlpatterns = [
    path("", views.show_overview, name="overview"),
    path("tiles/", views.show_tiles, name="tiles"),
    path("live/", views.show_live_status, name="live_status"),
    path("kpis/<str:topic>/", views.show_kpi, name="kpi"),
    path("kpis/<str:topic>/live/", views.show_kpi_live, name="kpi_live"),
    path("thresholds/<int:pk>/explain/", views.show_explanation, name="explain"),
    path("demo/complaints/", views.show_complaints, name="complaints_demo"),
]
