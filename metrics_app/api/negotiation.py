"""What answers are written in."""

from rest_framework.negotiation import DefaultContentNegotiation


class JsonErrors(DefaultContentNegotiation):
    """Leaves ``format`` to the view, which knows the parameter or refuses it by name, in JSON."""

    def select_renderer(self, request, renderers, format_suffix=None):
        """The first one."""
        return renderers[0], renderers[0].media_type
