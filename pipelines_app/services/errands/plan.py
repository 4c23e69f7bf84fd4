"""Planning and ending errands; what moves a proposal stands on this, so it knows no kind."""

from pipelines_app.models import Errand

LONGEST = 500  # characters of an outcome or an error


def plan_errand(pipeline, kind, *, due_at, recipient=""):
    """The errand of the present version, made where it is missing; call it inside the cause's transaction."""
    key = {"pipeline": pipeline, "version": pipeline.version, "kind": kind, "recipient": recipient}
    return Errand.objects.get_or_create(**key, defaults={"due_at": due_at})[0]


def end_errand(errand, outcome, *, at):
    """Ends a claimed errand; False where another has taken it over since, whose end counts."""
    mine = Errand.objects.filter(pk=errand.pk, done_at=None, claimed_until=errand.claimed_until)
    return bool(mine.update(done_at=at, outcome=outcome[:LONGEST], error="", claimed_until=None))
