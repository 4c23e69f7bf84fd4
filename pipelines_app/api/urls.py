"""Addresses below ``/api/v1/``."""

from django.urls import path

from pipelines_app.api import delegations, pipelines

urlpatterns = [
    path("pipelines/", pipelines.PipelineList.as_view(), name="api_pipelines"),
    path("pipelines/<int:pk>/", pipelines.PipelineDetail.as_view(), name="api_pipeline"),
    path("pipelines/<int:pk>/approve/", pipelines.Approve.as_view(), name="api_pipeline_approve"),
    path("pipelines/<int:pk>/reject/", pipelines.Reject.as_view(), name="api_pipeline_reject"),
    path("pipelines/<int:pk>/withdraw/", pipelines.Withdraw.as_view(), name="api_pipeline_withdraw"),
    path("pipelines/<int:pk>/change/", pipelines.Change.as_view(), name="api_pipeline_change"),
    path("pipelines/<int:pk>/undo/", pipelines.Undo.as_view(), name="api_pipeline_undo"),
    path("pipelines/<int:pk>/confirm/", pipelines.Confirm.as_view(), name="api_pipeline_confirm"),
    path("pipelines/<int:pk>/fail/", pipelines.Fail.as_view(), name="api_pipeline_fail"),
    path("pipelines/<int:pk>/retry/", pipelines.Retry.as_view(), name="api_pipeline_retry"),
    path("pipelines/<int:pk>/close/", pipelines.Close.as_view(), name="api_pipeline_close"),
    path("delegations/", delegations.DelegationList.as_view(), name="api_delegations"),
    path("delegations/<int:pk>/", delegations.DelegationDetail.as_view(), name="api_delegation"),
]
