"""Which images are pulled, when, and what follows if that fails."""

from __future__ import annotations

import asyncio
import logging
from enum import Enum

from attrs import define, field

from owactors.container.docker.engine import Engine
from owactors.container.docker.errors import EngineError
from owactors.container.docker.naming import is_local, split_tag
from owactors.container.docker.settings import DockerSettings, PullPolicy
from owactors.container.port import BlackboxStartupError, ContainerSpec

LOG = logging.getLogger(__name__)
#: what an action may say of its image -> the setting it stands for, for this action
POLICIES: dict[str, PullPolicy] = {"always": "always", "ifnotpresent": "missing", "never": "never"}


class Pulled(Enum):
    """What came of the wish to have an image."""

    NOT_WANTED = "not wanted"
    DONE = "done"
    FAILED = "failed"  # but it may be there all the same


@define(eq=False)
class Pulls:
    """One pull of an image at a time, for all who want it."""

    engine: Engine
    settings: DockerSettings
    _running: dict[str, asyncio.Task[None]] = field(factory=dict)

    async def prepare(self, spec: ContainerSpec, image: str) -> Pulled:
        """Pull `image` if the action or else the settings want that. Raises BlackboxStartupError if it had to work."""
        policy = self.policy_for(spec)
        if not await self._wanted(spec, image, policy):
            return Pulled.NOT_WANTED
        try:
            await self.pull(image)
        except EngineError as error:
            if spec.user_provided_image and not _forgiven(image, policy):
                raise failed(image, error.text) from error
            LOG.info("pulling %s failed, perhaps it is there: %s", image, error.text)
            return Pulled.FAILED
        return Pulled.DONE

    def policy_for(self, spec: ContainerSpec) -> PullPolicy:
        """What holds for an image of the user's own. Raises BlackboxStartupError for a word that means nothing."""
        if not spec.pull_policy:
            return self.settings.pull
        policy = POLICIES.get(spec.pull_policy.lower())
        if policy is None:
            raise BlackboxStartupError(
                f"The action's annotation image-pull-policy is {spec.pull_policy!r}; "
                "it may be 'Always', 'IfNotPresent' or 'Never'."
            )
        return policy

    async def pull(self, image: str) -> None:
        """Pull it, or wait for who does already. Raises EngineError."""
        task = self._running.get(image)
        if task is None:
            task = self._running[image] = asyncio.ensure_future(self.engine.pull(image))
            task.add_done_callback(lambda _: self._running.pop(image, None))
        await asyncio.shield(task)

    async def _wanted(self, spec: ContainerSpec, image: str, policy: PullPolicy) -> bool:
        if is_local(spec.image, self.settings):
            return False
        if not spec.user_provided_image:
            return self.settings.pull_runtimes and not await self._is_there(image)
        if policy == "missing":
            return not await self._is_there(image)
        return policy != "never"

    async def _is_there(self, image: str) -> bool:
        try:
            return await self.engine.has_image(image)
        except EngineError:
            # Whatever is wrong with the engine, the creation will say it better.
            return True


def _forgiven(image: str, policy: PullPolicy) -> bool:
    return policy == "openwhisk" and split_tag(image)[1] not in (None, "latest")


def not_there(image: str) -> BlackboxStartupError:
    """The image is not on the engine, and nobody wanted it pulled."""
    return BlackboxStartupError(
        f"Image '{image}' is not on this host, and by the action's image-pull-policy or the setting docker.pull "
        "it is not pulled."
    )


def failed(image: str, why: str) -> BlackboxStartupError:
    """OpenWhisk's sentence, and the engine's reason."""
    return BlackboxStartupError(f"Failed to pull container image '{image}'. ({why})")
