"""Which images are pulled, when, and what follows if that fails."""

from __future__ import annotations

import asyncio
import logging

from attrs import define, field

from owactors.container.docker.engine import Engine, EngineError
from owactors.container.docker.naming import is_local, split_tag
from owactors.container.docker.settings import DockerSettings
from owactors.container.port import BlackboxStartupError, ContainerSpec

LOG = logging.getLogger(__name__)


@define(eq=False)
class Pulls:
    """One pull of an image at a time, for all who want it."""

    engine: Engine
    settings: DockerSettings
    _running: dict[str, asyncio.Task[None]] = field(factory=dict)

    async def prepare(self, spec: ContainerSpec, image: str) -> bool:
        """Pull `image` if the settings want that; False if it failed and may be there all the same.

        Raises BlackboxStartupError if it had to work.
        """
        if not await self._wanted(spec, image):
            return True
        try:
            await self.pull(image)
        except EngineError as error:
            if spec.user_provided_image and not self._forgiven(image):
                raise failed(image, error.text) from error
            LOG.info("pulling %s failed, perhaps it is there: %s", image, error.text)
            return False
        return True

    async def pull(self, image: str) -> None:
        """Pull it, or wait for who does already. Raises EngineError."""
        task = self._running.get(image)
        if task is None:
            task = self._running[image] = asyncio.ensure_future(self.engine.pull(image))
            task.add_done_callback(lambda _: self._running.pop(image, None))
        await asyncio.shield(task)

    async def _wanted(self, spec: ContainerSpec, image: str) -> bool:
        policy = self.settings.pull
        if is_local(spec.image, self.settings):
            return False
        if not spec.user_provided_image:
            return self.settings.pull_runtimes and not await self._is_there(image)
        if policy == "missing":
            return not await self._is_there(image)
        return policy != "never"

    def _forgiven(self, image: str) -> bool:
        return self.settings.pull == "openwhisk" and split_tag(image)[1] not in (None, "latest")

    async def _is_there(self, image: str) -> bool:
        try:
            return await self.engine.has_image(image)
        except EngineError:
            # Whatever is wrong with the engine, the creation will say it better.
            return True


def failed(image: str, why: str) -> BlackboxStartupError:
    """OpenWhisk's sentence, and the engine's reason."""
    return BlackboxStartupError(f"Failed to pull container image '{image}'. ({why})")
