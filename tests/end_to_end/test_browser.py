"""A page that is a web action, seen with a real browser."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.nodes import LiveNode

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]
SERVICES = Path(__file__).resolve().parents[2] / "scripts" / "services"
PAGE = """
def main(args):
    name = args.get('name', 'nobody')
    script = "document.getElementById('made').textContent = 'made by ' + 'the browser'"
    return {
        'headers': {'Content-Type': 'text/html; charset=utf-8'},
        'body': f"<!doctype html><title>Grüße</title><h1>Hello {name} ✓</h1><p id=made></p><script>{script}</script>",
    }
"""


@pytest.fixture(scope="module")
def browser() -> str:
    started = subprocess.run([SERVICES, "start", "browser"], capture_output=True, text=True, timeout=500)
    if started.returncode != 0:
        reason = f"no browser here: {started.stderr.strip().splitlines()[-1]}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return started.stdout.strip().splitlines()[-1]


def test_a_page_with_script_and_unicode(browser: str, node: LiveNode, tmp_path: Path) -> None:
    body = {"exec": {"kind": "python:default", "code": PAGE}, "annotations": [{"key": "web-export", "value": True}]}
    assert node.api("PUT", "/actions/page?overwrite=true", body).status == 200
    url = f"{node.url}/api/v1/web/guest/default/page?name=Ada"
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}", *quiet]
    shown = subprocess.run([*command, "--dump-dom", url], capture_output=True, text=True, timeout=90)
    assert "Hello Ada ✓" in shown.stdout, shown.stderr[-2000:]
    assert "made by the browser" in shown.stdout
    assert "<title>Grüße</title>" in shown.stdout
