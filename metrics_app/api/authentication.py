"""Keys of programs; people use the session."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied

from metrics_app.core.headers import read_credential
from metrics_app.keyring import find_key


class KeyUser:
    """What ``request.user`` is for a key: somebody, but nobody's account."""

    is_authenticated = True
    is_anonymous = False
    is_active = True
    is_staff = False
    is_superuser = False
    pk = None
    id = None

    def __init__(self, who):
        self.who = who
        self.username = f"key {who.name}"

    def __str__(self):
        return self.username

    def get_username(self):
        """The key's name, for logs and audit rows."""
        return self.username

    def has_perm(self, permission, obj=None):
        """Permissions belong to people."""
        return False

    def has_perms(self, permissions, obj=None):
        """Permissions belong to people."""
        return False


class KeyAuthentication(BaseAuthentication):
    """``request.auth`` is the ``Who`` of the key in the request's headers."""

    def authenticate(self, request):
        """None without a key; 401 for an unknown or revoked one, 403 for a partner's."""
        raw = read_credential(request.headers)
        if raw is None:
            return None
        who = find_key(raw)
        if who is None:
            raise AuthenticationFailed("This key is unknown or revoked.")
        self.check_scopes(who.scopes)
        return KeyUser(who), who

    def check_scopes(self, scopes):
        """A partner's key opens nothing here, whatever a view forgets to ask."""
        if "partner" in scopes:
            raise PermissionDenied("A partner key opens /mkt/ only.")

    def authenticate_header(self, request):
        """What a 401 asks for."""
        return 'Bearer realm="HMS-GOV metrics"'


class PartnerAuthentication(KeyAuthentication):
    """For the one address below ``/api/`` that partners' keys open, and no others."""

    def check_scopes(self, scopes):
        """The reverse of everywhere else."""
        if "partner" not in scopes:
            raise PermissionDenied("This key lacks the scope 'partner'.")


class KeyScheme(OpenApiAuthenticationExtension):
    """The key in the OpenAPI schema."""

    target_class = KeyAuthentication
    match_subclasses = True
    name = ["bearerKey", "basicKey", "headerKey"]

    def get_security_definition(self, auto_schema):
        """The three ways a key may come."""
        return [
            {"type": "http", "scheme": "bearer", "description": "An API key. `Token KEY` is understood too."},
            {"type": "http", "scheme": "basic", "description": "An API key as the password."},
            {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        ]
