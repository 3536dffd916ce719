"""What sandbox and Docker containers have in common: /init and /run over HTTP, logs from two streams."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from owactors.container.http import Address, ContainerClient
from owactors.container.log_collector import LogCollector
from owactors.container.port import DEFAULT_LOG_LIMIT, DEFAULT_RESPONSE_LIMIT, Logs
from owactors.core.reply import (
    ConnectionFailed,
    ContainerReply,
    Interval,
    MemoryExhausted,
    NoResponseReceived,
    Outcome,
    RunResult,
    RunTimeout,
)

MEMORY_EXIT = 122
"""The exit code with which a proxy says that its action ran out of memory (see owactors.runtime.launch)."""


class HttpContainer:
    """A container with an HTTP address and a collector that its back end feeds."""

    backend = ""

    def __init__(self, id: str, address: Address) -> None:
        self.id = id
        self.kind = ""
        self.phases: Mapping[str, float] = {}
        self.client = ContainerClient(address)
        self.collector = LogCollector()
        self.doubtful = False

    @property
    def address(self) -> str:
        """See Container."""
        return str(self.client.address)

    async def initialize(self, body: Mapping[str, Any], timeout: float, max_concurrent: int = 1) -> RunResult:
        """See Container."""
        limit = DEFAULT_RESPONSE_LIMIT
        started = time.time_ns()
        outcome = await self.client.post("/init", encoded(body), timeout, limit=limit, truncation=limit, retry=True)
        return await self._result(started, outcome)

    async def run(
        self,
        body: Mapping[str, Any],
        timeout: float,
        max_concurrent: int = 1,
        *,
        response_limit: int = DEFAULT_RESPONSE_LIMIT,
        truncation_limit: int = DEFAULT_RESPONSE_LIMIT,
        log_limit: int = DEFAULT_LOG_LIMIT,
    ) -> RunResult:
        """See Container."""
        self.drain()
        self.collector.begin(log_limit)
        started = time.time_ns()
        if self.doubtful and not await self.still_there():
            self.client.retire()
        outcome = await self.client.post(
            "/run", encoded(body), timeout, limit=response_limit, truncation=truncation_limit
        )
        return await self._result(started, outcome)

    async def logs(self, limit: int, wait_for_sentinel: bool) -> Logs:
        """See Container."""
        self.drain()
        if not wait_for_sentinel:
            await self.settle()
        return await self.collector.collect(limit, wait_for_sentinel)

    async def ping(self) -> bool:
        """See Container."""
        return await self.client.ping()

    def drain(self) -> None:
        """Take what the container has printed so far, where that can be done at once."""

    async def still_there(self) -> bool:
        """Asked before a run while `doubtful`: whether the address is still this container's."""
        return True

    async def settle(self) -> None:
        """Give output that is still on its way a moment to arrive, where it is not taken by `drain`."""

    async def out_of_memory(self, broken: bool) -> bool:
        """True if a process of the container was killed for its memory. `broken`: the answer is missing."""
        return False

    async def _result(self, started: int, outcome: Outcome) -> RunResult:
        interval = _interval(started, outcome)
        self.drain()
        broken = isinstance(outcome, ConnectionFailed | NoResponseReceived)
        refused = isinstance(outcome, ContainerReply) and not outcome.ok
        if (broken or refused) and await self.out_of_memory(broken):
            return RunResult(interval, MemoryExhausted())
        return RunResult(interval, outcome)


def encoded(body: Mapping[str, Any]) -> bytes:
    """The JSON of a request body."""
    return orjson.dumps(body if type(body) is dict else dict(body))


def _interval(started: int, outcome: Outcome) -> Interval:
    start, end = started // 1_000_000, time.time_ns() // 1_000_000
    if isinstance(outcome, RunTimeout):
        end = max(end, start + math.ceil(outcome.seconds * 1000))
    return Interval(start, end)


class Stopwatch:
    """Measures the parts of something, one after the other: `lap(name)` ends one. Seconds, in `laps`."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """What went on since the lap before was `name`."""
        now = time.perf_counter()
        self.laps[name] = now - self._last
        self._last = now


async def until(condition: Callable[[], bool], seconds: float, pause: float = 0.005) -> bool:
    """Ask `condition()` until it is true; False after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        await asyncio.sleep(pause)
    return True
