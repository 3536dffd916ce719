"""The making of a container, which may be given up before it has come to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from attrs import define

from owactors.container.port import Container


class GivenUp(Exception):
    """The container is not wanted any more, and nothing of it is left."""


@define(eq=False)
class Creation:
    """Its methods may be called in different threads: on some bases an actor's coroutines have one of their own."""

    _given_up: bool = False
    _stop: Callable[[], object] | None = None

    @property
    def given_up(self) -> bool:
        """True once nobody wants it any more."""
        return self._given_up

    def give_up(self) -> None:
        """`of` ends with GivenUp as soon as what was begun is undone, or with its container if that is ready."""
        self._given_up = True
        if self._stop is not None:
            self._stop()

    async def of(self, work: Coroutine[Any, Any, Container]) -> Container:
        """What a factory makes. Raises GivenUp."""
        loop, making = asyncio.get_running_loop(), asyncio.ensure_future(work)
        stopped = False

        def stop() -> None:
            nonlocal stopped
            if not stopped:  # a second time it would end the undoing
                stopped = True
                making.cancel()

        self._stop = lambda: loop.call_soon_threadsafe(stop)
        if self._given_up:
            stop()
        try:
            return await making
        except asyncio.CancelledError:
            if stopped:
                raise GivenUp from None
            raise
        finally:
            self._stop = None
