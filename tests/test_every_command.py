"""Each command in a fresh clone, before `migrate`: one line that says what to do, and no traceback."""

import re

import pytest
from django.core.management import CommandError, call_command, get_commands
from django.db import connection

pytestmark = pytest.mark.django_db
OURS = ("metrics_app", "pipelines_app", "hms_gov", "hms_gov.joins")
RULE = "--topic er.wait --aggregate mean --window 1800 --operator gt --limit 1"
CALLS = {
    "archive": "",
    "backtest": "1 --csv {points}",
    "backtest of history": f"{RULE} --from -3600",
    "compact_history": "",
    "emit": "er.wait 1",
    "export_audit": "",
    "export_history": "er.wait",
    "export_thresholds": "",
    "import_points": "{points}",
    "import_thresholds": "{rules}",
    "seed_demo": "--credentials {new}",
    "stop_actions": "--reason audit",
    "verify_audit": "",
    "watch_process": "",
}
# That need no table, ask for migrations themselves, or only tell of what they find.
OTHERS = {"backup", "build_assets", "check_ready", "collect", "demo", "doctor", "move_database"}
OTHERS |= {"prepare_demo", "replay", "restore", "run", "simulate_traffic", "test_thresholds"}
OTHERS |= {"wait_until_ready"}
FILES = {
    "points": "topic,ts,value\ner.wait,1772582400000,1\n",
    "rules": "kpis:\n  er.wait:\n    thresholds: []\n",
}
TABLES = re.compile(r'"(metrics_app|pipelines_app|hms_gov|auth)_')


def lose_tables(execute, sql, params, many, context):
    """Asks for tables that are not there."""
    return execute(TABLES.sub(r'"gone_\1_', sql), params, many, context)


@pytest.mark.parametrize("call", CALLS)
def test_without_tables_it_says_in_one_line_to_migrate(tmp_path, settings, call):
    # Where KPIs are made on first sight, points are taken without asking the database.
    settings.METRICS_APP = settings.METRICS_APP | {"AUTO_CREATE_KPIS": False}
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    files = {name: tmp_path / name for name in (*FILES, "new")}
    with connection.execute_wrapper(lose_tables), pytest.raises(CommandError) as caught:
        call_command(call.split()[0], *CALLS[call].format(**files).split())
    said = str(caught.value)
    assert said.startswith(f"{call.split()[0]} needs the database") and "\n" not in said
    assert "gone_" in said and said.endswith("run `manage.py migrate` first.")


def test_each_command_is_walked_or_needs_no_table():
    ours = {name for name, app in get_commands().items() if app in OURS}
    assert ours == {call.split()[0] for call in CALLS} | OTHERS
