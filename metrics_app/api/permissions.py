"""What a key's scopes open. People are judged by their permissions, where a view asks for one."""

from rest_framework.permissions import BasePermission

from metrics_app.core.who import Who
from metrics_app.registry import who_is


def identify(request):
    """The ``Who`` of a REST request, by key or by session; None for nobody."""
    if isinstance(request.auth, Who):
        return request.auth
    return who_is(request.user) if is_known(request) else None


def is_known(request):
    """Whether a person or a key asks; a project may have no user at all for nobody."""
    return request.user is not None and request.user.is_authenticated


class HasScope(BasePermission):
    """Logged in, or a key with ``scope``."""

    scope = ""

    def has_permission(self, request, view):
        """Whether the key has the scope; the message names it."""
        if not is_known(request):
            return False
        self.message = f"This key lacks the scope '{self.scope}'."
        return not isinstance(request.auth, Who) or self.scope in request.auth.scopes


class CanRead(HasScope):
    """For everything under Reading."""

    scope = "read"


class CanEmit(HasScope):
    """For everything that takes points."""

    scope = "emit"


class PeopleWrite(CanRead):
    """Reading as everywhere; writing for people, with the permission that ``view.writing`` names."""

    def has_permission(self, request, view):
        """Whether the method is allowed; keys never write."""
        if request.method not in view.writing or not is_known(request):
            return super().has_permission(request, view)
        permission = view.writing[request.method]
        if permission is None:
            self.message = "Keys read here; people write."
            return not isinstance(request.auth, Who)
        self.message = f"You need the permission {permission}; keys cannot have it."
        return request.user.has_perm(permission)
