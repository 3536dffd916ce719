"""The container factory of this process, for actors that were given its settings instead of itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Any

from owactors.container.port import ContainerFactory, StartReport, WhiskContainerStartupError

Build = Callable[[Any], ContainerFactory]


class Factories:
    """One started factory per settings value. `build` is set once by whoever composes the process."""

    def __init__(self, build: Build | None = None) -> None:
        self.build = build
        self._started: dict[Hashable, asyncio.Task[ContainerFactory]] = {}
        #: what each factory found when it started
        self.reports: dict[Hashable, StartReport] = {}

    async def get(self, settings: Hashable) -> ContainerFactory:
        """The factory for these settings, started. Raises WhiskContainerStartupError; the next call tries again."""
        task = self._started.get(settings)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._started[settings] = asyncio.ensure_future(self._start(settings))
        return await asyncio.shield(task)

    async def _start(self, settings: Hashable) -> ContainerFactory:
        if self.build is None:
            raise WhiskContainerStartupError("this process does not know how to build a container factory")
        factory = self.build(settings)
        self.reports[settings] = await factory.start()
        return factory

    async def close(self) -> None:
        """Close every factory that was started."""
        tasks, self._started = list(self._started.values()), {}
        for task in tasks:
            if task.done() and not task.cancelled() and task.exception() is None:
                await task.result().close()
            else:
                task.cancel()


#: of this process
FACTORIES = Factories()
