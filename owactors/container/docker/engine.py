"""What is asked of a Docker engine, as coroutines. Each call is docker-py's, in a thread."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from attrs import frozen

from owactors.container.docker import pausing
from owactors.container.docker.errors import EngineError
from owactors.container.docker.extras import extras
from owactors.container.docker.naming import split_tag
from owactors.container.docker.progress import PullProgress
from owactors.container.docker.settings import DockerSettings
from owactors.container.port import ContainerSpec, WhiskContainerStartupError

LOG = logging.getLogger(__name__)
T = TypeVar("T")
PROGRESS_PERIOD = 5.0
"""Seconds between two lines about a pull that takes long."""
THREADS = 32
OLDEST = "1.24"
"""Version of the API with which an engine is asked for its own; that question has none."""
CONTAINER_ID = re.compile("[0-9a-f]{64}")


@frozen
class Running:
    """What inspection says: `address` is empty if there is none; `exit_code` counts only when not running.

    `disk`: where the engine's machine keeps what is written in the container.
    """

    running: bool
    address: str
    pid: int
    exit_code: int
    oom_killed: bool
    disk: tuple[str, ...] = ()


class Engine:
    """One engine. Raises EngineError; a call that timed out may still happen there."""

    def __init__(self, settings: DockerSettings) -> None:
        self.settings = settings
        self._api: Any = None
        self._errors: Any = None
        self.disk_limited = False
        """Its storage driver holds each container to `docker.disk`, see `limits_disk`."""
        # Threads of our own: a pull may hold one for minutes.
        self._threads = ThreadPoolExecutor(THREADS, "docker")

    async def connect(self) -> str:
        """Reach the engine; its version. Raises WhiskContainerStartupError."""
        try:
            import docker
            import docker.errors
        except ImportError:
            raise WhiskContainerStartupError(
                "the Docker back end needs the Python package docker: pip install 'owactors[docker]'"
            ) from None
        self._errors = docker.errors
        settings = self.settings
        try:
            told, self._api = await self._in_thread(lambda: _client(docker.APIClient, settings))
            if settings.registry_config:
                self._api.reload_config(settings.registry_config)
            return str(told["Version"])
        except Exception as error:
            raise WhiskContainerStartupError(
                f"no Docker engine answers at {settings.host} ({error}); start one, or choose another with "
                "docker.host, or use --container sandbox"
            ) from error

    async def maps_users(self) -> bool:
        """True if containers have a user namespace: nobody in them is root outside."""
        info = await self._call(lambda: self._api.info())
        return any("name=userns" in option for option in info.get("SecurityOptions") or ())

    async def limits_disk(self, labels: Mapping[str, str]) -> bool:
        """True if its storage driver can limit a container's layer: found out by a container that is never started."""
        info = await self._call(lambda: self._api.info())
        images = await self._call(lambda: self._api.images(quiet=True)) if may_limit_disk(info) else []
        if not images:
            return False
        config = self._api.create_host_config(storage_opt={"size": str(self.settings.disk)})
        try:
            made = await self._call(
                lambda: self._api.create_container(images[0], ["true"], host_config=config, labels=dict(labels))
            )
        except EngineError as error:
            LOG.debug("the engine's storage driver limits no container: %s", error)
            return False
        await self.remove(made["Id"])
        return True

    async def pull(self, image: str) -> None:
        """Pull `image`; no tag means latest."""
        name, tag = split_tag(image)
        seconds = self.settings.pull_timeout
        try:
            async with asyncio.timeout(seconds):
                await self._call(lambda: self._pull(name, tag or "latest"))
        except TimeoutError:
            raise EngineError(0, f"not pulled after {seconds:g} s") from None

    async def create(
        self,
        name: str,
        spec: ContainerSpec,
        labels: dict[str, str],
        *,
        network: str = "",
        command: tuple[str, ...] = (),
    ) -> str:
        """Create a container, not started; its id. `network` and `command` take the place of the usual ones."""
        made = await self._call(
            lambda: self._api.create_container(
                image=spec.image,
                command=list(command) or None,
                name=name,
                user=self.settings.user or None,
                labels=labels,
                environment=dict(spec.environment),
                stdin_open=False,
                tty=False,
                host_config=self._host_config(spec, network),
            )
        )
        id = str(made["Id"])
        if not CONTAINER_ID.fullmatch(id):
            raise EngineError(0, f"the engine gave no container id but {id[:100]!r}")
        return id

    async def command_of(self, image: str) -> list[str]:
        """What the image runs."""
        return list((await self._call(lambda: self._api.inspect_image(image)))["Config"]["Cmd"])

    async def start(self, id: str) -> None:
        """Start a created container."""
        await self._call(lambda: self._api.start(id))

    async def inspect(self, id: str) -> Running:
        """The state of a container."""
        found = await self._call(lambda: self._api.inspect_container(id))
        state, network = found["State"], found["NetworkSettings"]
        networks = network.get("Networks") or {}
        addresses = [entry.get("IPAddress") for entry in networks.values()]
        address = network.get("IPAddress") or next((a for a in addresses if a), "")
        killed = bool(state.get("OOMKilled"))
        return Running(bool(state["Running"]), address, state["Pid"], state["ExitCode"], killed, written_paths(found))

    async def written(self, id: str) -> int:
        """Bytes that a container has written to its layer, added up by the engine."""
        api = self._api
        found = await self._call(
            lambda: api._result(api._get(api._url("/containers/{0}/json", id), params={"size": 1}), True)
        )
        return int(found.get("SizeRw") or 0)

    async def pause(self, id: str) -> None:
        """Pause; a paused one stays so."""
        await pausing.pause(lambda: self._call(lambda: self._api.pause(id)))

    async def unpause(self, id: str) -> None:
        """Unpause."""
        await pausing.unpause(lambda: self._call(lambda: self._api.unpause(id)))

    async def update(self, id: str, memory: int, cpu_shares: int, cpu_limit: float | None) -> None:
        """Change the limits of a container, see ContainerSpec. docker-py knows no limit of cores here."""
        limits: dict[str, int] = {"Memory": memory, "MemorySwap": memory}
        if cpu_shares:
            limits["CpuShares"] = cpu_shares
        if cpu_limit is not None:
            limits["NanoCpus"] = int(cpu_limit * 1_000_000_000)
        api = self._api
        await self._call(lambda: api._raise_for_status(api._post_json(api._url("/containers/{0}/update", id), limits)))

    async def can_update(self) -> bool:
        """True if it can change the limits of a container; Podman 4 cannot."""
        try:
            await self.update("no-such-container", 0, 0, None)
        except EngineError as error:
            return "no such container" in error.text.lower()
        return True

    async def kill(self, id: str) -> None:
        """Send SIGKILL to its first process; one that does not run is fine."""
        await self._call_if_needed(lambda: self._api.kill(id), (404, 409))

    async def remove(self, id: str) -> None:
        """Kill and remove; one that is gone or going is fine."""
        await self._call_if_needed(lambda: self._api.remove_container(id, force=True, v=True), (404, 409))

    async def exists(self, id: str) -> bool:
        """True while the engine knows the container."""
        try:
            await self._call(lambda: self._api.inspect_container(id))
        except EngineError as error:
            return error.status != 404
        return True

    async def labelled(self, label: str) -> list[tuple[str, dict[str, str]]]:
        """Id and labels of every container with `label` (`key=value`), running or not."""
        found = await self._call(lambda: self._api.containers(all=True, filters={"label": label}))
        return [(entry["Id"], entry.get("Labels") or {}) for entry in found]

    async def load(self, archive: bytes) -> None:
        """Load an image archive."""
        await self._call(lambda: list(self._api.load_image(archive)))

    async def has_image(self, image: str) -> bool:
        """True if the image is there."""
        try:
            await self._call(lambda: self._api.inspect_image(image))
        except EngineError as error:
            if error.status == 404:
                return False
            raise
        return True

    def close(self) -> None:
        """Let the connections go."""
        self._threads.shutdown(wait=False)
        if self._api is not None:
            self._api.close()

    def _host_config(self, spec: ContainerSpec, network: str = "") -> Any:
        settings = self.settings
        # Who joins another one's network has its servers of names too, and may not say anything about them.
        names = not network
        import docker.types

        own = f"rw,exec,nosuid,nodev,mode=1777,size={settings.tmpfs_size}"
        config = self._api.create_host_config(
            mem_limit=spec.memory,
            memswap_limit=spec.memory,
            cpu_shares=spec.cpu_shares or None,
            nano_cpus=None if spec.cpu_limit is None else int(spec.cpu_limit * 1_000_000_000),
            pids_limit=spec.pids_limit,
            network_mode=network or settings.network,
            dns=(list(settings.dns) or None) if names else None,
            dns_search=(list(settings.dns_search) or None) if names else None,
            dns_opt=(list(settings.dns_options) or None) if names else None,
            cap_drop=list(settings.cap_drop),
            security_opt=["no-new-privileges"],
            ulimits=[docker.types.Ulimit(name=name, soft=soft, hard=hard) for name, soft, hard in limits(settings)],
            runtime=settings.runtime or None,
            read_only=settings.read_only,
            storage_opt={"size": str(settings.disk)} if self.disk_limited else None,
            tmpfs=dict.fromkeys(("/tmp", "/action"), own) if settings.read_only else None,
            log_config=docker.types.LogConfig(
                type=settings.log_driver, config=dict(text.split("=", 1) for text in settings.log_options)
            ),
        )
        return {**config, **extras(settings.extra_args)}

    def _pull(self, name: str, tag: str) -> None:
        began = told = time.monotonic()
        LOG.info("pulling %s:%s", name, tag)
        progress = PullProgress()
        for line in self._api.pull(name, tag=tag, stream=True, decode=True):
            if "error" in line:
                raise self._errors.APIError(line["error"])
            progress.take(line)
            if time.monotonic() - told > PROGRESS_PERIOD:
                told = time.monotonic()
                LOG.info("pulling %s:%s: %s", name, tag, progress)
        what = progress if progress else "all of it was here"
        LOG.info("pulled %s:%s in %.1f s: %s", name, tag, time.monotonic() - began, what)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def _call(self, call: Callable[[], T]) -> T:
        try:
            return await self._in_thread(call)
        except self._errors.APIError as error:
            raise EngineError(error.status_code or 0, str(error.explanation or error)) from error
        except Exception as error:
            raise EngineError(0, f"the engine at {self.settings.host} does not answer: {error}") from error

    async def _call_if_needed(self, call: Callable[[], Any], fine: tuple[int, ...]) -> None:
        try:
            await self._call(call)
        except EngineError as error:
            if error.status not in fine:
                raise


def may_limit_disk(info: Mapping[str, Any]) -> bool:
    """True if it is worth a try, by what the engine says of its storage driver.

    Others that can limit something count the image, too, which is no matter of the action's.
    """
    status = dict(info.get("DriverStatus") or ())
    return info.get("Driver") == "overlay2" and status.get("Backing Filesystem") == "xfs"


def written_paths(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Folders and files that a container may write to, by what inspection says; its layer is the first of them.

    Those are its layer, its volumes that have no other owner, and three files in /etc. Empty if the engine does not
    say where the layer is.
    """
    layer = ((found.get("GraphDriver") or {}).get("Data") or {}).get("UpperDir")
    volumes = [mount for mount in found.get("Mounts") or () if mount.get("Type") == "volume"]
    nameless = [mount["Source"] for mount in volumes if CONTAINER_ID.fullmatch(mount.get("Name", ""))]
    files = [found.get(name) for name in ("HostsPath", "HostnamePath", "ResolvConfPath")]
    return tuple(path for path in (layer, *nameless, *files) if path) if layer else ()


def _client(make: Callable[..., Any], settings: DockerSettings) -> tuple[Mapping[str, Any], Any]:
    """What the engine says of itself, and a client that speaks its version. Asked once: Podman takes half a second."""
    given = {"base_url": settings.host, "timeout": settings.call_timeout, "max_pool_size": THREADS}
    asking = make(**given, version=OLDEST)
    try:
        told = asking.version(api_version=False)
    finally:
        asking.close()
    return told, make(**given, version=told["ApiVersion"])


def limits(settings: DockerSettings) -> list[tuple[str, int, int]]:
    """(name, soft, hard) of every ulimit; those given replace ours. Raises ValueError for one that is none."""
    found = {"nofile": (settings.open_files, settings.open_files)}
    if settings.disk:
        found["fsize"] = settings.disk, settings.disk
    for text in settings.ulimits:
        name, _, values = text.partition("=")
        soft, _, hard = values.partition(":")
        found[name] = int(soft), int(hard or soft)
    return [(name, soft, hard) for name, (soft, hard) in found.items()]
