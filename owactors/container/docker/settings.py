"""How containers are to be made on a Docker engine."""

from __future__ import annotations

import os

from attrs import field, frozen

DEFAULT_HOST = "unix:///var/run/docker.sock"


@frozen
class DockerSettings:
    """`host` is `unix://PATH` or `tcp://HOST:PORT`; `node` must differ between nodes of one engine.

    `network` is the engine's network that functions join; `port` is where images listen. (OpenWhisk,
    DockerContainerFactory.scala, with stronger defaults: every capability dropped and no way to gain new
    ones.)
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
    read_only: bool = False
    start_timeout: float = 30.0
    call_timeout: float = 60.0
    pull_timeout: float = 600.0
    parallel_starts: int = field(factory=lambda: os.cpu_count() or 1)
    parallel_removals: int = 4
