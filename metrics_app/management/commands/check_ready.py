"""``manage.py check_ready [PART …]``: what ``/readyz`` says, for health checks where there is no HTTP."""

from django.core.management.base import BaseCommand, CommandError

from metrics_app.services.health import read_parts


class Command(BaseCommand):
    help = (
        "Ends with code 1, and says why, unless Redis and the named parts of /readyz (default: all) are well."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("parts", nargs="*", metavar="PART", help="evaluator, archiver, notices …")

    def handle(self, *, parts, **options):
        found = read_parts()
        if unknown := [name for name in parts if name not in found]:
            raise CommandError(f"There is no part {', '.join(unknown)}: expected {', '.join(sorted(found))}.")
        # While Redis is away nobody can say whether the others work.
        faults = [
            f"{name}: {part.get('message') or part}"
            for name, part in found.items()
            if not part["ok"] and (not parts or name in (*parts, "redis"))
        ]
        if faults:
            raise CommandError("\n".join(faults))
        self.stdout.write(f"{', '.join(parts or sorted(found))}: ok")
