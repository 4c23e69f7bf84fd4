"""What a key's scopes open. People are judged by their permissions, where a view asks for one."""

from rest_framework.permissions import BasePermission

from metrics_app.registry import Who, who_is


def identify(request):
    """The ``Who`` of a REST request, by key or by session; None for nobody."""
    return request.auth if isinstance(request.auth, Who) else who_is(request.user)


class HasScope(BasePermission):
    """Logged in, or a key with ``scope``."""

    scope = ""

    def has_permission(self, request, view):
        """Whether the key has the scope; the message names it."""
        if not request.user.is_authenticated:
            return False
        self.message = f"This key lacks the scope '{self.scope}'."
        return not isinstance(request.auth, Who) or self.scope in request.auth.scopes


class CanRead(HasScope):
    """For everything under Reading."""

    scope = "read"


class CanEmit(HasScope):
    """For everything that takes points."""

    scope = "emit"
