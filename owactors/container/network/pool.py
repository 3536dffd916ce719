"""Wires that are ready before a sandbox wants one: making one takes milliseconds which no start should wait for."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable

from attrs import define, field

from owactors.container.network.namespaces import new_namespace
from owactors.container.network.private import PrivateNetwork, Wire

LOG = logging.getLogger(__name__)
READY = 4
"""Wires that wait; more starts than this at once make theirs themselves."""
Maker = Callable[[], Awaitable[int]]


async def own_maker() -> int:
    """A namespace made by this process."""
    return await asyncio.to_thread(new_namespace)


@define(eq=False)
class WirePool:
    """Hands out wires of one network. Those made for another maker than the one that asks are of no use to it."""

    network: PrivateNetwork
    _ready: list[Wire] = field(factory=list)
    _filling: asyncio.Task[None] | None = None
    _cutting: set[asyncio.Task[None]] = field(factory=set)
    _making: set[asyncio.Task[Wire]] = field(factory=set)
    _open: bool = True

    async def take(self, maker: object, make: Maker) -> Wire:
        """A wire whose namespace `maker` has made by `make`. Raises OSError."""
        while self._ready:
            wire = self._ready.pop()
            if wire.maker is maker:
                self._fill(maker, make)
                return wire
            self.give_back(wire)
        wire = await self._new(maker, make)
        self._fill(maker, make)
        return wire

    def give_back(self, wire: Wire) -> asyncio.Task[None]:
        """It is cut, and never used again. Cancelling who waits for it does not stop that."""
        task = asyncio.get_running_loop().create_task(asyncio.to_thread(self.network.cut, wire))
        self._cutting.add(task)
        task.add_done_callback(self._cutting.discard)
        return task

    def stop(self) -> None:
        """Nothing more is made ahead: who makes namespaces is about to end."""
        self._open = False

    async def close(self) -> None:
        """Cut those that wait, and remove the network. Wires that were handed out must be back."""
        self.stop()
        if self._filling is not None:
            await asyncio.wait({self._filling})
        while self._making:
            await asyncio.wait(self._making)
        for wire in self._ready:
            self.give_back(wire)
        self._ready.clear()
        await asyncio.gather(*self._cutting, return_exceptions=True)
        await asyncio.to_thread(self.network.close)

    def _fill(self, maker: object, make: Maker) -> None:
        if self._open and (self._filling is None or self._filling.done()):
            self._filling = asyncio.get_running_loop().create_task(self._fill_up(maker, make))

    async def _fill_up(self, maker: object, make: Maker) -> None:
        try:
            while self._open and len(self._ready) < READY:
                self._ready.append(await self._new(maker, make))
        except OSError as error:
            # The next one that is wanted says so aloud, if it is still so.
            LOG.debug("no network for a sandbox could be made ahead: %s", error)

    async def _new(self, maker: object, make: Maker) -> Wire:
        task = asyncio.ensure_future(self._made(maker, make))
        self._making.add(task)
        task.add_done_callback(self._making.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(self._unwanted)
            raise

    async def _made(self, maker: object, make: Maker) -> Wire:
        namespace = await make()
        try:
            return await asyncio.to_thread(self.network.wire, namespace, maker)
        except BaseException:
            os.close(namespace)
            raise

    def _unwanted(self, task: asyncio.Task[Wire]) -> None:
        if not task.cancelled() and task.exception() is None:
            self.give_back(task.result())
