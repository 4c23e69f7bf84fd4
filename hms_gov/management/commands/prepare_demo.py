"""`manage.py prepare_demo`: database and seed, in one process."""

from pathlib import Path

from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Migrates and seeds: what the demo needs before it runs."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--credentials", type=Path, required=True)
        parser.add_argument("--past", action="store_true", help="as of seed_demo")

    def handle(self, *, credentials, past, **options):
        call_command("migrate", verbosity=0)
        call_command("seed_demo", credentials=credentials, past=past, stdout=self.stdout)
