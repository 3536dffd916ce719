"""The page about state machines is what the tables say."""

import importlib.util
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "pages.py"


def test_the_page_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("pages", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    pages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pages)
    assert pages.PAGE.read_text() == pages.page(), "run: .venv/bin/python scripts/pages.py"
