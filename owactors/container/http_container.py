"""What sandbox and Docker containers have in common: /init and /run over HTTP, logs from two streams."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from owactors.container.ending import Autopsy
from owactors.container.exchanging import Exchanging
from owactors.container.http import Address, ContainerClient
from owactors.container.log_collector import LogCollector
from owactors.container.port import DEFAULT_LOG_LIMIT, DEFAULT_RESPONSE_LIMIT, Logs
from owactors.core.reply import (
    ConnectionFailed,
    ContainerReply,
    MemoryExhausted,
    NoResponseReceived,
    Outcome,
    RunResult,
    RunTimeout,
)
from owactors.core.response import used_and_allowed
from owactors.message.payload import json_bytes

MEMORY_EXIT = 122
"""The exit code with which a proxy says that its action ran out of memory (see owactors.runtime.launch)."""
CONCURRENT = "__OW_ALLOW_CONCURRENT"
"""In the environment of /init: calls may overlap, so the proxy should say which line belongs to which."""
CHILD_KILLED = "A process of the action was killed because the container exhausted its memory."
"""In the log, with what was used and allowed after it; the answer stands."""

REHEARSAL = 1.0
"""Seconds that a rehearsal may take."""
REPLY = 1024
"""Bytes of an answer that nobody reads."""


class HttpContainer:
    """A container with an HTTP address and a collector that its back end feeds."""

    backend = ""

    def __init__(self, id: str, address: Address) -> None:
        self.id = id
        self.kind = ""
        self.phases: Mapping[str, float] = {}
        self.memory: int | None = None
        self.client = ContainerClient(address)
        self.collector = LogCollector()
        self.doubtful = False
        self._in_flight = 0

    @property
    def address(self) -> str:
        """See Container."""
        return str(self.client.address)

    @property
    def busy(self) -> bool:
        """True while it is asked something."""
        return self._in_flight > 0

    async def rehearse(self) -> None:
        """See Container. A runtime that does not know this path has at least had a request, and has a connection."""
        await self.client.post("/rehearsal", b"{}", REHEARSAL, limit=REPLY, truncation=REPLY)

    async def initialize(self, body: Mapping[str, Any], timeout: float, max_concurrent: int = 1) -> RunResult:
        """See Container."""
        if max_concurrent > 1:
            body = _concurrent(body)
        return await self._exchange("/init", body, timeout, DEFAULT_RESPONSE_LIMIT, DEFAULT_RESPONSE_LIMIT, True)

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
        whose = (body.get("namespace", ""), body.get("action_name", ""))
        self.collector.begin(log_limit, body.get("activation_id", ""), max_concurrent > 1, *whose)
        if self.doubtful and not await self.still_there():
            self.client.retire()
        return await self._exchange("/run", body, timeout, response_limit, truncation_limit, False)

    def logs_at_hand(self, limit: int, activation_id: str) -> Logs | None:
        """See Container."""
        return self.collector.at_hand(limit, activation_id)

    async def logs(self, limit: int, wait_for_sentinel: bool, activation_id: str = "") -> Logs:
        """See Container."""
        self.drain()
        if not wait_for_sentinel:
            await self.settle()
        return await self.collector.collect(limit, wait_for_sentinel, activation_id)

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

    def child_killed(self) -> bool:
        """True if since the last question a process was killed for the container's memory."""
        return False

    def peak_memory(self) -> int | None:
        """The most bytes that were in use at once; None if nobody knows."""
        return None

    async def autopsy(self) -> Autopsy:
        """Why the answer is missing, as far as that can be found out at once."""
        return Autopsy()

    def kill(self) -> None:
        """Its time is up: kill every process, where that can be done at once. It will still be destroyed."""

    async def _exchange(
        self, path: str, body: Mapping[str, Any], timeout: float, limit: int, truncation: int, retry: bool
    ) -> RunResult:
        exchanging = Exchanging()
        self._in_flight += 1
        try:
            outcome = await self.client.post(
                path, encoded(body), timeout, limit=limit, truncation=truncation, retry=retry
            )
        finally:
            self._in_flight -= 1
        interval = exchanging.ended(outcome)
        self.drain()
        return RunResult(interval, await self._explained(outcome, body.get("activation_id", "")))

    async def _explained(self, outcome: Outcome, activation_id: str) -> Outcome:
        """The outcome with its reason; what a record's result does not say is said in its log."""
        if isinstance(outcome, RunTimeout):
            if not self.busy:
                self.kill()
        elif isinstance(outcome, ConnectionFailed | NoResponseReceived):
            return await self._post_mortem(outcome, activation_id)
        elif isinstance(outcome, ContainerReply) and self.child_killed():
            used = self.peak_memory()
            if not outcome.ok:
                return MemoryExhausted(used, self.memory)
            self.collector.remark(used_and_allowed(CHILD_KILLED, used, self.memory), activation_id)
        return outcome

    async def _post_mortem(self, outcome: ConnectionFailed | NoResponseReceived, activation_id: str) -> Outcome:
        found = await self.autopsy()
        if found.exhausted:
            return MemoryExhausted(found.used, found.allowed)
        if isinstance(outcome, ConnectionFailed) or not found.ending:
            return outcome
        self.collector.remark(f"The process of the action ended with {found.ending}.", activation_id)
        return NoResponseReceived(outcome.cause, found.ending)


def encoded(body: Mapping[str, Any]) -> bytes:
    """The JSON of a request body."""
    return json_bytes(body if type(body) is dict else dict(body))


def _concurrent(body: Mapping[str, Any]) -> Mapping[str, Any]:
    value = body.get("value") or {}
    return {**body, "value": {**value, "env": {**(value.get("env") or {}), CONCURRENT: "true"}}}


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
