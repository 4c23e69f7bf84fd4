"""Telling what opened a proposal what has become of it: a row, since a doorbell may be lost."""

from django.utils.module_loading import import_string

from pipelines_app.models import Pipeline
from pipelines_app.services.errands.plan import find_listener

TOLD = "told"


def answer(errand, now):
    """Calls the handler of the proposal's origin; how, in words."""
    path = find_listener(errand.pipeline)
    if path is None:
        return "not told: the settings no longer name who listens"
    # Read now: what has happened since the errand was claimed is told along with it.
    import_string(path)(Pipeline.objects.get(pk=errand.pipeline_id))
    return TOLD
