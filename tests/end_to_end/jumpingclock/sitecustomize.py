"""On the path of a node under test: its wall clock is wrong by as many seconds as the file JUMPING_CLOCK says."""

import os
import time

_FILE = os.environ.get("JUMPING_CLOCK", "")
_right, _right_ns = time.time, time.time_ns


def _wrong_by() -> float:
    try:
        with open(_FILE) as file:
            return float(file.read() or 0)
    except OSError:
        return 0.0


if _FILE:
    time.time = lambda: _right() + _wrong_by()
    time.time_ns = lambda: _right_ns() + int(_wrong_by() * 1e9)
