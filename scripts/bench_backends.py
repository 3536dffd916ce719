"""Every way to make a container on this machine, and the yardsticks: a bare process, the engine by hand."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from attrs import frozen
from bench_client import Sample

from owactors.container.docker.factory import DockerFactory
from owactors.container.docker.settings import DEFAULT_HOST, DockerSettings
from owactors.container.http import KEY_HEADER
from owactors.container.port import Container, ContainerFactory, ContainerSpec
from owactors.container.sandbox.factory import SandboxFactory
from owactors.container.sandbox.settings import SandboxSettings
from owactors.runtime import LAUNCH_FOLDER, find_launcher

KINDS = ("python:3", "nodejs:20")
ECHO = {
    "python:3": "def main(args):\n    return {'text': args.get('text', '')}\n",
    "nodejs:20": "function main (args) { return { text: args.text || '' } }",
}
IMAGE = "owactors/action-python:3"
MEMORY = 128 << 20


@frozen
class Way:
    """A back end with its settings; `make` takes the data folder."""

    name: str
    make: Callable[[Path], ContainerFactory]
    kinds: tuple[str, ...] = KINDS


def docker_host() -> str | None:
    """The engine to measure, if one answers and has our image (scripts/services start docker; scripts/images)."""
    services = Path(__file__).parent / "services"
    given = os.environ.get("OWACTORS_TEST_DOCKER") or os.environ.get("DOCKER_HOST")
    told = subprocess.run([services, "status", "docker"], capture_output=True, text=True).stdout.strip()
    for host in filter(None, (given, told, DEFAULT_HOST)):
        if docker(host, "image", "inspect", IMAGE) is not None:
            return host
    return None


def docker(host: str, *command: str) -> str | None:
    """What the client prints, None if it fails or is not there."""
    try:
        done = subprocess.run(["docker", "-H", host, *command], capture_output=True, text=True)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def ways(host: str | None) -> list[Way]:
    """What works here, strongest shield first."""

    def sandbox(**options: Any) -> Callable[[Path], ContainerFactory]:
        return lambda folder: SandboxFactory(SandboxSettings(folder, KINDS, **options))  # type: ignore[arg-type]

    kinds = tuple(kind for kind in KINDS if find_launcher(kind))
    found = [
        Way("zygote", sandbox(), kinds),
        Way("bubblewrap", sandbox(zygote=False), kinds),
        Way("plain", sandbox(zygote=False, bubblewrap=False), kinds),
    ]
    if os.environ.get("BENCH_PRIVATE"):
        # Changes rules and routes while it runs.
        found.insert(1, Way("zygote, private network", sandbox(network="private"), kinds[:1]))
    if host is not None:
        found.append(Way("docker", lambda folder: DockerFactory(DockerSettings(host, node="bench")), ("python:3",)))
    return found


@asynccontextmanager
async def started(way: Way) -> AsyncIterator[ContainerFactory]:
    """A factory that has warmed up, closed at the end."""
    with tempfile.TemporaryDirectory(prefix="owactors-bench-") as folder:
        factory = way.make(Path(folder))
        await factory.start()
        try:
            for _ in range(2):
                await (await factory.create(spec())).destroy()
            await asyncio.sleep(1)
            yield factory
        finally:
            await factory.close()


def spec(kind: str = "python:3") -> ContainerSpec:
    """A container of the size that an action asks for at least."""
    return ContainerSpec("bench", kind, IMAGE, memory=MEMORY)


async def ready(factory: ContainerFactory, kind: str = "python:3") -> Container:
    """A container that was initialised and has answered once."""
    container = await factory.create(spec(kind))
    await initialised(container, kind)
    return container


async def initialised(container: Container, kind: str = "python:3") -> None:
    """Its /init and its first /run."""
    value = {"name": "echo", "main": "main", "code": ECHO[kind], "binary": False}
    await container.initialize({"value": value}, 30)
    await container.run({"value": {"text": "x"}}, 30, log_limit=0)


class Direct:
    """A bare blocking connection to a container's proxy: what a call costs when nobody is between."""

    def __init__(self, container: Container, body: bytes) -> None:
        kind, _, place = container.address.partition(":")
        self._socket = socket.socket(socket.AF_UNIX if kind == "unix" else socket.AF_INET)
        self._socket.connect(place if kind == "unix" else (kind, int(place)))
        key = container.client.key  # type: ignore[attr-defined]
        head = f"POST /run HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        self._request = f"{head}{f'{KEY_HEADER}: {key}' + chr(13) + chr(10) if key else ''}\r\n".encode() + body

    def call(self) -> None:
        """One, to the end of its answer."""
        self._socket.sendall(self._request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._socket.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))[15:])
        while len(body) < length:
            body += self._socket.recv(65536)

    def close(self) -> None:
        """No more calls."""
        self._socket.close()


def against(value: float, most: float) -> dict[str, Any]:
    """A figure and what it should be at most."""
    return {"is": round(value, 2), "at_most": most, "met": value <= most}


def bare_process() -> float:
    """Seconds from fork to a proxy that listens: what nothing with an interpreter can beat."""
    launcher = find_launcher("python:3")
    assert launcher is not None
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/s")
        listener.listen(1)
        told, tells = os.pipe()
        command = launcher.command(str(LAUNCH_FOLDER))
        command += ["--listen-fd", str(listener.fileno()), "--ready-fd", str(tells)]
        begun = time.perf_counter()
        process = subprocess.Popen(command, pass_fds=(listener.fileno(), tells), cwd=folder)
        os.close(tells)
        os.read(told, 1)
        took = time.perf_counter() - begun
        os.close(told)
        process.kill()
        process.wait()
    return took


def engine_alone(host: str, count: int) -> Sample:
    """Create and start of the engine's API, and nothing else."""
    import docker as library

    api = library.APIClient(base_url=host)
    sample = Sample()
    for _ in range(count):
        begun = time.perf_counter()
        made = api.create_container(IMAGE, host_config=api.create_host_config(mem_limit=MEMORY))["Id"]
        api.start(made)
        sample.times.append(time.perf_counter() - begun)
        api.remove_container(made, force=True)
    return sample


def by_hand(host: str, count: int) -> Sample:
    """`docker run -d`, as a person or OpenWhisk does it."""
    sample = Sample()
    for _ in range(count):
        begun = time.perf_counter()
        made = docker(host, "run", "-d", "--memory", str(MEMORY), IMAGE)
        sample.times.append(time.perf_counter() - begun)
        if made is None:
            sample.failures.append("docker run failed")
        else:
            docker(host, "rm", "-f", made)
    return sample


def figures(sample: Sample) -> dict[str, Any]:
    """Milliseconds."""
    told: dict[str, Any] = {f"p{share}": round(sample.percentile(share / 100), 2) for share in (50, 90, 99)}
    if sample.failures:
        told["first_failure"] = sample.failures[0]
    return told


def busy_seconds() -> float:
    """Processor time of the whole machine so far, whoever used it."""
    fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")
