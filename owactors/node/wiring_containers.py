"""From settings to the container back end."""

from __future__ import annotations

import os
from hashlib import sha256
from typing import cast

from owactors.container.docker.settings import DEFAULT_HOST, DockerSettings, Holding, PullPolicy
from owactors.container.port import ContainerFactory
from owactors.container.sandbox.factory import SandboxFactory
from owactors.container.sandbox.settings import NetworkMode, SandboxSettings
from owactors.entity.manifest import ExecManifest
from owactors.node.addresses import api_host, port_of
from owactors.node.settings import Settings


def factory_settings(settings: Settings, manifest: ExecManifest) -> SandboxSettings | DockerSettings:
    """What the container back end is built from."""
    return _docker(settings) if settings.containers.backend == "docker" else _sandbox(settings, manifest)


def _sandbox(settings: Settings, manifest: ExecManifest) -> SandboxSettings:
    sandbox = settings.sandbox
    return SandboxSettings(
        data_dir=settings.node.data_dir,
        kinds=tuple(sorted(manifest.runtimes)),
        zygote=sandbox.zygote,
        bubblewrap=sandbox.bubblewrap,
        cgroups=sandbox.cgroups,
        network=cast(NetworkMode, sandbox.network),
        dns=sandbox.dns_servers,
        open_ports=sandbox.open_ports,
        own_ports=tuple(filter(None, (settings.node.port, port_of(api_host(settings))))),
        disk=sandbox.disk.bytes,
        start_timeout=sandbox.start_timeout,
        parallel_starts=settings.containers.parallel_starts,
    )


def _docker(settings: Settings) -> DockerSettings:
    docker = settings.docker
    mark = sha256(str(settings.node.data_dir.absolute()).encode()).hexdigest()[:12]
    return DockerSettings(
        host=docker.host or os.environ.get("DOCKER_HOST") or DEFAULT_HOST,
        node=mark,
        network=docker.network,
        dns=docker.dns_servers,
        dns_search=docker.dns_search,
        dns_options=docker.dns_options,
        user=docker.user,
        ulimits=docker.ulimits,
        open_files=docker.open_files,
        disk=docker.disk.bytes,
        read_only=docker.read_only,
        tmpfs_size=docker.tmpfs_size.bytes,
        extra_args=docker.extra_args,
        runtime=docker.runtime,
        holders=cast(Holding, docker.holders),
        pull=cast(PullPolicy, docker.pull),
        pull_runtimes=docker.pull_runtimes,
        local_image_prefix=docker.local_image_prefix,
        runtimes_registry=docker.runtimes_registry,
        user_images_registry=docker.user_images_registry,
        registry_config=docker.registry_config,
        log_driver=docker.log_driver,
        log_options=docker.log_options,
        call_timeout=docker.command_timeout,
        pull_timeout=docker.pull_timeout,
        parallel_starts=min(settings.containers.parallel_starts, os.cpu_count() or 1),
    )


def build_factory(settings: SandboxSettings | DockerSettings) -> ContainerFactory:
    """The container back end for what `factory_settings` gave."""
    if isinstance(settings, SandboxSettings):
        return SandboxFactory(settings)
    from owactors.container.docker.factory import DockerFactory

    return DockerFactory(settings)
