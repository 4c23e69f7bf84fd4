"""The lines of what happened say who did it, and name nobody where it happened by itself."""

import json

import pytest
from django.utils import timezone

from pipelines_app.cards.history import tell_entry
from pipelines_app.models import AuditEntry


@pytest.mark.parametrize(
    ("event", "data", "words"),
    [
        ("approved", {}, "Approved by Bea"),
        ("voted", {"for_name": "Ada"}, "Voted by Bea for Ada"),
        ("handed over", {}, "Waits to be done by hand"),
        ("judged", {"verdict": "effective"}, "Judged: effective"),
        ("judged", "broken", "Judged"),
    ],
)
def test_a_line_tells_who_did_what_and_what_nobody_did(event, data, words):
    entry = AuditEntry(seq=1, at=timezone.now(), event=event, actor="Bea", data_text=json.dumps(data))
    entry.hash = entry.compute_hash()
    assert tell_entry(entry) == words
