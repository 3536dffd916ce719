"""What sandboxes promise beside the contract: the node is hidden, and nothing is ever left behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from owactors.container.port import ContainerFactory, WhiskContainerStartupError
from owactors.container.sandbox.container import SandboxContainer
from owactors.container.sandbox.factory import SandboxFactory
from owactors.container.sandbox.settings import SandboxSettings
from owactors.core.reply import NoResponseReceived
from tests.container.backends import (
    ECHO,
    KINDS,
    PATIENCE,
    Backend,
    alive_with,
    body_of,
    cgroups_with,
    run_body,
    scenario,
    started,
)

FORKS = """
import os, subprocess, time
def main(args):
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
        os._exit(0)
    subprocess.Popen(["sleep", "601"], start_new_session=True)
    return {}
"""


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def nothing_left(folder: Path, boot: str) -> bool:
    """No process, control group, socket or folder of a node's life."""
    return not (alive_with(boot) or cgroups_with(f"{boot}-") or (folder / "sandboxes" / boot).exists())


def test_report_names_every_protection(sandbox_backend: Backend, folder: Path) -> None:
    """The start says for each one whether it is on, and why."""

    async def act() -> list[str]:
        factory = sandbox_backend.make(folder)
        report = await factory.start()
        await factory.close()
        return report.lines()

    lines = asyncio.run(act())
    for name in (
        "file system",
        "processes",
        "network",
        "memory",
        "pids",
        "freezer",
        "kill",
        "environment",
        "capabilities",
        "system calls",
        "fast start",
    ):
        assert any(line.startswith(f"{name}: ") for line in lines), lines


def test_destroy_takes_every_process(sandbox_backend: Backend, folder: Path) -> None:
    """Children that left the session and the process group go too, and so do files and groups."""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, sandbox_backend, FORKS)
        assert body_of(await container.run(run_body(), PATIENCE)).status == 200
        assert len(alive_with(container.id)) >= 3
        await container.destroy()
        assert eventually(lambda: not alive_with(container.id))
        assert not cgroups_with(container.id)
        assert not list((folder / "sandboxes").glob("*/*/state.json"))

    scenario(sandbox_backend, folder, play)


def test_close_leaves_nothing(sandbox_backend: Backend, folder: Path) -> None:
    """Also not of containers that are paused or in the middle of a run."""

    async def act() -> str:
        factory = sandbox_backend.make(folder)
        await factory.start()
        await started(factory, sandbox_backend, FORKS)
        paused = await started(factory, sandbox_backend, ECHO)
        await paused.suspend()
        busy = await started(factory, sandbox_backend, "import time\ndef main(a):\n    time.sleep(600)\n")
        run = asyncio.ensure_future(busy.run(run_body(), PATIENCE))
        await asyncio.sleep(0.05)
        await factory.close()
        assert isinstance((await run).outcome, NoResponseReceived)
        assert isinstance(factory, SandboxFactory)
        return factory.boot

    boot = asyncio.run(act())
    assert eventually(lambda: nothing_left(folder, boot))


OWNER = """
import asyncio, sys
from pathlib import Path
from tests.container.backends import *
from tests.container.test_sandbox import FORKS
backend = next(b for b in SANDBOXES if b.name == sys.argv[1])
async def act():
    factory = backend.make(Path(sys.argv[2]))
    await factory.start()
    first = await started(factory, backend, FORKS)
    await first.run(run_body(), 30)
    second = await started(factory, backend, ECHO)
    await second.suspend()
    print(factory.boot, first.id, second.id, flush=True)
    await asyncio.sleep(600)
asyncio.run(act())
"""


def test_sweep_after_kill_of_the_node(sandbox_backend: Backend, folder: Path) -> None:
    """kill -9 of the node: the next one removes all that is left, and nothing of living nodes."""
    command = [sys.executable, "-c", OWNER, sandbox_backend.name, str(folder)]
    checkout = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=checkout) as owner:
        assert owner.stdout is not None
        boot, *ids = owner.stdout.readline().split()
        assert len(ids) == 2

        async def sweep() -> list[str]:
            factory = sandbox_backend.make(folder)
            report = await factory.start()
            await factory.close()
            return list(report.swept)

        assert asyncio.run(sweep()) == []
        assert alive_with(f"{boot}-")
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        assert sorted(asyncio.run(sweep())) == ids
    assert eventually(lambda: nothing_left(folder, boot))


def test_cancelled_create_leaves_nothing(sandbox_backend: Backend, folder: Path) -> None:
    """Whenever the caller goes away."""

    async def play(factory: ContainerFactory) -> None:
        for delay in (0.0, 0.005, 0.015):
            task = asyncio.ensure_future(factory.create(sandbox_backend.spec()))
            await asyncio.sleep(delay)
            task.cancel()
            (made,) = await asyncio.gather(task, return_exceptions=True)
            if isinstance(made, SandboxContainer):
                await made.destroy()
        assert eventually(lambda: not alive_with(factory.boot + "-"))  # type: ignore[attr-defined]
        assert not cgroups_with(factory.boot + "-")  # type: ignore[attr-defined]
        assert not list((folder / "sandboxes").glob("*/*/state.json"))

    scenario(sandbox_backend, folder, play)


@pytest.mark.parametrize("zygote", [True, False])
def test_namespaces_hide_the_node(folder: Path, zygote: bool) -> None:
    """The node's data folder, home, other processes and sockets are not there; the system cannot be written."""
    backend = Backend("sandbox", lambda path: SandboxFactory(SandboxSettings(path, KINDS, zygote=zygote)))
    code = """
import os
PATHS = ('/usr/x', '/etc/x', '/launch/x', '/proc/sys/kernel/hostname', '/proc/sysrq-trigger', '/x')
def main(args):
    def write(path):
        try:
            open(path, 'w').close()
            return True
        except OSError:
            return False
    return {
        'data': os.path.exists(args['data']), 'home': os.path.exists(args['home']),
        'pids': len([n for n in os.listdir('/proc') if n.isdigit()]), 'open': sorted(os.listdir('/proc/self/fd')),
        'wrote': [p for p in PATHS if write(p)],
        'tmp': write('/tmp/x'), 'work': write('x'), 'cwd': os.getcwd(),
    }
"""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, code)
        assert isinstance(factory, SandboxFactory)
        if factory._means is None or not factory._means.wrapped:
            pytest.skip("no namespaces here")
        with tempfile.NamedTemporaryFile(dir=Path.home()) as private:
            looked_for = run_body({"data": str(folder), "home": private.name})
            seen = json.loads(body_of(await container.run(looked_for, PATIENCE)).body)
        assert not seen["data"]
        assert not seen["home"]
        assert seen["pids"] <= 3
        assert seen["wrote"] == []
        assert (seen["tmp"], seen["work"], seen["cwd"]) == (True, True, "/action")

    scenario(backend, folder, play)


def test_long_data_folder(sandbox_backend: Backend, folder: Path) -> None:
    """The path of a socket may have 107 bytes; the data folder may be longer."""
    deep = folder / ("a" * 100) / ("b" * 100)
    deep.mkdir(parents=True)

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, sandbox_backend, ECHO)
        assert body_of(await container.run(run_body({"n": 1}), PATIENCE)).body == b'{"n": 1}'

    scenario(sandbox_backend, deep, play)


def test_data_folder_not_writable(tmp_path: Path) -> None:
    """One sentence that says what to do."""
    (tmp_path / "file").write_text("")
    factory = SandboxFactory(SandboxSettings(tmp_path / "file", KINDS))
    with pytest.raises(WhiskContainerStartupError, match="--data-dir"):
        asyncio.run(factory.start())


def test_image_needs_docker(sandbox_backend: Backend, folder: Path) -> None:
    """A user's own image cannot run without an engine, and the message says so."""

    async def play(factory: ContainerFactory) -> None:
        with pytest.raises(WhiskContainerStartupError, match="--container docker"):
            await factory.create(sandbox_backend.spec(user_provided_image=True))

    scenario(sandbox_backend, folder, play)


def test_launcher_that_dies_at_once(sandbox_backend: Backend, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the exit code and the last words, and nothing is left."""
    monkeypatch.setattr(
        "owactors.runtime.launchers.python_interpreter", lambda version: "/bin/false" if version == "3" else None
    )

    async def play(factory: ContainerFactory) -> None:
        with pytest.raises(WhiskContainerStartupError, match=r"python:3 ended at once with exit code 1"):
            await factory.create(sandbox_backend.spec())
        assert not cgroups_with(factory.boot + "-")  # type: ignore[attr-defined]

    scenario(sandbox_backend, folder, play)


def test_nothing_is_open_in_the_node_afterwards(sandbox_backend: Backend, folder: Path) -> None:
    """No descriptor is lost per container."""

    async def play(factory: ContainerFactory) -> None:
        async def one() -> None:
            container = await started(factory, sandbox_backend, ECHO)
            await container.run(run_body(), PATIENCE)
            await container.destroy()

        await one()
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            await one()
        assert len(os.listdir("/proc/self/fd")) <= before

    scenario(sandbox_backend, folder, play)
