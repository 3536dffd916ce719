"""What someone reads who has not installed the extra."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("missing", ["kafka", "crc32c"])
def test_a_missing_library_is_one_clear_sentence(missing: str) -> None:
    code = f"import sys; sys.modules['{missing}'] = None; import owactors.connector.kafka"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip().splitlines()[-1] == (
        f"ImportError: The Kafka connector needs the package {missing}: pip install 'owactors[kafka]'"
    )


def test_the_rest_of_the_connector_does_without() -> None:
    code = "import sys; sys.modules['kafka'] = None; import owactors.connector.memory.provider"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
