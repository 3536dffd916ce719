"""Names of images: registry, prefix, name, tag. (OpenWhisk, ExecManifest.scala, ImageName.)"""

from __future__ import annotations

from owactors.container.docker.settings import DockerSettings
from owactors.container.port import ContainerSpec


def split_tag(image: str) -> tuple[str, str | None]:
    """Name and tag of an image name; a port in the registry is no tag."""
    head, slash, last = image.rpartition("/")
    name, _, tag = last.partition(":")
    return f"{head}{slash}{name}", tag or None


def has_registry(image: str) -> bool:
    """True if the name begins with a host, as `ghcr.io/a/b`, `localhost/a`, `host:5000/a` do."""
    first, slash, _ = image.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost")


def prefix_of(image: str) -> str:
    """What stands before the name, without the registry; empty if nothing does."""
    parts = image.split("/")[:-1]
    return "/".join(parts[1:] if has_registry(image) else parts)


def resolved(spec: ContainerSpec, settings: DockerSettings) -> str:
    """The image with the registry that is meant for it."""
    registry = settings.user_images_registry if spec.user_provided_image else settings.runtimes_registry
    return f"{registry.rstrip('/')}/{spec.image}" if registry and not has_registry(spec.image) else spec.image


def is_local(image: str, settings: DockerSettings) -> bool:
    """True for an image that was made on the engine and is in no registry."""
    return bool(settings.local_image_prefix) and prefix_of(image) == settings.local_image_prefix
