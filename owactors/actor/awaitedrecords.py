"""Read your writes: whoever has the answer of a call finds its record, though it comes from the invoker a moment later.

The answer of a blocking call is sent before its logs are collected. Until its record is kept, questions that would
show it wait for it, at most `patience` seconds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any

from owactors.store.port import ActivationStore, Json, Rows

PATIENCE = 2.0
Key = tuple[str, str]


class AwaitedRecords:
    """An activation store for the API that knows which records are on their way."""

    def __init__(self, store: ActivationStore, patience: float = PATIENCE) -> None:
        self._store, self._patience = store, patience
        #: namespace -> activation id -> until when it is waited for (seconds of the loop)
        self._expected: dict[str, dict[str, float]] = {}
        #: the same in order of these times, with some that have arrived
        self._order: deque[tuple[float, Key]] = deque()
        #: those that somebody waits for
        self._waited: dict[Key, asyncio.Future[None]] = {}

    # -- told by the controller

    def expect(self, namespace: str, activation_id: str) -> None:
        """A caller was given this activation's answer; its record will come."""
        now = asyncio.get_running_loop().time()
        while self._order and self._order[0][0] <= now:
            self.arrived((self._order.popleft()[1],))
        until = now + self._patience
        self._expected.setdefault(namespace, {})[activation_id] = until
        self._order.append((until, (namespace, activation_id)))

    def arrived(self, keys: Iterable[Key]) -> None:
        """These records, by namespace and id, are kept, or will never be."""
        for key in keys:
            namespace, activation_id = key
            there = self._expected.get(namespace)
            if there is not None:
                there.pop(activation_id, None)
                if not there:
                    del self._expected[namespace]
            future = self._waited.pop(key, None) if self._waited else None
            if future is not None and not future.done():
                future.set_result(None)

    async def _settled(self, namespace: str, activation_id: str | None = None) -> None:
        expected = self._expected.get(namespace)
        if not expected:
            return
        if activation_id is None:
            await asyncio.wait([self._wait_for(namespace, each, until) for each, until in expected.items()])
        elif activation_id in expected:
            await asyncio.wait([self._wait_for(namespace, activation_id, expected[activation_id])])

    def _wait_for(self, namespace: str, activation_id: str, until: float) -> asyncio.Future[None]:
        key, loop = (namespace, activation_id), asyncio.get_running_loop()
        future = self._waited.get(key)
        if future is None:
            future = self._waited[key] = loop.create_future()
            loop.call_later(max(0.0, until - loop.time()), self.arrived, (key,))
        return future

    # -- asked by the API

    async def accept(self, activation_id: str, namespace: str, message: bytes) -> None:
        """As ActivationStore.accept."""
        await self._store.accept(activation_id, namespace, message)

    async def store(self, record: Json) -> None:
        """As ActivationStore.store."""
        await self._store.store(record)

    async def get(self, namespace: str, activation_id: str) -> Json:
        """As ActivationStore.get."""
        await self._settled(namespace, activation_id)
        return await self._store.get(namespace, activation_id)

    async def list(self, namespace: str, **query: Any) -> Rows:
        """As ActivationStore.list."""
        await self._settled(namespace)
        return await self._store.list(namespace, **query)

    async def count(self, namespace: str, **query: Any) -> int:
        """As ActivationStore.count."""
        await self._settled(namespace)
        return await self._store.count(namespace, **query)
