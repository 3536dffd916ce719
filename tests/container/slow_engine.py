"""Stands between us and a real engine, and keeps some of its answers to itself: what was asked happens all the same."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

CHUNK = 1 << 16


@asynccontextmanager
async def swallowing(host: str, folder: Path, asked: str) -> AsyncIterator[str]:
    """The address of a go-between that lets every request through, and no answer to those that match `asked`."""
    path = str(folder / "slow.sock")
    pattern = re.compile(asked.encode())
    links: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        links.add(task)
        silent = asyncio.Event()
        beyond_reader, beyond_writer = await asyncio.open_unix_connection(urlsplit(host).path)
        back = asyncio.ensure_future(_answers(beyond_reader, writer, silent))
        try:
            while data := await reader.read(CHUNK):
                if pattern.match(data):
                    silent.set()
                beyond_writer.write(data)
                await beyond_writer.drain()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            back.cancel()
            writer.close()
            beyond_writer.close()
            links.discard(task)

    server = await asyncio.start_unix_server(serve, path)
    try:
        yield f"unix://{path}"
    finally:
        server.close()
        for link in list(links):
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)


async def _answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, silent: asyncio.Event) -> None:
    while data := await reader.read(CHUNK):
        if not silent.is_set():
            writer.write(data)
            await writer.drain()
    writer.close()
