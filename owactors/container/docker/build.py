"""Builds the packaged images and loads them: `python -m owactors.container.docker.build [FAMILY ...]`."""

from __future__ import annotations

import asyncio
import os
import sys

from owactors.container.docker.engine import Engine
from owactors.container.docker.errors import EngineError
from owactors.container.docker.images import ImageCannotBeBuilt, build, packaged_tags
from owactors.container.docker.settings import DEFAULT_HOST, DockerSettings
from owactors.container.port import WhiskContainerStartupError


async def load_images(host: str, families: list[str]) -> list[str]:
    """Build and load the images of `families` on the engine at `host`; their tags."""
    engine = Engine(DockerSettings(host))
    await engine.connect()
    loaded: list[str] = []
    try:
        for family in families:
            image = build(family, packaged_tags().get(family, ()))
            await engine.load(image.data)
            loaded += image.tags
    finally:
        engine.close()
    return loaded


def main(families: list[str]) -> int:
    """The exit code: 0, or 1 with one sentence on stderr."""
    host = os.environ.get("DOCKER_HOST", DEFAULT_HOST)
    try:
        for tag in asyncio.run(load_images(host, families or list(packaged_tags()))):
            print(tag)
    except (WhiskContainerStartupError, ImageCannotBeBuilt, EngineError) as error:
        print(f"images: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
