"""The proxies' JSON is that of the package `json`."""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owactors.runtime import LAUNCH_FOLDER

SPEC = importlib.util.spec_from_file_location("quickjson", LAUNCH_FOLDER / "quickjson.py")
assert SPEC is not None
assert SPEC.loader is not None
quickjson: Any = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(quickjson)

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(VALUES)
def test_values_survive(value: Any) -> None:
    """Written and read back, and written as `json` does."""
    text = quickjson.dumps(value)
    assert text == json.dumps(value, ensure_ascii=False)
    data = json.dumps(value, indent=1).encode()
    assert quickjson.loads(data) == value


@given(st.text(alphabet='{}[],:"0123456789.eE+-truefalsn \\\n\tNaI', max_size=12))
def test_what_is_refused(text: str) -> None:
    """The same texts as `json` refuses."""
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError):
            quickjson.loads(text.encode())
    else:
        found = quickjson.loads(text.encode())
        assert found == expected or (isinstance(found, float) and math.isnan(found)) or repr(found) == repr(expected)


@pytest.mark.parametrize("value", [{1}, {"x": float("nan")}, {"x": object()}, float("inf")])
def test_what_cannot_be_said(value: Any) -> None:
    """The same errors."""
    with pytest.raises((TypeError, ValueError)) as error:
        quickjson.dumps(value)
    with pytest.raises(error.type):
        json.dumps(value, allow_nan=False)


def test_circles() -> None:
    """Noticed, and forgotten afterwards."""
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ValueError):
        quickjson.dumps(circle)
    assert quickjson.dumps([1]) == "[1]"


def test_package_is_not_imported() -> None:
    """Which is the point."""
    program = "import sys; sys.path.insert(0, sys.argv[1]); import quickjson; print('json' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", program, str(LAUNCH_FOLDER)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
