"""Read your writes: whoever has the answer of a call finds its record, though it comes from the invoker a moment later.

The answer of a blocking call is sent before its logs are collected. Until its record is kept, questions that would
show it wait for it, at most `patience` seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from owactors.store.port import ActivationStore, Json, Rows

PATIENCE = 2.0


class AwaitedRecords:
    """An activation store for the API that knows which records are on their way."""

    def __init__(self, store: ActivationStore, patience: float = PATIENCE) -> None:
        self._store, self._patience = store, patience
        self._expected: dict[str, dict[str, asyncio.Future[None]]] = {}

    # -- told by the controller

    def expect(self, namespace: str, activation_id: str) -> None:
        """A caller was given this activation's answer; its record will come."""
        future = asyncio.get_running_loop().create_future()
        self._expected.setdefault(namespace, {})[activation_id] = future
        asyncio.get_running_loop().call_later(self._patience, self.arrived, [(namespace, activation_id)])

    def arrived(self, keys: Iterable[tuple[str, str]]) -> None:
        """These records, by namespace and id, are kept, or will never be."""
        for namespace, activation_id in keys:
            there = self._expected.get(namespace)
            future = there.pop(activation_id, None) if there else None
            if future is not None and not future.done():
                future.set_result(None)
            if there is not None and not there:
                self._expected.pop(namespace, None)

    async def _settled(self, namespace: str, activation_id: str | None = None) -> None:
        expected = self._expected.get(namespace)
        if not expected:
            return
        if activation_id is None:
            await asyncio.wait(list(expected.values()))
        elif activation_id in expected:
            await asyncio.wait([expected[activation_id]])

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
