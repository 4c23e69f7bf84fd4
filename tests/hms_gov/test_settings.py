"""The settings of a deployment: what Django's own check wants, and what health checks need."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ASK = """
import json
from django.core.management import call_command
import django
django.setup()
call_command("check", deploy=True, fail_level="DEBUG")  # raises whatever it finds
from django.test import Client
answers = [Client().get(path) for path in ("/accounts/login/", "/healthz")]
answers.append(Client().get("/accounts/login/", headers={"X-Forwarded-Proto": "https"}))
print(json.dumps([[a.status_code, a.get("Location"), a.get("Strict-Transport-Security")] for a in answers]))
"""


def test_behind_a_proxy_with_tls_nothing_is_left_to_say_and_http_is_sent_on(tmp_path):
    environment = os.environ | {
        "HTTPS": "1",
        "HMS_DATA_DIR": str(tmp_path),
        "ALLOWED_HOSTS": "testserver",
        "REDIS_URL": "redis://127.0.0.1:1/0",  # nobody asks it
        "DJANGO_SETTINGS_MODULE": "hms_gov.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", ASK], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    page, health, secure = json.loads(done.stdout.splitlines()[-1])
    assert page[:2] == [301, "https://testserver/accounts/login/"]
    assert health[0] == 200
    assert secure[0] == 200 and secure[2] == "max-age=31536000"
