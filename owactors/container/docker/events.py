"""What the engine tells unasked: which of our containers died, and which had a process killed for its memory."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

from attrs import define

LOG = logging.getLogger(__name__)
PAUSE = 0.5
"""Seconds between tries to listen again while the engine is away."""
LONGEST = 1 << 20


@define(eq=False)
class EngineEvents:
    """Listens until stopped. `died(id, exit code)`, `out_of_memory(id)`; `lost()` when events may have been missed."""

    host: str
    label: str
    died: Callable[[str, int], None]
    out_of_memory: Callable[[str], None]
    lost: Callable[[], None]
    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen."""
        self._task = asyncio.get_running_loop().create_task(self._listen())

    def stop(self) -> None:
        """Listen no more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _listen(self) -> None:
        while True:
            try:
                await self._read()
            except (OSError, ValueError, asyncio.IncompleteReadError) as error:
                LOG.debug("events of the engine at %s: %s", self.host, error)
            await asyncio.sleep(PAUSE)
            self.lost()

    async def _read(self) -> None:
        """Read one stream to its end."""
        address = urlsplit(self.host)
        if address.scheme == "unix":
            reader, writer = await asyncio.open_unix_connection(address.path, limit=LONGEST)
        else:
            host, port = address.hostname or "127.0.0.1", address.port or 2375
            reader, writer = await asyncio.open_connection(host, port, limit=LONGEST)
        try:
            filters = {"type": ["container"], "event": ["die", "oom"], "label": [self.label]}
            # The old version of HTTP, in which an answer without length is not cut into chunks.
            writer.write(f"GET /events?filters={quote(json.dumps(filters))} HTTP/1.0\r\n\r\n".encode())
            status = (await reader.readline()).split(b" ")
            if len(status) < 2 or status[1] != b"200":
                raise ValueError(f"the engine answered {status}")
            while await reader.readline() not in (b"\r\n", b""):
                pass
            while line := await reader.readline():
                self._take(json.loads(line))
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _take(self, event: dict[str, Any]) -> None:
        id = event.get("id") or event.get("Actor", {}).get("ID", "")
        action = event.get("status") or event.get("Action")
        if action == "oom":
            self.out_of_memory(id)
        elif action in ("die", "died"):
            told = event.get("Actor", {}).get("Attributes", {})
            # Podman's name for it is another one.
            code = told.get("exitCode", told.get("containerExitCode", "0"))
            self.died(id, int(code) if str(code).isdigit() else 0)
