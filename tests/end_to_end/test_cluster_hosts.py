"""Three hosts without Kafka, as network namespaces on a switch; needs root. A link is cut and healed."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from attrs import evolve, frozen

from owactors.store.couchdb.settings import CouchSettings
from tests.actorbase.hosts import NoHosts, ip
from tests.end_to_end.clusters import UP, Cluster
from tests.store.couchserver import CouchServer

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]


@frozen
class Switch:
    """A bridge of this machine with hosts on it; `address` is the machine's own."""

    address: str
    hosts: tuple[str, ...]
    mark: str

    def link(self, host: int, state: str) -> None:
        """ "down" cuts the host off, "up" heals it."""
        ip("link", "set", f"op{self.mark}{host}", state)


@contextmanager
def switched(count: int) -> Iterator[Switch]:
    """NoHosts where that cannot be. Everything is removed at the end."""
    if os.geteuid() or shutil.which("ip") is None:
        raise NoHosts("network namespaces need root and the program ip")
    mark, net = secrets.token_hex(3), f"10.214.{secrets.randbelow(250)}"
    bridge = f"ob{mark}"
    with ExitStack() as stack:
        ip("link", "add", bridge, "type", "bridge")
        stack.callback(ip, "link", "delete", bridge)
        ip("address", "add", f"{net}.254/24", "dev", bridge)
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
        yield Switch(f"{net}.254", names, mark)


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
        theirs, mine = await asyncio.open_connection(place.hostname, place.port)
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


@pytest.fixture
def switch() -> Iterator[Switch]:
    try:
        with switched(3) as made:
            yield made
    except NoHosts as reason:
        pytest.skip(f"no hosts to test with: {reason}")


def test_a_host_that_is_cut_off_is_down_and_comes_back(switch: Switch, tmp_path: Path) -> None:
    net = switch.address.rpartition(".")[0]
    with (
        CouchServer.running(tmp_path / "couchdb") as couch,
        couch.databases() as local,
        reachable(switch.address, local) as couchdb,
    ):
        cluster = Cluster(None, couchdb, tmp_path, "--set", "keys.guest_everywhere=true")
        cluster.buses = [f"{net}.1:3234"]
        controller = cluster.controller("0", "--bus", f"{net}.1:3234")
        invokers = [cluster.invoker(number) for number in range(2)]
        for number, node in enumerate((controller, *invokers)):
            node.host, node.prefix = f"{net}.{number + 1}", ("ip", "netns", "exec", switch.hosts[number])
            node.options = ("--host", node.host, *node.options)
        try:
            cluster.start()
            controller.wait_for(40, **UP)
            controller.deploy("quick", "def main(args):\n    return {'got': args}")
            assert controller.invoke("quick", {"n": 1}).json["response"]["result"] == {"got": {"n": 1}}
            switch.link(2, "down")
            controller.wait_for(30, invoker0="down", invoker1="up")
            reply = controller.invoke("quick", {"n": 2})
            assert (reply.status, invokers[1].ran(reply.json["activationId"])) == (200, True)
            switch.link(2, "up")
            controller.wait_for(30, **UP)
            assert controller.invoke("quick", {"n": 3}).status == 200
        finally:
            cluster.close()
