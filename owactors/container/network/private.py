"""The private network of one life of a node: a bridge, rules, and network namespaces that are ready before they are
wanted.

    sandbox ── eth0 ── wire ── port of the bridge, isolated from the others ── rules, NAT ── the node's own network

What the kernel does not forget by itself when the node is killed (bridge, rules, forwarding) is written down in the
node's folder before it is made; the next node removes it.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import zlib
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, ip_address
from pathlib import Path
from typing import Any

from attrs import asdict, define, evolve, field, frozen

from owactors.container.network import firewall
from owactors.container.network.firewall import Border, FirewallFailed
from owactors.container.network.namespaces import inside
from owactors.container.network.netlink import Netlink

RECORD = "network.json"
RESOLVERS = "resolv.conf"
BRIDGES = "owb-"
INSIDE = "eth0"
SIZE = 22
"""Bits of a network: 1,021 sandboxes, and a bridge has room for 1,023."""
RANGE = IPv4Network("10.192.0.0/11")
HOSTS_RESOLVERS = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))


class NetworkFailed(Exception):
    """There can be no private network here; the message says why."""


@frozen
class Wire:
    """A namespace with an address: `namespace` is an open descriptor, `device` the wire's end outside.

    `maker`: who made the namespace, and is the only one who can put a process into it without being root.
    """

    namespace: int
    device: str
    address: IPv4Interface
    maker: object = None


@define(eq=False)
class PrivateNetwork:
    """Blocks: use it in threads. `wire` and `cut` may run at the same time; `open` first, `close` last."""

    border: Border
    folder: Path
    tool: str = ""
    names_found: bool = True
    _numbers: set[int] = field(factory=set)
    _last: int = 1

    @classmethod
    def open(cls, boot: str, folder: Path, dns: Iterable[str] = (), ports: Iterable[int] = ()) -> PrivateNetwork:
        """Make bridge and rules. Raises NetworkFailed."""
        if os.geteuid() != 0:
            raise NetworkFailed("only root can make one")
        try:
            with Netlink() as kernel:
                network = free_network(boot, [*kernel.routes(), *map(IPv4Network, _addresses(host_resolvers()))])
            resolvers, here = write_resolvers(folder / RESOLVERS, tuple(dns))
            gateway = str(network.network_address + 1)
            border = Border(boot, BRIDGES + boot, BRIDGES, str(network), gateway, here, tuple(ports))
            made = cls(border, folder, names_found=bool(resolvers))
            made._set_up(IPv4Interface(f"{gateway}/{SIZE}"))
        except OSError as error:
            raise NetworkFailed(str(error)) from error
        return made

    def wire(self, namespace: int, maker: object = None) -> Wire:
        """Give a new namespace its end of a wire, an address and the way out. Raises OSError."""
        number = self._free_number()
        network = IPv4Network(self.border.network)
        device = f"ow{self.border.id}.{number}"
        wire = Wire(namespace, device, IPv4Interface((network.network_address + number, SIZE)), maker)
        try:
            with Netlink() as kernel:
                kernel.add_pair(device, INSIDE, namespace)
                _switch_off_ipv6(device)
                kernel.join(device, self.border.bridge)
            inside(namespace, lambda: _furnish(wire, network.network_address + 1))
        except BaseException:
            self.cut(evolve(wire, namespace=os.dup(namespace)))
            raise
        return wire

    def cut(self, wire: Wire) -> None:
        """Take a wire away, and close the namespace's descriptor."""
        with contextlib.suppress(OSError), Netlink() as kernel:
            kernel.delete(wire.device)
        os.close(wire.namespace)
        self._numbers.discard(int(wire.address.ip) - int(IPv4Network(self.border.network).network_address))

    def close(self) -> None:
        """Remove everything."""
        remove(self.folder)

    def detail(self) -> str:
        """In the operator's words."""
        text = f"own address in {self.border.network}, a way out by {self.tool}, none to this machine or other actions"
        if self.border.ports:
            text += f" but ports {', '.join(map(str, self.border.ports))} at {self.border.gateway}"
        return text if self.names_found else text + "; names are not found: set sandbox.dns_servers"

    def _set_up(self, gateway: IPv4Interface) -> None:
        bridge = self.border.bridge
        self._record()
        try:
            with Netlink() as kernel:
                kernel.add_bridge(bridge)
                _switch_off_ipv6(bridge)
                kernel.add_address(bridge, gateway)
                kernel.set_up(bridge)
                ways_out = [name for name in kernel.links() if name != "lo" and not name.startswith((BRIDGES, "ow"))]
            off = tuple(name for name in ways_out if _forwarding(name).read_text().strip() == "0")
            self.border = evolve(self.border, guarded=off)
            self._record()
            self.tool = firewall.install(self.border)
            for name in (*off, bridge):
                _forwarding(name).write_text("1")
        except (OSError, FirewallFailed) as failure:
            remove(self.folder)
            raise NetworkFailed(str(failure)) from failure

    def _record(self) -> None:
        new = self.folder / f"{RECORD}.new"
        new.write_text(json.dumps(asdict(self.border)))
        new.replace(self.folder / RECORD)

    def _free_number(self) -> int:
        """Not one that was used a moment ago: connections of the one before may be remembered."""
        most = (1 << (32 - SIZE)) - 3
        for step in range(most):
            number = 2 + (self._last - 1 + step) % most
            if number not in self._numbers:
                self._numbers.add(number)
                self._last = number
                return number
        raise OSError(f"all {most} addresses of the private network are in use")


def remove(folder: Path) -> None:
    """Remove what the node of this folder has made, whether it lives or not."""
    try:
        value: dict[str, Any] = json.loads((folder / RECORD).read_text())
        fields: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in value.items()}
        border = Border(**fields)
    except (OSError, ValueError, TypeError):
        return
    with contextlib.suppress(OSError), Netlink() as kernel:
        names = list(kernel.links())
        for name in names:
            if name == border.bridge or name.startswith(f"ow{border.id}."):
                kernel.delete(name)
        # Another node's sandboxes may need it still.
        if not [name for name in names if name.startswith(BRIDGES) and name != border.bridge]:
            for device in border.guarded:
                with contextlib.suppress(OSError):
                    _forwarding(device).write_text("0")
    firewall.remove(border)
    (folder / RECORD).unlink(missing_ok=True)


def free_network(boot: str, taken: Iterable[IPv4Network]) -> IPv4Network:
    """One that overlaps with none of those, begun to be looked for at a place of this node's own. Raises OSError."""
    used = list(taken)
    choices = 1 << (SIZE - RANGE.prefixlen)
    begin = zlib.crc32(boot.encode())
    for step in range(choices):
        base = int(RANGE.network_address) + (begin + step) % choices * (1 << (32 - SIZE))
        network = IPv4Network((base, SIZE))
        if not any(network.overlaps(other) for other in used):
            return network
    raise OSError(f"every network in {RANGE} is in use")


def host_resolvers() -> list[str]:
    """The name servers of this machine that can be reached from elsewhere."""
    for path in HOSTS_RESOLVERS:
        found = [words[1] for words in _lines(path) if len(words) > 1 and words[0] == "nameserver"]
        reachable = [address for address in found if _usable(address)]
        if reachable:
            return reachable
    return []


def write_resolvers(path: Path, wanted: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write a resolv.conf for sandboxes; its servers, and those of them that are addresses of this machine."""
    servers = wanted or tuple(host_resolvers())
    rest = [" ".join(words) for words in _lines(HOSTS_RESOLVERS[0]) if words[0] in ("search", "domain", "options")]
    path.write_text("\n".join([*rest, *(f"nameserver {server}" for server in servers), ""]))
    return servers, tuple(server for server in _addresses(servers) if _is_own(server))


def _lines(path: Path) -> list[list[str]]:
    try:
        return [words for line in path.read_text().splitlines() if (words := line.split())]
    except OSError:
        return []


def _usable(address: str) -> bool:
    try:
        return not ip_address(address).is_loopback and ip_address(address).version == 4
    except ValueError:
        return False


def _addresses(servers: Iterable[str]) -> list[str]:
    return [server for server in servers if _usable(server)]


def _is_own(address: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((address, 0))
        except OSError:
            return False
    return True


def _furnish(wire: Wire, gateway: IPv4Address) -> None:
    """In the new namespace."""
    with Netlink() as kernel:
        kernel.set_up("lo")
        _switch_off_ipv6("all")
        kernel.add_address(INSIDE, wire.address)
        kernel.set_up(INSIDE)
        kernel.add_default_route(gateway)


def _switch_off_ipv6(device: str) -> None:
    """Its addresses need nobody's leave, and the rules are for the other protocol. Where it is missing all is well."""
    path = Path(f"/proc/sys/net/ipv6/conf/{device}/disable_ipv6")
    if path.exists():
        path.write_text("1")


def _forwarding(device: str) -> Path:
    return Path(f"/proc/sys/net/ipv4/conf/{device}/forwarding")
