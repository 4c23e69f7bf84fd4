"""`manage.py import_thresholds FILE…`: thresholds from YAML, with the difference shown."""

from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from metrics_app.exceptions import BadInput
from metrics_app.management.database import DatabaseCommand
from metrics_app.services.rules.changes import write_plan
from metrics_app.services.rules.files import apply_import, plan_import


class Command(DatabaseCommand):
    help = (
        "Makes thresholds and their KPIs what YAML files say: all of it, or nothing where anything is wrong. "
        "Shows what changes: + new, ~ changed, - gone, = unchanged."
    )

    def add_arguments(self, parser):
        parser.add_argument("files", nargs="+", metavar="FILE")
        parser.add_argument("--dry-run", action="store_true", help="only show what would change")
        parser.add_argument(
            "--check",
            action="store_true",
            help="as --dry-run; the exit code is 1 where anything would change",
        )
        parser.add_argument(
            "--prune",
            action="store_true",
            help="delete the thresholds that the files leave out, on the topics that they name",
        )
        parser.add_argument("--author", metavar="USER", help="user name kept with each new version")
        parser.add_argument("--reason", default="", metavar="TEXT", help="why, kept with each new version")

    def handle(self, *, files, dry_run, check, prune, author, reason, **options):
        texts, by = {file: self.read(file) for file in files}, find_author(author)
        try:
            if dry_run or check:
                plan = plan_import(texts, prune=prune)
            else:
                plan = apply_import(texts, by=by, reason=reason, prune=prune)
        except BadInput as error:
            raise CommandError(f"nothing was changed:\n{error}") from None
        for line in write_plan(plan):
            self.stdout.write(line)
        summary = f"{plan.summary}."
        if check and plan.differs:
            raise CommandError(f"The database differs from the files: {summary}")
        self.stdout.write(f"Only shown: {summary}" if dry_run and plan.differs else summary.capitalize())

    def read(self, file):
        """The text of a file; CommandError where it cannot be read."""
        try:
            return Path(file).read_text(encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise CommandError(f"{file} is not UTF-8") from None


def find_author(name):
    """The user of a name, or None for none; CommandError for one nobody has."""
    if name is None:
        return None
    users = get_user_model()
    try:
        return users.objects.get_by_natural_key(name)
    except users.DoesNotExist:
        raise CommandError(f"--author: there is no user {name!r}") from None
