"""Who is at the door: a person with a session, or a program with a key.

Keys are known by what they carry, ``request.auth.scopes``, ``.groups``, ``.topics``, ``.name``
and ``.maker`` (the id of the person who made it), so that any project can bring its own.
"""

from django.contrib.auth import get_user_model
from rest_framework.permissions import BasePermission

from pipelines_app import queries
from pipelines_app.core.fields import shorten
from pipelines_app.exceptions import NotAllowed

SCOPES = frozenset({"read", "propose"})


def is_key(request):
    """Whether a key opened this request."""
    return hasattr(request.auth, "scopes")


def is_session(request):
    """Whether a person is logged in, without any key or token."""
    return request.auth is None and request.user.is_authenticated


def is_known(request):
    """Whether a person or a key asks; a project may have no user at all for nobody."""
    return request.user is not None and request.user.is_authenticated


class CanSeeProposals(BasePermission):
    """Logged in, or a key with the scope ``read`` or ``propose``."""

    message = "This key lacks the scope 'read' or 'propose'."

    def has_permission(self, request, view):
        """Whether the list and its rows are open at all."""
        if not is_known(request):
            return False
        return not is_key(request) or bool(SCOPES & set(request.auth.scopes))


class CanPropose(BasePermission):
    """Logged in, or a key with the scope ``propose``; ``refuse_proposing`` knows the rest."""

    message = "This key lacks the scope 'propose'."

    def has_permission(self, request, view):
        """Whether proposals are taken from this side at all."""
        if not is_known(request):
            return False
        return not is_key(request) or "propose" in request.auth.scopes


def list_visible(request):
    """The proposals that this person or key may see.

    A key that is limited to topics sees proposals about those topics only.
    """
    if not is_key(request):
        return queries.visible_to(request.user)
    visible = queries.visible_to_groups(getattr(request.auth, "groups", ()))
    return queries.limit_to_topics(visible, getattr(request.auth, "topics", ()))


def find_sight(request):
    """Through whose eyes a proposal is read: those of the person, or of the key with its topics."""
    if not is_key(request):
        return queries.sight_of(request.user)
    return queries.Sight(
        frozenset(getattr(request.auth, "groups", ())), tuple(getattr(request.auth, "topics", ()))
    )


def find_maker(key):
    """The person who made a key, or None: of an account that is gone, or of a key that names none."""
    maker = getattr(key, "maker", None)
    return None if maker is None else get_user_model()._default_manager.filter(pk=maker).first()


def refuse_proposing(request, topic):
    """NotAllowed unless this person or key may propose, about ``topic`` as far as its name alone says."""
    if is_key(request):
        refuse_key(request.auth, topic)
    elif not request.user.has_perm("pipelines_app.add_pipeline"):
        raise NotAllowed("You do not have the permission to propose (add_pipeline).")


def refuse_key(key, topic):
    """NotAllowed unless the key has the scope ``propose`` and its topics include this one."""
    if "propose" not in key.scopes:
        raise NotAllowed("This key lacks the scope 'propose'.")
    patterns = getattr(key, "topics", ())
    if patterns and not queries.is_listed(topic, patterns):
        raise NotAllowed(f"This key is limited to {', '.join(patterns)}.")


def refuse_action(request, action):
    """NotAllowed for an action that the key does not list; people who propose name none."""
    if not action:
        return
    if not is_key(request):
        raise NotAllowed("Only a key that lists an action may name it; what people propose is done by hand.")
    allowed = getattr(request.auth, "actions", ())
    if action not in allowed:
        known = ", ".join(allowed) or "none"
        raise NotAllowed(f"This key may not name the action {shorten(action)}; it may name: {known}.")


def refuse_keys(request):
    """NotAllowed for keys: decisions are made by people, in a session."""
    if not is_session(request):
        raise NotAllowed("Decisions are made by people who are logged in; a key cannot decide.")
