"""Stops everything that approvals would carry out, or lets it go on."""

from getpass import getuser

from django.core.management.base import CommandError

from pipelines_app.exceptions import BadInput
from pipelines_app.management.database import DatabaseCommand
from pipelines_app.services import resume, stop


class Command(DatabaseCommand):
    help = "Holds all executions of approved proposals, with a reason; --resume lets them go on."

    def add_arguments(self, parser):
        """Why, and who."""
        parser.add_argument("--reason", required=True, help="as everybody reads it on every page")
        parser.add_argument("--resume", action="store_true", help="let what was held be carried out")
        parser.add_argument("--by", default="", help="who does it (default: the user of the shell)")

    def handle(self, *, reason, by, **options):
        """Turns the switch."""
        try:
            switch = (resume if options["resume"] else stop)(reason=reason, name=by or getuser())
        except BadInput as error:
            raise CommandError(str(error)) from None
        by = f", by {switch.by_name}: {switch.reason}" if switch.by_name else ""
        self.stdout.write(f"{switch}{by}")
