"""`manage.py export_audit`: the audit chain for whoever reads or checks it elsewhere."""

import os
import sys
from pathlib import Path

from django.core.management.base import CommandError

from pipelines_app.core.tables import write_csv, write_json_lines
from pipelines_app.management.database import DatabaseCommand
from pipelines_app.models import Pipeline
from pipelines_app.queries.audit import FIELDS, list_audit

FORMATS = {"jsonl": write_json_lines, "csv": lambda rows: write_csv(rows, FIELDS)}


class Command(DatabaseCommand):
    """Writes entries in order, a line each; nothing is held but a few hundred of them."""

    help = "Writes the audit chain, restricted proposals included, as JSON lines or CSV."

    def add_arguments(self, parser):
        """Which entries, as what, and where to."""
        parser.add_argument("--format", choices=list(FORMATS), default="jsonl", help="default: jsonl")
        parser.add_argument(
            "--after", type=int, default=0, metavar="SEQ", help="only entries behind this number"
        )
        parser.add_argument("--proposal", type=int, metavar="ID", help="only entries about this proposal")
        parser.add_argument("--output", metavar="FILE", help="default: the standard output")

    def handle(self, *, after, proposal, output, **options):
        """Writes the lines."""
        if proposal is not None and not Pipeline.objects.filter(pk=proposal).exists():
            raise CommandError(f"--proposal: there is no proposal #{proposal}")
        lines = FORMATS[options["format"]](list_audit(after=after, pipeline=proposal))
        if output is None:
            self.write_out(lines)
            return
        try:
            with Path(output).open("w", encoding="utf-8", newline="") as file:
                file.writelines(lines)
        except OSError as error:
            raise CommandError(f"--output: {output} cannot be written: {error.strerror}") from error

    def write_out(self, lines):
        """Writes to the standard output, until whoever reads it has read enough."""
        try:
            for line in lines:
                # The endings are the format's own.
                self.stdout.write(line, ending="")
            self.stdout.flush()
        except BrokenPipeError:
            # Python flushes once more at its end, and would complain then.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
