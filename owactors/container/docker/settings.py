"""How containers are to be made on a Docker engine."""

from __future__ import annotations

import os
from typing import Literal

from attrs import field, frozen

DEFAULT_HOST = "unix:///var/run/docker.sock"
Holding = Literal["off", "on", "auto"]
PullPolicy = Literal["openwhisk", "always", "missing", "never"]


@frozen
class DockerSettings:
    """`host` is `unix://PATH` or `tcp://HOST:PORT`; `node` must differ between nodes of one engine.

    `network` is the engine's network that functions join; `port` is where images listen. (OpenWhisk,
    DockerContainerFactory.scala, with stronger defaults: every capability dropped and no way to gain new
    ones.)

    `pull` is for users' images: `openwhisk` pulls each time and forgives a failure if the name has a tag other than
    latest; `always` forgives none; `missing` pulls what is not there. Images whose prefix is `local_image_prefix` are
    never pulled, those of the packaged kinds only with `pull_runtimes`, if they are missing. Registries are put before
    names that have none.
    """

    host: str = DEFAULT_HOST
    node: str = "node"
    network: str = "bridge"
    port: int = 8080
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ("ALL",)
    open_files: int = 1024
    ulimits: tuple[str, ...] = ()
    """More limits, each `name=soft:hard`."""
    user: str = ""
    """`user:group` that functions run as; empty: the image's."""
    extra_args: tuple[str, ...] = ()
    """Further fields of HostConfig, each `Name=value`; the value is JSON or text."""
    runtime: str = ""
    """The engine's runtime, such as runsc; empty: its default."""
    disk: int = 512 * 1024 * 1024
    """Bytes that an action may write to its container's layer and its volumes; 0 for any number."""
    read_only: bool = False
    tmpfs_size: int = 512 * 1024 * 1024
    """Bytes of each of /tmp and /action where the rest is read-only."""
    pull: PullPolicy = "openwhisk"
    pull_runtimes: bool = False
    local_image_prefix: str = "whisk"
    runtimes_registry: str = ""
    user_images_registry: str = ""
    registry_config: str = ""
    """A file with passwords, as `docker login` writes it; empty: that of this user."""
    log_driver: str = "none"
    log_options: tuple[str, ...] = ()
    """Options of the log driver, each `name=value`."""
    holders: Holding = "off"
    """Network namespaces made ahead; auto: if a trial at the start shows that they are worth it."""
    start_timeout: float = 30.0
    call_timeout: float = 60.0
    pull_timeout: float = 600.0
    parallel_starts: int = field(factory=lambda: os.cpu_count() or 1)
