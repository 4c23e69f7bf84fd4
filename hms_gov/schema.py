"""The OpenAPI schema, with errors as everywhere else."""

from drf_spectacular.views import SpectacularAPIView
from rest_framework.renderers import JSONRenderer

from metrics_app.api.errors import handle_exception


class SchemaView(SpectacularAPIView):
    """The schema in the format that was asked for; errors in JSON whatever that was."""

    def _get_version_parameter(self, request):
        """None: there is one version, and what an address says of another must not get into a header."""

    def get_exception_handler(self):
        """The one shape of errors."""
        return handle_exception

    def finalize_response(self, request, response, *args, **kwargs):
        """The response; one that refuses is rendered as JSON."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.status_code >= 400:
            response.accepted_renderer = JSONRenderer()
            response.accepted_media_type = JSONRenderer.media_type
        return response
