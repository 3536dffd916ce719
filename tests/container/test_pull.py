"""Images that a real engine pulls from a registry."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

from owactors.container.docker.factory import DockerFactory
from owactors.container.docker.images import build
from owactors.container.port import BlackboxStartupError, Container, ContainerFactory
from tests.container.backends import PATIENCE, body_of, docker, init_body, run_body, scenario
from tests.container.registry import Registry, registry

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]
SCRIPT = "#!/bin/sh\necho '{\"ran\": true}'\n"


@pytest.fixture
def box() -> Iterator[Registry]:
    """A registry with an image that runs shell scripts."""
    with registry(build("native", ()).data) as served:
        yield served


async def made(factory: ContainerFactory, box: Registry, policy: str) -> Container:
    """A container of the image; it runs a script."""
    spec = docker("").spec("native:1", image=box.image, user_provided_image=True, pull_policy=policy)
    container = await factory.create(spec)
    await container.initialize(init_body(SCRIPT), PATIENCE)
    assert json.loads(body_of(await container.run(run_body(), PATIENCE)).body) == {"ran": True}
    return container


def test_when_an_action_has_its_image_pulled(
    engine: str, folder: Path, box: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    """Never before it is there; then once, or each time, as it says. The log says how far a pull has come."""

    async def play(factory: ContainerFactory) -> None:
        assert isinstance(factory, DockerFactory)
        with pytest.raises(BlackboxStartupError, match="is not on this host"):
            await made(factory, box, "Never")
        assert box.asked == []
        try:
            assert (await made(factory, box, "IfNotPresent")).phases["pull"] > 0
            once = box.pulls
            assert once > 0
            for policy in ("IfNotPresent", "Never"):
                assert "pull" not in (await made(factory, box, policy)).phases
            assert box.pulls == once
            assert "pull" in (await made(factory, box, "Always")).phases
            assert box.pulls > once
        finally:
            await factory._engine._call(lambda: factory._engine._api.remove_image(box.image, force=True))

    with caplog.at_level(logging.INFO):
        scenario(docker(engine, pull="never"), folder, play)
    assert f"pulling {box.image}" in caplog.text
    assert "1 of 1 layers, " in caplog.text


def test_an_image_that_its_registry_has_not(engine: str, folder: Path, box: Registry) -> None:
    """The engine's reason is told."""

    async def play(factory: ContainerFactory) -> None:
        spec = docker("").spec("native:1", image=box.image, user_provided_image=True)
        with pytest.raises(BlackboxStartupError, match=r"Failed to pull container image .*box:2"):
            await factory.create(evolve(spec, image=box.image.replace(":1", ":2")))

    scenario(docker(engine, pull="missing"), folder, play)
