"""The zygote: what its sandboxes cannot do, and that nothing outlives it or is lost with it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from owactors.container.port import ContainerFactory, WhiskContainerStartupError
from owactors.container.sandbox import seccomp, zygote
from owactors.container.sandbox.container import SandboxContainer
from owactors.container.sandbox.factory import SandboxFactory
from owactors.container.sandbox.processes import start_time
from owactors.container.sandbox.zygote import Zygote
from owactors.core.reply import NoResponseReceived
from tests.container.backends import (
    ECHO,
    PATIENCE,
    SANDBOXES,
    Backend,
    alive_with,
    body_of,
    run_body,
    sandbox,
    scenario,
    started,
)

ZYGOTE = SANDBOXES[0]


def needs_zygote(factory: ContainerFactory) -> SandboxFactory:
    """The factory, if it forks its sandboxes."""
    assert isinstance(factory, SandboxFactory)
    assert factory._means is not None
    if not factory._means.zygote:
        pytest.skip(f"no zygote here: {factory._means.zygote_reason}")
    return factory


async def zygote_of(factory: SandboxFactory) -> Zygote:
    """The one that runs."""
    assert factory._zygotes is not None
    return await factory._zygotes.get()


def processes_of(container: Any) -> list[int]:
    """The living ones."""
    assert isinstance(container, SandboxContainer)
    return [pid for pid in container._pids() if start_time(pid) is not None]


async def until_dead(pids: list[int]) -> None:
    """Wait for their end."""
    deadline = time.monotonic() + PATIENCE
    while any(start_time(pid) is not None for pid in pids):
        assert time.monotonic() < deadline, pids
        await asyncio.sleep(0.01)


PRIVILEGES = """
import ctypes, os
LIBC = ctypes.CDLL(None, use_errno=True)
def attempt(name, *args):
    return name if getattr(LIBC, name)(*args) != -1 else os.strerror(ctypes.get_errno())
def call(number, *args):
    return number if LIBC.syscall(number, *args) != -1 else os.strerror(ctypes.get_errno())
def main(args):
    with open('/proc/self/status') as file:
        status = dict(line.strip().partition(':\\t')[::2] for line in file)
    return {
        'status': {name: status[name] for name in ('CapEff', 'CapPrm', 'CapBnd', 'NoNewPrivs', 'Seccomp', 'Uid')},
        'fds': sorted(os.readlink(f'/proc/self/fd/{n}').split(':')[0] for n in range(5)),
        'more': [n for n in os.listdir('/proc/self/fd') if int(n) > 9],
        'refused': [
            attempt('unshare', 0x10000000), attempt('unshare', 0x00020000),
            attempt('mount', b'x', b'/tmp', b'tmpfs', 0, None),
            attempt('umount2', b'/tmp', 2), attempt('chroot', b'/tmp'), attempt('setns', 0, 0),
        ] + ([call(250, 0, 0), call(321, 0, 0, 0), call(298, 0, 0, 0, 0, 0), call(425, 1, 0)] if args['x86'] else []),
        'namespaces': {n: os.readlink('/proc/self/ns/' + n) for n in ('mnt', 'pid', 'ipc', 'uts', 'user', 'cgroup')},
        'node': [os.listdir('/.node/' + n) for n in os.listdir('/.node')],
        'init': open('/proc/1/cmdline').read().split('\\0')[0],
    }
"""


def test_privileges_of_a_sandbox(folder: Path) -> None:
    """No capability, none to be gained, no call that could make new namespaces; no namespace of the node's."""

    async def play(factory: ContainerFactory) -> None:
        needs_zygote(factory)
        container = await started(factory, ZYGOTE, PRIVILEGES)
        other = await started(factory, ZYGOTE, PRIVILEGES)
        asked = run_body({"x86": os.uname().machine == "x86_64"})
        seen, beside = [json.loads(body_of(await c.run(asked, PATIENCE)).body) for c in (container, other)]
        assert "error" not in seen, seen
        assert {seen["status"][name] for name in ("CapEff", "CapPrm", "CapBnd")} == {"0" * 16}
        assert (seen["status"]["NoNewPrivs"], seen["status"]["Seccomp"]) == ("1", "2")
        assert seen["status"]["Uid"].split() == ["1000"] * 4
        assert seen["fds"] == ["/dev/null", "pipe", "pipe", "socket", "socket"]
        assert seen["more"] == []
        assert set(seen["refused"]) == {"Operation not permitted"}
        for name, inside in seen["namespaces"].items():
            assert inside not in (os.readlink(f"/proc/self/ns/{name}"), beside["namespaces"][name])
        assert seen["node"] == [[], []]
        assert seen["init"] == f"owactors sandbox {container.id}"

    scenario(ZYGOTE, folder, play)


def test_no_network(folder: Path) -> None:
    """With the network cut off there is a loopback, and nothing else."""
    backend = sandbox("sandbox-zygote", network="none")
    code = """
import socket
def main(args):
    with socket.create_server(('127.0.0.1', 0)) as server:
        socket.create_connection(server.getsockname()).close()
    with open('/proc/net/dev') as file:
        return {'devices': [line.split(':')[0].strip() for line in file.readlines()[2:]]}
"""

    async def play(factory: ContainerFactory) -> None:
        needs_zygote(factory)
        container = await started(factory, backend, code)
        seen = json.loads(body_of(await container.run(run_body(), PATIENCE)).body)
        assert "lo" in seen["devices"]
        assert not [name for name in seen["devices"] if name.startswith(("eth", "en", "docker", "br"))]

    scenario(backend, folder, play)


def test_zygote_is_killed(folder: Path) -> None:
    """All its sandboxes end with it, whoever waits is told, and the next one is made by a new zygote."""

    async def play(factory: ContainerFactory) -> None:
        node = needs_zygote(factory)
        first = await zygote_of(node)
        container = await started(factory, ZYGOTE, "import time\ndef main(args):\n    time.sleep(600)\n")
        pids = processes_of(container)
        assert len(pids) >= 2
        run = asyncio.ensure_future(container.run(run_body(), PATIENCE))
        await asyncio.sleep(0.05)
        os.kill(first.process.pid, signal.SIGKILL)
        assert isinstance((await run).outcome, NoResponseReceived)
        await until_dead(pids)
        again = await started(factory, ZYGOTE, ECHO)
        assert body_of(await again.run(run_body({"n": 1}), PATIENCE)).body == b'{"n": 1}'
        assert await zygote_of(node) is not first
        await container.destroy()

    scenario(ZYGOTE, folder, play)


OWNER = """
import asyncio, sys
from pathlib import Path
from tests.container.backends import *
async def act():
    factory = SANDBOXES[0].make(Path(sys.argv[1]))
    await factory.start()
    container = await started(factory, SANDBOXES[0], ECHO)
    print(factory._means.zygote, *container._pids(), (await factory._zygotes.get()).process.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(act())
"""


def test_node_is_killed(folder: Path) -> None:
    """Zygote and sandboxes end with it by themselves, before anybody sweeps."""
    checkout = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", OWNER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=checkout) as owner:
        assert owner.stdout is not None
        works, *pids = owner.stdout.readline().split()
        owner.kill()
    if works == "True":
        asyncio.run(until_dead([int(pid) for pid in pids]))
    # Folders and empty groups are the next start's to remove.
    scenario(ZYGOTE, folder, lambda factory: asyncio.sleep(0))
    assert len(list((folder / "sandboxes").glob("*"))) == 0


def test_a_zygote_that_hangs_is_swept(folder: Path) -> None:
    """One that was stopped and cannot notice the end of its node goes with the next start."""
    checkout = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", OWNER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=checkout) as owner:
        assert owner.stdout is not None
        works, *words = owner.stdout.readline().split()
        pids = [int(word) for word in words]
        if works == "True":
            for pid in zygote_processes(pids[-1]):
                os.kill(pid, signal.SIGSTOP)
        owner.kill()

    async def sweep() -> None:
        factory = SandboxFactory(ZYGOTE.make(folder).settings)  # type: ignore[attr-defined]
        await factory.start()
        await factory.close()

    asyncio.run(sweep())
    asyncio.run(until_dead(pids))


def zygote_processes(launcher: int) -> list[int]:
    """The launcher and its child."""
    children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    return [launcher, *map(int, children)]


def test_without_a_zygote_bubblewrap_is_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report says why, and nothing is left of the try."""
    monkeypatch.setattr(zygote, "LAUNCH_FOLDER", folder)

    async def play(factory: ContainerFactory) -> None:
        assert isinstance(factory, SandboxFactory)
        report = factory.report_of("fast start")
        assert not report.on
        assert "no zygote: it ended at once" in report.detail
        container = await started(factory, ZYGOTE, ECHO)
        assert body_of(await container.run(run_body({"n": 1}), PATIENCE)).body == b'{"n": 1}'
        assert not alive_with(f"zygote-{factory.boot}")

    scenario(ZYGOTE, folder, play)


@pytest.mark.parametrize("backend", [ZYGOTE, sandbox("only-zygote", bubblewrap=False)], ids=lambda b: b.name)
def test_a_zygote_that_fails_later(folder: Path, monkeypatch: pytest.MonkeyPatch, backend: Backend) -> None:
    """Bubblewrap takes over where it is; without it no sandbox is made that would be weaker than promised."""

    async def play(factory: ContainerFactory) -> None:
        node = needs_zygote(factory)
        await (await zygote_of(node)).close()
        monkeypatch.setattr(zygote, "LAUNCH_FOLDER", folder)
        assert node._means is not None
        if node._means.bubblewrap is not None:
            container = await started(factory, backend, ECHO)
            assert body_of(await container.run(run_body({"n": 1}), PATIENCE)).body == b'{"n": 1}'
            return
        with pytest.raises(WhiskContainerStartupError, match="zygote"):
            await factory.create(backend.spec())

    scenario(backend, folder, play)


def test_modules_of_the_action_come_before_loaded_ones(folder: Path) -> None:
    """What the zygote has loaded must not hide a module that came with the action."""
    from tests.runtime.proxies import zipped

    code = zipped(
        {"__main__.py": "import json\ndef main(args):\n    return {'mine': json.MINE}\n", "json.py": "MINE = 1"}
    )

    async def play(factory: ContainerFactory) -> None:
        node = needs_zygote(factory)
        world = await zygote_of(node)
        await asyncio.sleep(0.5)
        assert world.alive
        container = await started(factory, ZYGOTE, code, binary=True)
        assert body_of(await container.run(run_body(), PATIENCE)).body == b'{"mine": 1}'

    scenario(ZYGOTE, folder, play)


def test_many_sandboxes_at_once(folder: Path) -> None:
    """More than fit the numbers of descriptors in use."""

    async def play(factory: ContainerFactory) -> None:
        needs_zygote(factory)
        made = await asyncio.gather(*(factory.create(ZYGOTE.spec()) for _ in range(40)))
        assert all(await asyncio.gather(*(container.ping() for container in made)))

    scenario(ZYGOTE, folder, play)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_filter_is_well_formed(machine: str) -> None:
    """Whole instructions, at most 4,096, jumps that stay inside, and a last one that allows."""
    program = seccomp.program(machine)
    assert program is not None
    words = [program[at : at + 8] for at in range(0, len(program), 8)]
    assert len(words[-1]) == 8
    assert len(words) <= 4096
    for place, word in enumerate(words):
        assert place + 1 + max(word[2], word[3]) < len(words) or place == len(words) - 1
    assert words[-1] == seccomp._word(seccomp.RETURN, seccomp.ALLOW)


def test_no_filter_for_other_machines() -> None:
    """Numbers of calls differ, and a wrong filter is worse than none."""
    assert seccomp.program("riscv64") is None
