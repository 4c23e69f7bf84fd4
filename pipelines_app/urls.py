"""Addresses below ``/inbox/``."""

from django.urls import path

from pipelines_app import views
from pipelines_app.decided import show_decided

urlpatterns = [
    path("", views.show_inbox, name="inbox"),
    path("waiting/", views.show_waiting, name="inbox_waiting"),
    path("decided/", show_decided, name="inbox_decided"),
    path("delegations/", views.show_delegations, name="inbox_delegations"),
    path("<int:pk>/", views.show_proposal, name="pipeline_detail"),
    path("<int:pk>/card/", views.show_card, name="pipeline_card"),
    path("<int:pk>/since/", views.show_since, name="pipeline_since"),
    path("<int:pk>/record/", views.show_record, name="pipeline_record"),
    path("<int:pk>/effect.csv", views.download_effect, name="pipeline_effect"),
    path("<int:pk>/decide/", views.decide, name="pipeline_decide"),
]
