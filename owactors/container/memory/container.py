"""A container that is an object of this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from owactors.container.exchanging import Exchanging
from owactors.container.log_collector import MARK, STDERR, STDOUT, LogCollector
from owactors.container.memory.action import Answer, ContainerDied, Function, MemoryAction, MemoryGone
from owactors.container.port import DEFAULT_LOG_LIMIT, DEFAULT_RESPONSE_LIMIT, ContainerError, Logs
from owactors.core.reply import (
    ConnectionFailed,
    ContainerReply,
    MemoryExhausted,
    NoResponseReceived,
    Outcome,
    RunResult,
    RunTimeout,
)


class MemoryContainer:
    """See Container. `forget` is called when it is destroyed, `resized` with its new memory (bytes)."""

    backend = "memory"
    phases: Mapping[str, float] = MappingProxyType({})

    def __init__(
        self,
        id: str,
        functions: Mapping[str, Function],
        forget: Callable[[MemoryContainer], None],
        resized: Callable[[MemoryContainer, int], None] = lambda container, memory: None,
    ) -> None:
        self.id = id
        self.kind = ""
        self.suspended = False
        self.alive = True
        self._forget, self._resized = forget, resized
        self._collector = LogCollector()
        self._action = MemoryAction(functions, self._write)
        self._thawed = asyncio.Event()
        self._thawed.set()
        self._gone = asyncio.Event()

    @property
    def address(self) -> str:
        """See Container."""
        return f"memory:{self.id}"

    async def rehearse(self) -> None:
        """See Container; there is nothing to load."""

    async def initialize(self, body: Mapping[str, Any], timeout: float, max_concurrent: int = 1) -> RunResult:
        """See Container."""

        async def init() -> Answer:
            return self._action.init(body)

        limit = DEFAULT_RESPONSE_LIMIT
        return await self._exchange(init, timeout, limit, limit)

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
        whose = (body.get("namespace", ""), body.get("action_name", ""))
        self._collector.begin(log_limit, body.get("activation_id", ""), False, *whose)

        async def run() -> Answer:
            answer = await self._action.run(body)
            for stream in (STDOUT, STDERR):
                self._collector.receive(stream, MARK + b"\n")
            return answer

        return await self._exchange(run, timeout, response_limit, truncation_limit)

    async def suspend(self) -> None:
        """See Container."""
        self._must_live()
        self.suspended = True
        self._thawed.clear()

    async def resume(self) -> None:
        """See Container."""
        self._must_live()
        self.suspended = False
        self._thawed.set()

    async def resize(self, memory: int, cpu_shares: int = 0, cpu_limit: float | None = None) -> None:
        """See Container."""
        self._must_live()
        self._resized(self, memory)

    async def destroy(self) -> None:
        """See Container."""
        self.die()
        self._forget(self)

    def logs_at_hand(self, limit: int, activation_id: str) -> Logs | None:
        """See Container."""
        return self._collector.at_hand(limit, activation_id)

    async def logs(self, limit: int, wait_for_sentinel: bool, activation_id: str = "") -> Logs:
        """See Container."""
        return await self._collector.collect(limit, wait_for_sentinel, activation_id)

    async def ping(self) -> bool:
        """See Container."""
        return self.alive

    def die(self) -> None:
        """What a kill from outside does: requests in flight and all later ones get no answer."""
        self.alive = False
        self._gone.set()
        self._collector.end_of_stream(STDOUT)
        self._collector.end_of_stream(STDERR)

    def _must_live(self) -> None:
        if not self.alive:
            raise ContainerError(f"container {self.id} is dead")

    def _write(self, stream: int, text: str) -> None:
        self._collector.receive(stream, text.encode())

    async def _exchange(self, work: Callable[[], Any], timeout: float, limit: int, truncation: int) -> RunResult:
        exchanging = Exchanging()
        outcome = await self._outcome(work, timeout, limit, truncation)
        return RunResult(exchanging.ended(outcome), outcome)

    async def _outcome(self, work: Callable[[], Any], timeout: float, limit: int, truncation: int) -> Outcome:
        if not self.alive:
            return ConnectionFailed(f"container {self.id} is dead")
        task = asyncio.ensure_future(self._when_thawed(work))
        gone = asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait({task, gone}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                return NoResponseReceived("the container was killed") if gone.done() else RunTimeout(timeout)
            return _reply(task.result(), limit, truncation)
        except (MemoryGone, MemoryError):
            self.die()
            return MemoryExhausted()
        except ContainerDied:
            self.die()
            return NoResponseReceived("the action's process ended")
        finally:
            task.cancel()
            gone.cancel()

    async def _when_thawed(self, work: Callable[[], Any]) -> Any:
        await self._thawed.wait()
        return await work()


def _reply(answer: Answer, limit: int, truncation: int) -> ContainerReply:
    status, value = answer
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return ContainerReply(status, body[: truncation if len(body) > limit else limit], len(body), limit)
