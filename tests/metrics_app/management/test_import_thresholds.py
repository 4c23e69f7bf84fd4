"""``manage.py export_thresholds`` and ``import_thresholds``: thresholds of a repository."""

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from metrics_app.models import Threshold, ThresholdVersion
from tests.metrics_app.services.rules.test_files import TEXT

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def run(capsys, *args, **options):
    call_command(*map(str, args), **options)
    return capsys.readouterr().out


def test_what_goes_in_comes_out(file, tmp_path, capsys):
    assert run(capsys, "import_thresholds", file).splitlines()[-1] == "5 new."
    assert run(capsys, "export_thresholds") == TEXT
    out = tmp_path / "out.yaml"
    assert run(capsys, "export_thresholds", output=str(out)) == ""
    assert out.read_text(encoding="utf-8") == TEXT
    assert "er.wait" not in run(capsys, "export_thresholds", topic="complaint.*")
    assert run(capsys, "import_thresholds", file).splitlines()[-1] == "Nothing to change (3 unchanged)."


def test_check_and_dry_run_write_nothing_and_check_tells_ci(file, capsys):
    out = run(capsys, "import_thresholds", file, dry_run=True)
    assert (
        out.splitlines()[-1] == "Only shown: 5 new."
        and "+ er.wait count-24h: count over 24 h above 90.5" in out
    )
    with pytest.raises(CommandError, match="The database differs from the files: 5 new"):
        call_command("import_thresholds", str(file), check=True)
    assert not Threshold.objects.exists()
    run(capsys, "import_thresholds", file)
    assert "Nothing to change" in run(capsys, "import_thresholds", file, check=True)


def test_the_author_and_the_reason_are_kept(file, capsys):
    amy = get_user_model().objects.create(username="amy")
    run(capsys, "import_thresholds", file, author="amy", reason="Rolled out.")
    found = ThresholdVersion.objects.filter(threshold__kind="limit").values_list("author", "reason")
    assert set(found) == {(amy.pk, "Rolled out.")}


def test_what_is_wrong_is_told_with_file_and_line(file, capsys):
    file.write_text(TEXT.replace("limit: 48h", "limit: 48 parsecs"), encoding="utf-8")
    with pytest.raises(CommandError) as refused:
        call_command("import_thresholds", str(file))
    assert f"nothing was changed:\n{file}:24: kpis.complaint.latency" in str(refused.value)
    with pytest.raises(CommandError, match="there is no user 'nobody'"):
        call_command("import_thresholds", str(file), author="nobody")
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        call_command("import_thresholds", "none.yaml")
    with pytest.raises(CommandError, match="--topic: 'No'"):
        call_command("export_thresholds", topic="No")
    file.write_bytes(b"\xff")
    with pytest.raises(CommandError, match="is not UTF-8"):
        call_command("import_thresholds", str(file))
