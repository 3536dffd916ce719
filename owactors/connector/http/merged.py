"""A consumer of what came to this process itself over HTTP, and of what the broker has for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from attrs import evolve

from owactors.connector.memory.consumer import MemoryConsumer
from owactors.connector.port import DIRECT, BrokerUnavailable, ConnectorClosed, Consumer, Record

Poll = asyncio.Task[list[Record]]
#: after trouble with the broker this long passes at most
REST = 0.5
#: seconds of a poll of the broker that a commit may have to wait for
MOMENT = 0.02


class MergedConsumer:
    """See `owactors.connector.port.Consumer`. While the broker is away it goes on with what comes itself.

    A poll of the broker that waits is left waiting when something else came, and asked again by the next peek. While
    records of the broker are not committed it is polled for moments only: a commit waits for a poll no longer than
    that, and when it returns it is through, so that nobody else can claim them.
    """

    def __init__(
        self, direct: MemoryConsumer, base: Consumer, forget: Callable[[], None], comes_here: Callable[[], bool]
    ) -> None:
        """`comes_here`: whether anything of the topic can come to this process itself."""
        self._direct, self._base, self._forget, self._comes_here = direct, base, forget, comes_here
        self._direct_poll: Poll | None = None
        self._base_poll: Poll | None = None
        #: read and waiting; handed out and not committed
        self._came: deque[Record] = deque()
        self._handed: deque[Record] = deque()
        #: records of the broker that are not committed
        self._uncommitted = 0
        self._closed = False

    @property
    def topic(self) -> str:
        """What is read."""
        return self._base.topic

    @property
    def group(self) -> str:
        """The group whose member this is."""
        return self._base.group

    @property
    def max_peek(self) -> int:
        """Records of one peek at most."""
        return self._base.max_peek

    async def peek(self, max_records: int | None = None, timeout: float = 0.5) -> list[Record]:
        """Wherever they come from; those of the broker are not kept waiting by the others."""
        self._check()
        count = min(max_records or self.max_peek, self.max_peek)
        if not self._came and not self._comes_here():
            self._take_over(await self._base.peek(count, timeout))
        elif not self._came:
            await self._gather(count, timeout)
        taken = [self._came.popleft() for _ in range(min(count, len(self._came)))]
        self._handed.extend(taken)
        return taken

    async def _gather(self, count: int, timeout: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            await self._begin(count, timeout)
            remaining = deadline - loop.time()
            if self._came or remaining <= 0:
                return
            polls = [poll for poll in (self._base_poll, self._direct_poll) if poll is not None]
            await asyncio.wait(polls, timeout=remaining, return_when=asyncio.FIRST_COMPLETED)
            self._collect()

    async def _begin(self, count: int, timeout: float) -> None:
        """Takes what is there at once; else a poll of each is under way."""
        self._collect()
        if self._base_poll is None and not (self._came and self._uncommitted):
            self._base_poll = _task(self._poll_base(count, min(timeout, MOMENT) if self._uncommitted else timeout))
            if timeout <= 0:
                await asyncio.wait([self._base_poll])
                self._collect()
        if not self._came and self._direct_poll is None:
            self._came.extend(_marked(await self._direct.peek(count, 0)))
        if not self._came and self._direct_poll is None and timeout > 0:
            self._direct_poll = _task(self._direct.peek(count, timeout))

    async def _poll_base(self, count: int, timeout: float) -> list[Record]:
        """While the broker is away, nothing, after a while."""
        try:
            return await self._base.peek(count, timeout)
        except BrokerUnavailable:
            await asyncio.sleep(min(timeout, REST))
            return []

    def _collect(self) -> None:
        """Takes over what polls have brought; raises what they raised."""
        base, direct = self._base_poll, self._direct_poll
        if direct is not None and direct.done():
            self._direct_poll = None
            self._came.extend(_marked(direct.result()))
        if base is not None and base.done():
            self._base_poll = None
            self._take_over(base.result())

    def _take_over(self, records: list[Record]) -> None:
        self._came.extend(records)
        self._uncommitted += len(records)

    async def commit(self, upto: Record | None = None) -> None:
        """Of both. If that of the broker's part fails, what came itself counts as unread as well."""
        self._check()
        if self._comes_here():
            self._direct.check()
        if self._uncommitted:
            await self._end_of_poll()
        done: list[Record] = []
        while self._handed:
            done.append(self._handed.popleft())
            if done[-1] is upto:
                break
        own = [record for record in done if record.partition == DIRECT]
        others = [record for record in done if record.partition != DIRECT]
        if others:
            await self._commit_base(others, own)
        if own:
            await self._direct.commit(own[-1])
            self._forget()

    async def _end_of_poll(self) -> None:
        """What it brings is read before the commit: if that fails, it comes again like all the rest."""
        if self._base_poll is not None:
            await asyncio.wait([self._base_poll])
            self._collect()

    async def _commit_base(self, records: list[Record], own: list[Record]) -> None:
        try:
            await self._base.commit(records[-1])
            self._uncommitted -= len(records)
        except BaseException:
            self._uncommitted = 0
            waiting = [record for record in (*self._handed, *self._came) if record.partition == DIRECT]
            self._handed.clear()
            self._came = deque([*own, *waiting])
            raise

    async def lag(self) -> int:
        """Of both together."""
        self._check()
        own = await self._direct.lag() if self._comes_here() else 0
        return own + await self._base.lag() + len(self._came)

    async def close(self) -> None:
        """Leaves both groups; a peek that waits ends."""
        self._closed = True
        await self._direct.close()
        await self._base.close()

    def _check(self) -> None:
        if self._closed:
            raise ConnectorClosed(f"the consumer of {self.topic} is closed")


def _task(coroutine: Coroutine[Any, Any, list[Record]]) -> Poll:
    """A poll whose error counts as seen, also if nobody asks for it any more."""
    task: Poll = asyncio.get_running_loop().create_task(coroutine)
    task.add_done_callback(_seen)
    return task


def _marked(records: list[Record]) -> list[Record]:
    return [evolve(record, partition=DIRECT) for record in records]


def _seen(poll: Poll) -> None:
    if not poll.cancelled():
        poll.exception()
