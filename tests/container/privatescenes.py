"""What is tried with sandboxes in a private network, each in a machine of its own (see privatehost.py)."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from owactors.container.network.namespaces import inside
from owactors.container.network.netlink import Netlink
from owactors.container.port import Container, WhiskContainerStartupError
from owactors.container.sandbox.container import SandboxContainer
from owactors.container.sandbox.factory import SandboxFactory
from tests.container.backends import PATIENCE, Backend, body_of, run_body, sandbox, started
from tests.container.lives import SEED, TIMES, Lives
from tests.container.privatehost import HERE, OUTSIDE, listener
from tests.container.reality import reality_of

REACH = """
import os, socket, threading
kept = []
def greet(server):
    while True:
        link = server.accept()[0]
        link.sendall(b'itself')
        link.close()
def main(args):
    if args.get('listen'):
        kept.append(socket.create_server(('0.0.0.0', 8080)))
        threading.Thread(target=greet, args=(kept[-1],), daemon=True).start()
    answers = {}
    for name, place in args.get('places', {}).items():
        try:
            with socket.create_connection(tuple(place), args.get('patience', 1)) as link:
                link.settimeout(5)
                answers[name] = link.recv(100).decode()
        except PermissionError:
            answers[name] = 'not permitted'
        except ConnectionRefusedError:
            answers[name] = args.get('refused', 'no way')
        except OSError as error:
            answers[name] = 'no way'
    for name, place in args.get('datagrams', {}).items():
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.settimeout(5)
                sock.sendto(b'?', tuple(place))
                answers[name] = sock.recv(100).decode()
        except OSError as error:
            answers[name] = 'no way'
    with open('/etc/resolv.conf') as file:
        names = [line.split()[1] for line in file if line.startswith('nameserver')]
    with open('/proc/net/dev') as file:
        devices = [line.split(':')[0].strip() for line in file.readlines()[2:]]
    v6 = open('/proc/net/if_inet6').read() if os.path.exists('/proc/net/if_inet6') else ''
    return {'answers': answers, 'names': names, 'devices': devices, 'v6': v6}
"""


def private(name: str, **options: Any) -> Backend:
    """A sandbox back end with a private network."""
    chosen: dict[str, Any] = {"bubblewrap": {"zygote": False}}.get(name, {})
    return sandbox(name, network="private", dns=("203.0.113.7",), **chosen, **options)


def guarded(name: str, **options: Any) -> Backend:
    """A sandbox back end in this machine's network, with the guard."""
    chosen: dict[str, Any] = {"bubblewrap": {"zygote": False}, "plain": {"zygote": False, "bubblewrap": False}}
    return sandbox(name, network="guarded", **chosen.get(name, {}), **options)


async def opened(backend: Backend, folder: Path) -> SandboxFactory:
    """A factory that has started."""
    factory = backend.make(folder)
    assert isinstance(factory, SandboxFactory)
    await factory.start()
    return factory


async def ask(container: Container, **arguments: Any) -> dict[str, Any]:
    """What the function REACH says."""
    answer: dict[str, Any] = json.loads(body_of(await container.run(run_body(arguments), PATIENCE)).body)
    return answer


def address_of(container: Container) -> str:
    """In the private network."""
    assert isinstance(container, SandboxContainer)
    assert container._parts.wire is not None
    return str(container._parts.wire.address.ip)


async def reach(name: str, folder: Path, outside: int) -> dict[str, Any]:
    """Out to the world, to a neighbour, and to whatever listens on the node's machine."""
    factory = await opened(private(name), folder)
    backend = private(name)
    gateway = factory._wires.network.border.gateway  # type: ignore[union-attr]
    loopback, everywhere = socket.create_server(("127.0.0.1", 0)), socket.create_server(("0.0.0.0", 0))
    try:
        one, other = [await started(factory, backend, REACH) for _ in range(2)]
        await ask(other, listen=True)
        with listener(str(OUTSIDE.ip), outside) as port, loopback, everywhere:
            open_port = everywhere.getsockname()[1]
            said = await ask(
                one,
                places={
                    "outside": (str(OUTSIDE.ip), port),
                    "neighbour": (address_of(other), 8080),
                    "loopback": ("127.0.0.1", loopback.getsockname()[1]),
                    "node": (str(HERE.ip), open_port),
                    "gateway": (gateway, open_port),
                    "secrets of the cloud": ("169.254.169.254", 80),
                },
            )
        return {**said, "network": factory.report_of("network").detail, "on": factory.report_of("network").on}
    finally:
        await factory.close()


async def guarded_reach(name: str, folder: Path, outside: int) -> dict[str, Any]:
    """The same with the guard: besides, what listens in the sandbox itself, and what the operator opened."""
    with (
        listener("127.0.0.1") as loopback,
        listener("::1") as sixth,
        listener("0.0.0.0") as everywhere,
        listener("127.0.0.1") as api,
        listener(str(OUTSIDE.ip), outside) as port,
        answering("127.0.0.53", 53) as names,
        answering("127.0.0.1") as other_datagrams,
    ):
        backend = guarded(name, own_ports=(api,))
        factory = await opened(backend, folder)
        try:
            one, other = [await started(factory, backend, REACH) for _ in range(2)]
            await ask(other, listen=True)
            with listener("127.0.0.1") as unused:
                pass
            places = {
                "outside": (str(OUTSIDE.ip), port),
                "neighbour": ("127.0.0.1", 8080),
                "loopback": ("127.0.0.1", loopback),
                "loopback of version 6": ("::1", sixth),
                "in disguise": ("::ffff:127.0.0.1", loopback),
                "another of its addresses": ("127.0.0.2", everywhere),
                "node": (str(HERE.ip), everywhere),
                "without an address": ("0.0.0.0", loopback),
                "without an address of version 6": ("::", sixth),
                "nobody": ("127.0.0.1", unused),
                "api": ("127.0.0.1", api),
                "secrets of the cloud": ("169.254.169.254", 80),
            }
            said = await ask(
                one,
                patience=20,
                refused="nobody there",
                places=places,
                datagrams={"names": names, "other datagrams": other_datagrams},
            )
            itself = await ask(other, places={"itself": ("127.0.0.1", 8080)})
            entered = await asyncio.to_thread(inside, outside, lambda: _connects((str(HERE.ip), 8080)))
            return {**said["answers"], **itself["answers"], "from outside": entered}
        finally:
            await factory.close()


@contextmanager
def answering(address: str, port: int = 0) -> Iterator[tuple[str, int]]:
    """Something that answers datagrams; where."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((address, port))
        asyncio.get_running_loop().add_reader(sock, lambda: sock.sendto(b"known", sock.recvfrom(100)[1]))
        try:
            yield sock.getsockname()
        finally:
            asyncio.get_running_loop().remove_reader(sock)


def _connects(place: tuple[str, int]) -> str:
    try:
        socket.create_connection(place, 1).close()
    except OSError:
        return "no way"
    return "in"


async def open_port(name: str, folder: Path, outside: int) -> dict[str, Any]:
    """One port of the machine is opened, another one not."""
    with listener("0.0.0.0") as wanted, listener("0.0.0.0") as other:
        backend = private(name, open_ports=(wanted,))
        factory = await opened(backend, folder)
        try:
            gateway = factory._wires.network.border.gateway  # type: ignore[union-attr]
            one = await started(factory, backend, REACH)
            return await ask(one, places={"wanted": (gateway, wanted), "other": (gateway, other)})
        finally:
            await factory.close()


async def into(name: str, folder: Path, outside: int) -> dict[str, Any]:
    """From the world to a sandbox that listens there is no way, though the world has a route to it."""
    backend = private(name)
    factory = await opened(backend, folder)
    try:
        one = await started(factory, backend, REACH)
        await ask(one, listen=True)

        def call() -> str:
            with Netlink() as kernel:
                kernel.add_default_route(HERE.ip)
            return _connects((address_of(one), 8080))

        return {"from outside": await asyncio.to_thread(inside, outside, call)}
    finally:
        await factory.close()


def traces() -> dict[str, Any]:
    """Devices, rules and switches that a private network makes."""
    with Netlink() as kernel:
        devices = sorted(name for name in kernel.links() if name.startswith("ow"))
    rules = ""
    for tool in (["iptables-save"], ["nft", "list", "ruleset"]):
        try:
            rules += subprocess.run(tool, capture_output=True, text=True, timeout=30).stdout
        except FileNotFoundError:
            continue
    forwarding = Path("/proc/sys/net/ipv4/conf/up0/forwarding").read_text().strip()
    return {"devices": devices, "rules": "owactors" in rules.lower() or "owb-" in rules, "forwarding": forwarding}


async def life(name: str, folder: Path, outside: int) -> list[dict[str, Any]]:
    """Traces before, while it lives, when a sandbox is gone, and after the end."""
    backend = private(name)
    seen = [traces()]
    factory = await opened(backend, folder)
    one, two = [await started(factory, backend, REACH) for _ in range(2)]
    device = one._parts.wire.device  # type: ignore[attr-defined]
    seen.append(traces())
    await one.destroy()
    await _until(lambda: device not in traces()["devices"])
    seen.append({**traces(), "gone": device})
    await two.suspend()
    await factory.close()
    seen.append(traces())
    return seen


async def killed(name: str, folder: Path, outside: int) -> list[dict[str, Any]]:
    """Traces after kill -9 of a node, and after the start and end of the next one."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OWNER, name, str(folder)), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert (await process.stdout.readline()).strip() == b"ready"
    process.send_signal(signal.SIGKILL)
    await process.wait()
    seen = [traces()]
    factory = await opened(private(name), folder)
    await factory.close()
    seen.append(traces())
    return seen


OWNER = """
import asyncio, sys
from pathlib import Path
from tests.container.privatescenes import *
async def act():
    factory = await opened(private(sys.argv[1]), Path(sys.argv[2]))
    await started(factory, private(sys.argv[1]), REACH)
    print("ready", flush=True)
    await asyncio.sleep(600)
asyncio.run(act())
"""


async def two_nodes(name: str, folder: Path, outside: int) -> dict[str, Any]:
    """Two nodes of one machine: other addresses, no way between their sandboxes, and one's end leaves the other's."""
    first, second = [await opened(private(name), folder / part) for part in ("a", "b")]
    try:
        one = await started(first, private(name), REACH)
        other = await started(second, private(name), REACH)
        await ask(other, listen=True)
        there = await ask(one, places={"other": (address_of(other), 8080)})
        await first.close()
        with listener(str(OUTSIDE.ip), outside) as port:
            later = await ask(other, places={"outside": (str(OUTSIDE.ip), port)})
        return {"between": there["answers"], "later": later["answers"]}
    finally:
        await first.close()
        await second.close()


async def zygote_dies(name: str, folder: Path, outside: int) -> dict[str, Any]:
    """Namespaces that waited for the old zygote are of no use to the new one, and go."""
    backend = private(name)
    factory = await opened(backend, folder)
    try:
        await started(factory, backend, REACH)
        await _until(lambda: len(factory._wires._ready) == 4)  # type: ignore[union-attr]
        assert factory._zygotes is not None
        zygote = await factory._zygotes.get()
        os.kill(zygote.process.pid, signal.SIGKILL)
        await zygote.process.ended(PATIENCE)
        one = await started(factory, backend, REACH)
        with listener(str(OUTSIDE.ip), outside) as port:
            return await ask(one, places={"outside": (str(OUTSIDE.ip), port)})
    finally:
        await factory.close()


async def refused(name: str, folder: Path, outside: int) -> dict[str, Any]:
    """Without a tool for rules the start says what is missing, and leaves nothing."""
    os.environ["PATH"] = "/nowhere"
    try:
        await opened(private(name), folder)
    except WhiskContainerStartupError as error:
        os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
        return {"said": str(error), **traces()}
    return {"said": ""}


async def random_lives(name: str, folder: Path, outside: int) -> dict[str, int]:
    """How often each operation was done; an error if books and machine ever differ."""
    backend = private(name)
    factory = await opened(backend, folder)
    try:
        lives = Lives(backend, factory, reality_of(factory, folder), SEED)
        await lives.play(int(250 * TIMES))
        return lives.done
    finally:
        await factory.close()


async def _until(condition: Any) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not condition():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.02)
