"""How tests end."""

from __future__ import annotations

import os
import signal
import time


def test_what_was_forked_ends_by_itself() -> None:
    """By the signal, and not as the session would, with the end of all services."""
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(0)
    time.sleep(0.1)
    os.kill(pid, signal.SIGTERM)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGTERM
