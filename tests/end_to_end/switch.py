"""Hosts as network namespaces on a switch (a bridge of this machine); needs root. Everything is removed at the end."""

from __future__ import annotations

import asyncio
import ctypes
import os
import random
import secrets
import shutil
import socket
import threading
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path
from urllib.parse import urlsplit

from attrs import evolve, frozen

from owactors.store.couchdb.settings import CouchSettings
from tests.actorbase.hosts import NoHosts, ip
from tests.end_to_end.cable import slow_cable, tap
from tests.end_to_end.nodes import LiveNode

_CLONE_NEWNET = 0x40000000
#: the number of the place where services are: no host, what comes from it is answers only
SERVICES = 0
#: an address that no card has
NOBODY = "02:00:00:00:00:01"


@frozen
class Switch:
    """A bridge of this machine with hosts on it; `address` is the machine's own, `services` is where services are."""

    address: str
    services: str
    hosts: tuple[str, ...]
    mark: str

    def host_address(self, host: int) -> str:
        """Of the host with this number, from 1."""
        return f"{self.address.rpartition('.')[0]}.{host}"

    def link(self, host: int, state: str) -> None:
        """ "down" cuts the host off, "up" heals it."""
        ip("link", "set", f"op{self.mark}{host}", state)

    @contextmanager
    def parted(self, some: Collection[int], others: Collection[int]) -> Iterator[None]:
        """Neither side can reach the other: frames go nowhere, in silence. Hosts by number, SERVICES among them."""
        ways = [*product(some, others), *product(others, some)]
        with ExitStack() as stack:
            for here, there in ways:
                if here != SERVICES:
                    self._neighbour("replace", here, there, "lladdr", NOBODY, "nud", "permanent")
                    stack.callback(self._neighbour, "delete", here, there)
            yield

    def _neighbour(self, what: str, here: int, there: int, *more: str) -> None:
        address = self.services if there == SERVICES else self.host_address(there)
        ip("-n", self.hosts[here - 1], "neighbour", what, address, "dev", f"oi{self.mark}{here}", *more)

    @contextmanager
    def slow(self, host: int, delay: float, loss: float) -> Iterator[None]:
        """The host's cable delays each frame by so many seconds and loses this share of them."""
        near, far, beyond = f"on{self.mark}{host}", f"of{self.mark}{host}", f"ox{self.mark}{host}"
        port, bridge = f"op{self.mark}{host}", f"ob{self.mark}"
        with ExitStack() as stack:
            ends = [tap(near), tap(far)]
            for end in ends:
                stack.callback(os.close, end)
            ip("link", "add", beyond, "type", "bridge")
            stack.callback(ip, "link", "delete", beyond)
            stack.callback(ip, "link", "set", port, "master", bridge)
            for device, master in ((near, bridge), (far, beyond), (port, beyond)):
                ip("link", "set", device, "master", master, "up")
            ip("link", "set", beyond, "up")
            stack.enter_context(slow_cable(*ends, delay, loss))
            yield

    def stand_on(self, host: int) -> None:
        """From now on this thread's new connections come from the host."""
        libc = ctypes.CDLL(None, use_errno=True)
        with Path(f"/run/netns/{self.hosts[host - 1]}").open() as namespace:
            if libc.setns(namespace.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns {namespace.name}")


@contextmanager
def own_net() -> Iterator[str]:
    """The first three parts of the addresses of a net that nothing else here has, nor another test at the same time."""
    taken = ip("-o", "-4", "address")
    for number in random.sample(range(250), 250):
        net = f"10.214.{number}"
        with socket.socket(socket.AF_UNIX) as mark:
            if f" {net}." not in taken and _bound(mark, f"\0owactors-test-{net}"):
                yield net
                return
    raise NoHosts("no net is free")


def _bound(mark: socket.socket, name: str) -> bool:
    """False if another test has the name."""
    try:
        mark.bind(name)
    except OSError:
        return False
    return True


@contextmanager
def switched(count: int) -> Iterator[Switch]:
    """NoHosts where that cannot be."""
    if os.geteuid() or shutil.which("ip") is None:
        raise NoHosts("network namespaces need root and the program ip")
    mark = secrets.token_hex(3)
    bridge = f"ob{mark}"
    with ExitStack() as stack:
        net = stack.enter_context(own_net())
        ip("link", "add", bridge, "type", "bridge")
        stack.callback(ip, "link", "delete", bridge)
        for own in (f"{net}.254", f"{net}.253"):
            ip("address", "add", f"{own}/24", "dev", bridge)
        ip("link", "set", bridge, "up")
        for number in range(1, count + 1):
            name, inner, outer = f"owactors-{mark}-{number}", f"oi{mark}{number}", f"op{mark}{number}"
            ip("netns", "add", name)
            stack.callback(ip, "netns", "delete", name)
            ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", name)
            ip("link", "set", outer, "master", bridge, "up")
            ip("-n", name, "address", "add", f"{net}.{number}/24", "dev", inner)
            for device in (inner, "lo"):
                ip("-n", name, "link", "set", device, "up")
        names = tuple(f"owactors-{mark}-{number}" for number in range(1, count + 1))
        yield Switch(f"{net}.254", f"{net}.253", names, mark)


def placed(node: LiveNode, switch: Switch, host: int, *environment: str) -> None:
    """The node will live on this host, with these variables (NAME=value)."""
    node.host = switch.host_address(host)
    node.prefix = ("ip", "netns", "exec", switch.hosts[host - 1], "env", *environment)
    node.options = ("--host", node.host, *node.options)


@contextmanager
def reachable(address: str, couchdb: CouchSettings) -> Iterator[CouchSettings]:
    """The CouchDB of this machine's loopback, on the switch."""
    place = urlsplit(couchdb.url)
    loop, ports = asyncio.new_event_loop(), []

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            theirs, mine = await asyncio.open_connection(place.hostname, place.port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(copy(reader, mine), copy(theirs, writer))

    async def serve() -> None:
        server = await asyncio.start_server(connected, address, 0)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()

    ready = threading.Event()
    loop.create_task(serve())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    assert ready.wait(10)
    yield evolve(couchdb, url=f"http://{address}:{ports[0]}")
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
