"""How the first process of a container ended, in words. (OpenWhisk, ProcessRunner.scala.)"""

from __future__ import annotations

import signal

from attrs import frozen

BY_SIGNAL = 128
WORDS = {0: "successful", 126: "not executable", 127: "not found"}


@frozen
class Autopsy:
    """Why there is no answer: `exhausted` if memory was the reason; `ending` if it is known how the process ended.

    `used` and `allowed` are bytes of memory, None if unknown.
    """

    exhausted: bool = False
    used: int | None = None
    allowed: int | None = None
    ending: str = ""


def ending_of(code: int) -> str:
    """`exit code 3`, `signal 9 (KILL)`. `code`: negative or above 128 for who was killed."""
    number = -code if code < 0 else code - BY_SIGNAL if code > BY_SIGNAL else 0
    if number:
        try:
            return f"signal {number} ({signal.Signals(number).name.removeprefix('SIG')})"
        except ValueError:
            return f"signal {number}"
    known = WORDS.get(code)
    return f"exit code {code} ({known})" if known else f"exit code {code}"
