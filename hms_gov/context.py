"""What every page knows: how many proposals wait. Both apps' pages show it, neither app asks the other."""

from django.utils.functional import SimpleLazyObject

from pipelines_app.cards.waiting import describe_waiting


def count_waiting(request):
    """``waiting`` for the templates: count, sentence and headline; asks SQL only where it is shown."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {"waiting": SimpleLazyObject(lambda: describe_waiting(user))}
