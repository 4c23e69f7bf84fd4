"""Commands that need the database: what they say where it has not the tables of this version."""

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

# SQLSTATEs of an unknown table and of an unknown column, and how SQLite tells of them.
UNKNOWN = ("42P01", "42703")
WORDS = ("no such table", "no such column", "has no column named")


class DatabaseCommand(BaseCommand):
    """A command that says in one line that `migrate` has not been run, where it meets that."""

    def execute(self, *args, **options):
        """As Django's; CommandError where a table or a column is missing."""
        try:
            return super().execute(*args, **options)
        except DatabaseError as error:
            if not is_unmigrated(error):
                raise
            name, [what, *_] = self.__module__.rpartition(".")[2], str(error).splitlines()
            raise CommandError(
                f"{name} needs the database, which lacks what this version keeps there ({what}): "
                "run `manage.py migrate` first."
            ) from None


def is_unmigrated(error):
    """Whether an error of the database says that a table or a column is missing."""
    state = getattr(error.__cause__, "sqlstate", None)
    return state in UNKNOWN if state else any(words in str(error) for words in WORDS)
