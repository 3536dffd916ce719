"""A Docker engine that is an object: it counts what it is asked, and fails where the test says so."""

from __future__ import annotations

import asyncio
from typing import Any

from attrs import define, field

from owactors.container.docker import container as docker_container
from owactors.container.docker.engine import Running
from owactors.container.docker.errors import EngineError
from owactors.container.docker.factory import DockerFactory
from owactors.container.docker.settings import DockerSettings
from owactors.container.port import ContainerSpec

ID = "0123456789abcdef" * 4


class Silence:
    """A stream of output on which nothing comes."""

    def close(self) -> None:
        """Nothing to close."""


class NoEvents:
    """Nothing is ever told unasked."""

    def start(self) -> None:
        """Nothing to listen to."""

    def stop(self) -> None:
        """Nothing to stop."""


@define(eq=False)
class FakeEngine:
    """Stands in for Engine. `failing`: what a call raises, by its name; a list is used up from the front."""

    settings: DockerSettings
    failing: dict[str, Any] = field(factory=dict)
    calls: list[str] = field(factory=list)
    specs: list[ContainerSpec] = field(factory=list)
    left: list[tuple[str, dict[str, str]]] = field(factory=list)
    state: Running = field(factory=lambda: Running(True, "127.0.0.1", 0, 0, False))
    gate: asyncio.Event | None = None
    mapped: bool = False
    limited: bool = False
    disk_limited: bool = False
    sizes: dict[str, int] = field(factory=dict)
    at_once: int = 0
    most_at_once: int = 0

    def count(self, call: str) -> int:
        """How often it was asked for this."""
        return self.calls.count(call)

    async def connect(self) -> str:
        """Always there."""
        return "fake"

    async def can_update(self) -> bool:
        """Limits can be changed."""
        return True

    async def maps_users(self) -> bool:
        """As the test says."""
        return self.mapped

    async def limits_disk(self, labels: Any) -> bool:
        """As the test says."""
        return self.limited

    async def written(self, id: str) -> int:
        """As the test says."""
        await self._asked("written")
        return self.sizes.get(id, 0)

    async def create(self, name: str, spec: ContainerSpec, labels: dict[str, str], **_: Any) -> str:
        """An id; the last four digits count."""
        self.specs.append(spec)
        await self._asked("create")
        return f"{ID[:60]}{len(self.specs):04x}"

    async def start(self, id: str) -> None:
        """Started, when the gate is open."""
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.gate is not None:
                await self.gate.wait()
            await self._asked("start")
        finally:
            self.at_once -= 1

    async def inspect(self, id: str) -> Running:
        """The state that the test set."""
        await self._asked("inspect")
        return self.state

    async def pull(self, image: str, credentials: Any = None, progress: Any = None) -> None:
        """Pulled, when the gate is open."""
        if self.gate is not None:
            await self.gate.wait()
        await self._asked("pull")

    async def pause(self, id: str) -> None:
        """Paused."""
        await self._asked("pause")

    async def unpause(self, id: str) -> None:
        """Unpaused."""
        await self._asked("unpause")

    async def remove(self, id: str) -> None:
        """Removed."""
        await self._asked("remove")
        self.left = [entry for entry in self.left if entry[0] != id]

    async def exists(self, id: str) -> bool:
        """Only what is left over."""
        return any(entry[0] == id for entry in self.left)

    async def has_image(self, image: str) -> bool:
        """No image is there before it was pulled, unless the test says so."""
        return bool(self.failing.get("has_image"))

    async def labelled(self, label: str) -> list[tuple[str, dict[str, str]]]:
        """What is left over."""
        return list(self.left)

    def close(self) -> None:
        """Nothing to close."""

    async def _asked(self, call: str) -> None:
        self.calls.append(call)
        planned = self.failing.get(call)
        failure = (planned.pop(0) if planned else None) if isinstance(planned, list) else planned
        if failure is not None:
            raise failure


def refusal(status: int, text: str) -> EngineError:
    """What the engine says."""
    return EngineError(status, text)


def factory_on(monkeypatch: Any, engine: FakeEngine) -> DockerFactory:
    """A factory on this engine, whose containers have no output."""

    async def no_stream(*_: Any, **__: Any) -> Silence:
        return Silence()

    monkeypatch.setattr(docker_container, "attach", no_stream)
    factory = DockerFactory(engine.settings)
    factory._engine = factory._pulls.engine = engine  # type: ignore[assignment]
    factory._events = NoEvents()  # type: ignore[assignment]
    return factory
