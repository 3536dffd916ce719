"""Sandboxes in this machine's network with the guard: they reach the world, and nothing that listens here."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from ipaddress import IPv6Address
from pathlib import Path

import pytest

from owactors.actorbase.processes import silence
from owactors.container.network import bpf
from owactors.container.network.guard import Guard, GuardFailed
from owactors.container.network.refusing import Refusing, own_addresses
from owactors.container.port import Container, ContainerFactory, WhiskContainerStartupError
from owactors.container.sandbox import cgroup, guarding
from owactors.container.sandbox.cgroup import CgroupLayout
from owactors.container.sandbox.factory import SandboxFactory
from tests.container.backends import HELLO, PATIENCE, Backend, body_of, run_body, sandbox, scenario, started
from tests.container.engines import unavailable
from tests.container.privatehost import CHECKOUT, HERE, play

AUTO = sandbox("sandbox-zygote")


@pytest.fixture(scope="module")
def guard_works() -> None:
    """Root, with groups of version 2."""
    try:
        guarding.guarded(cgroup.detect(), ())[1].close()
    except GuardFailed as failure:
        unavailable("guard of the network", [str(failure)])


def groups(factory: SandboxFactory) -> list[Path]:
    """What is left of its sandboxes' groups of version 2."""
    parent = cgroup.tree_of(cgroup.detect())
    assert parent is not None
    return list(parent.glob(f"{cgroup.PREFIX}{factory.boot}-*"))


@pytest.mark.parametrize("way", ["zygote", "bubblewrap", "plain"])
def test_what_a_sandbox_can_reach(guard_works: None, way: str, tmp_path: Path) -> None:
    """The world, names, the API and itself; no neighbour, no other port of this machine however it is called, which is
    said at once (20 s of patience would end with "no way"); nobody comes in.
    """
    assert play(way, tmp_path, "guarded_reach") == {
        "outside": str(HERE.ip),
        "neighbour": "not permitted",
        "loopback": "not permitted",
        "loopback of version 6": "not permitted",
        "in disguise": "not permitted",
        "another of its addresses": "not permitted",
        "node": "not permitted",
        "without an address": "not permitted",
        "without an address of version 6": "not permitted",
        "nobody": "nobody there",
        "api": "127.0.0.1",
        "names": "known",
        "other datagrams": "no way",
        "secrets of the cloud": "not permitted",
        "itself": "itself",
        "from outside": "no way",
    }


@pytest.mark.parametrize("options", [{}, {"zygote": False}, {"zygote": False, "bubblewrap": False}])
def test_it_is_on_by_default_and_leaves_nothing(guard_works: None, folder: Path, options: dict[str, bool]) -> None:
    backend = sandbox("sandbox", **options)

    async def play(factory: ContainerFactory) -> None:
        assert isinstance(factory, SandboxFactory)
        assert factory.report_of("network").on
        container = await started(factory, backend, HELLO)
        assert len(groups(factory)) == 1
        await container.suspend()
        await container.resume()
        assert body_of(await container.run(run_body({}), PATIENCE)).status == 200
        await container.destroy()
        assert not groups(factory)
        await started(factory, backend, HELLO)
        await factory.close()
        assert not groups(factory)

    scenario(backend, folder, play)


def test_a_process_is_born_in_its_group(guard_works: None, folder: Path) -> None:
    """Moving there later would take 10 ms."""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, AUTO, HELLO)
        process = container._parts.process  # type: ignore[attr-defined]
        assert process is not None
        groups_of = cgroup.groups_of_process(process.pid)
        assert groups_of[""].endswith(f"{cgroup.PREFIX}{container.id}")

    scenario(AUTO, folder, play)


OWNER = """
import asyncio, sys
from pathlib import Path
from tests.container.backends import HELLO, sandbox, started
async def act():
    backend = sandbox("sandbox")
    factory = backend.make(Path(sys.argv[1]))
    await factory.start()
    await started(factory, backend, HELLO)
    print(factory.boot, flush=True)
    await asyncio.sleep(600)
asyncio.run(act())
"""


def test_after_kill_of_the_node_the_next_one_removes_its_groups(guard_works: None, folder: Path) -> None:
    """Nothing else is left of the guard."""
    node = subprocess.Popen([sys.executable, "-c", OWNER, str(folder)], stdout=subprocess.PIPE, text=True, cwd=CHECKOUT)
    with node:
        assert node.stdout is not None
        boot = node.stdout.readline().strip()
        node.kill()
    parent = cgroup.tree_of(cgroup.detect())
    assert parent is not None
    assert len(list(parent.glob(f"{cgroup.PREFIX}{boot}-*"))) == 1

    async def play(factory: ContainerFactory) -> None:
        assert not list(parent.glob(f"{cgroup.PREFIX}{boot}-*"))

    scenario(AUTO, folder, play)


def test_sockets_without_a_path(folder: Path) -> None:
    """Those of others are not for a sandbox that was forked, where the kernel can say so; its own are."""
    code = """
import socket
def main(args):
    own = socket.socket(socket.AF_UNIX)
    own.bind('\\0of my own')
    own.listen()
    socket.socket(socket.AF_UNIX).connect('\\0of my own')
    try:
        socket.socket(socket.AF_UNIX).connect('\\0' + args['name'])
    except PermissionError:
        return {'hidden': True}
    return {'hidden': False}
"""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, AUTO, code)
        name = f"owactors test {os.getpid()}"
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(f"\0{name}")
            other.listen()
            answer = body_of(await container.run(run_body({"name": name}), PATIENCE)).body
        assert json.loads(answer) == {"hidden": rules_know_sockets()}

    scenario(AUTO, folder, play)


def rules_know_sockets() -> bool:
    """The version of the kernel's rules for processes (Landlock) is 6 or later."""
    return int(ctypes.CDLL(None).syscall(444, None, 0, 1)) >= 6


def test_a_process_that_was_forked_guards_too(guard_works: None) -> None:
    """It has not the descriptors of its parent."""
    layout, guard = guarding.guarded(cgroup.detect(), (3233,))
    group = cgroup.create(layout, "forked")
    assert group is not None
    try:
        tried = 0
        if (child := os.fork()) == 0:
            try:
                silence(set())
                guard.watch(group.tree)  # type: ignore[arg-type]
                tried = 7
            finally:
                os._exit(tried)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    finally:
        guard.close()
        assert group.remove()


def test_without_groups_of_version_2_the_report_says_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a node that was told to guard refuses to start."""
    monkeypatch.setattr(guarding, "tree_of", lambda layout: None)

    async def play(factory: ContainerFactory) -> None:
        assert isinstance(factory, SandboxFactory)
        report = factory.report_of("network")
        assert (report.on, "no control group of version 2" in report.detail) == (False, True)
        await started(factory, AUTO, HELLO)

    scenario(AUTO, folder, play)
    with pytest.raises(WhiskContainerStartupError, match=r"no control group of version 2.*Set sandbox.network"):
        asyncio.run(Backend("x", sandbox("x", network="guarded").make).make(folder).start())


def test_a_guard_that_does_not_guard_is_found_out(guard_works: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trial does what is forbidden."""
    monkeypatch.setattr(Guard, "watch", lambda self, folder: None)
    with pytest.raises(GuardFailed, match="could be reached all the same"):
        guarding.guarded(cgroup.detect(), ())


def refuses_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    """As kernels before Linux 5.9 do."""

    def refuse(kind: int, key: int, value: int, entries: int) -> int:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr("owactors.container.network.bpf.make_map", refuse)


def attaches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found out by the trial."""
    monkeypatch.setattr(Refusing, "watch", lambda self, group: None)


@pytest.mark.parametrize(
    ("lacking", "reason"), [(refuses_maps, "Invalid argument"), (attaches_nothing, "not refused at once")]
)
def test_where_nothing_can_be_refused_at_once(
    guard_works: None,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    lacking: Callable[[pytest.MonkeyPatch], None],
    reason: str,
) -> None:
    """Packets are dropped, the answer never comes, and the report says so."""
    lacking(monkeypatch)

    async def play(factory: ContainerFactory) -> None:
        assert isinstance(factory, SandboxFactory)
        report = factory.report_of("network")
        assert report.on
        assert "a connection that is refused gets no answer" in report.detail
        assert reason in report.detail
        container = await started(factory, AUTO, EAGER)
        with socket.create_server(("127.0.0.1", 0)) as server:
            assert await outcome_of(container, server.getsockname()[1]) == "TimeoutError"

    scenario(AUTO, folder, play)


EAGER = """
import socket
kept = []
def main(args):
    if args['listen']:
        kept.append(socket.socket(socket.AF_INET, socket.SOCK_STREAM, args['protocol']))
        kept[-1].bind(('127.0.0.1', args['port']))
        kept[-1].listen()
    try:
        socket.create_connection(('127.0.0.1', args['port']), 1).close()
    except OSError as error:
        return {'outcome': type(error).__name__}
    return {'outcome': 'there'}
"""
MULTIPATH = 262


async def outcome_of(container: Container, port: int, protocol: int | None = None) -> str:
    """Of a connection to this port, at which it has begun to listen by itself if `protocol` is given."""
    asked = {"port": port, "listen": protocol is not None, "protocol": protocol or 0}
    answer = body_of(await container.run(run_body(asked), PATIENCE)).body
    return str(json.loads(answer)["outcome"])


@pytest.mark.parametrize("protocol", [0, MULTIPATH], ids=["", "multipath"])
def test_what_a_sandbox_itself_listens_on(guard_works: None, folder: Path, protocol: int) -> None:
    """It reaches, and others do not, also where the kernel makes the socket that listens."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol):
            pass
    except OSError:
        pytest.skip("this kernel has no multipath connections")

    async def play(factory: ContainerFactory) -> None:
        one, other = [await started(factory, AUTO, EAGER) for _ in range(2)]
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        assert await outcome_of(one, port) == "ConnectionRefusedError"
        assert await outcome_of(one, port, protocol) == "there"
        assert await outcome_of(other, port) == "PermissionError"

    scenario(AUTO, folder, play)


def test_addresses_of_this_machine(tmp_path: Path) -> None:
    """All that packets to it may have, but those that begin with 127."""
    assert own_addresses(tmp_path) == {IPv6Address("::1").packed}
    (tmp_path / "fib_trie").write_text(
        "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n"
        "Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 192.0.2.7\n        /32 host LOCAL\n"
        "     |-- 192.0.2.255\n        /32 link BROADCAST\n"
    )
    (tmp_path / "if_inet6").write_text("20010db8000000000000000000000007 02 40 20 80     eth0\n")
    known = {str(IPv6Address(address)) for address in own_addresses(tmp_path)}
    assert known == {"::1", "2001:db8::7", str(IPv6Address("::ffff:192.0.2.7"))}


def test_addresses_come_and_go(guard_works: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs know at the next look."""
    refusing = Refusing.make(())
    one, other = IPv6Address("2001:db8::7").packed, IPv6Address("2001:db8::8").packed
    try:
        for now in ({one}, {one, other}, {other}):
            monkeypatch.setattr("owactors.container.network.refusing.own_addresses", lambda now=now: now)
            refusing.refresh()
        with pytest.raises(OSError, match="No such file"):
            bpf.drop(refusing._addresses, one)
        bpf.drop(refusing._addresses, other)
    finally:
        refusing.close()


def test_the_kernel_may_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may not load programs learns why."""

    def refuse(program: bytes, way: int, name: str) -> int:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("owactors.container.network.bpf.load", refuse)
    with pytest.raises(GuardFailed, match="takes no programs"):
        Guard.make((3233,))
    monkeypatch.setattr(guarding, "tree_of", lambda layout: Path("/nowhere"))
    with pytest.raises(GuardFailed, match="takes no programs"):
        guarding.guarded(CgroupLayout(), ())
