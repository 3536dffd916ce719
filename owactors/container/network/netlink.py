"""Network devices, addresses and routes, asked of the kernel (rtnetlink), so that no program is run for them."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from types import TracebackType

NEW_LINK, DELETE_LINK, GET_LINK, SET_LINK, NEW_ADDRESS, NEW_ROUTE, GET_ROUTE = 16, 17, 18, 19, 20, 24, 26
REQUEST, ACKNOWLEDGE, DUMP, EXCLUSIVE, CREATE = 0x1, 0x4, 0x300, 0x200, 0x400
ERROR, DONE = 2, 3
IF_NAME, IF_MASTER, IF_PROTOCOL_INFO, IF_LINK_INFO, IF_NAMESPACE = 3, 10, 12, 18, 28
INFO_KIND, INFO_DATA, VETH_PEER, PORT_ISOLATED = 1, 2, 1, 33
ADDRESS, LOCAL = 1, 2
ROUTE_TO, ROUTE_GATEWAY = 1, 5
NESTED = 0x8000
UP = 1
MAIN_TABLE, BOOT_PROTOCOL, UNICAST = 254, 3, 1
LARGEST = 1 << 16


class Netlink:
    """A conversation with the kernel about the network namespace in which the thread is that opens it.

    Everything raises OSError.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self._number = 0

    def __enter__(self) -> Netlink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def links(self) -> dict[str, int]:
        """Name -> index of every device."""
        found = {}
        for body in self._ask(GET_LINK, DUMP, _link()):
            name = _attributes(body[16:]).get(IF_NAME)
            if name is not None:
                found[name.rstrip(b"\0").decode()] = int(struct.unpack_from("=i", body, 4)[0])
        return found

    def routes(self) -> list[IPv4Network]:
        """Where all routes lead to, without the default one."""
        found = []
        for body in self._ask(GET_ROUTE, DUMP, struct.pack("=BBBBBBBBI", socket.AF_INET, *[0] * 8)):
            target = _attributes(body[12:]).get(ROUTE_TO)
            if target is not None and body[0] == socket.AF_INET:
                found.append(IPv4Network((target, body[1]), strict=False))
        return found

    def add_bridge(self, name: str) -> None:
        """A bridge that is down."""
        kind = _attribute(IF_LINK_INFO | NESTED, _attribute(INFO_KIND, b"bridge"))
        self._change(NEW_LINK, _link() + _attribute(IF_NAME, _text(name)) + kind, CREATE | EXCLUSIVE)

    def add_pair(self, name: str, peer: str, namespace: int) -> None:
        """Two devices joined by a wire: `name` here, `peer` in the namespace of this descriptor. Both are down."""
        other = _link() + _attribute(IF_NAME, _text(peer)) + _attribute(IF_NAMESPACE, struct.pack("=I", namespace))
        data = _attribute(INFO_DATA | NESTED, _attribute(VETH_PEER | NESTED, other))
        kind = _attribute(IF_LINK_INFO | NESTED, _attribute(INFO_KIND, b"veth") + data)
        self._change(NEW_LINK, _link() + _attribute(IF_NAME, _text(name)) + kind, CREATE | EXCLUSIVE)

    def join(self, name: str, bridge: str) -> None:
        """Make a device a port of a bridge that talks to no other such port, and set it up."""
        links = self.links()
        index = links[name]
        self._change(SET_LINK, _link(index) + _attribute(IF_MASTER, struct.pack("=I", links[bridge])))
        isolated = _attribute(IF_PROTOCOL_INFO | NESTED, _attribute(PORT_ISOLATED, b"\1"))
        self._change(SET_LINK, _link(index, family=socket.AF_BRIDGE) + isolated)
        self.set_up(name)

    def set_up(self, name: str) -> None:
        """Switch a device on."""
        self._change(SET_LINK, _link(self.links()[name], UP))

    def add_address(self, name: str, address: IPv4Interface) -> None:
        """Give a device an address with its network."""
        index, packed = self.links()[name], address.ip.packed
        head = struct.pack("=BBBBI", socket.AF_INET, address.network.prefixlen, 0, 0, index)
        self._change(NEW_ADDRESS, head + _attribute(LOCAL, packed) + _attribute(ADDRESS, packed), CREATE | EXCLUSIVE)

    def add_default_route(self, gateway: IPv4Address) -> None:
        """All that is not near goes there."""
        head = struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, MAIN_TABLE, BOOT_PROTOCOL, 0, UNICAST, 0)
        self._change(NEW_ROUTE, head + _attribute(ROUTE_GATEWAY, gateway.packed), CREATE | EXCLUSIVE)

    def delete(self, name: str) -> None:
        """Remove a device; one that is not there is fine."""
        index = self.links().get(name)
        if index is not None:
            try:
                self._change(DELETE_LINK, _link(index))
            except OSError as error:
                if error.errno != 19:  # no such device: somebody else was quicker
                    raise

    def _change(self, what: int, body: bytes, flags: int = 0) -> None:
        for _ in self._ask(what, ACKNOWLEDGE | flags, body):
            pass

    def _ask(self, what: int, flags: int, body: bytes) -> Iterator[bytes]:
        self._number += 1
        head = struct.pack("=IHHII", 16 + len(body), what, REQUEST | flags, self._number, 0)
        self._socket.send(head + body)
        while True:
            data = self._socket.recv(LARGEST)
            while len(data) >= 16:
                length, kind, _, number, _ = struct.unpack_from("=IHHII", data)
                message, data = data[16:length], data[_aligned(length) :]
                if number != self._number:
                    continue
                if kind == ERROR:
                    _raise(-int(struct.unpack_from("=i", message)[0]))
                    return
                if kind == DONE:
                    return
                yield message


def _raise(number: int) -> None:
    if number:
        raise OSError(number, os.strerror(number))


def _link(index: int = 0, flags: int = 0, family: int = socket.AF_UNSPEC) -> bytes:
    return struct.pack("=BBHiII", family, 0, 0, index, flags, flags)


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value.ljust(_aligned(len(value)), b"\0")


def _attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[4:length]
        data = data[_aligned(length) :]
    return found


def _aligned(length: int) -> int:
    return (length + 3) & ~3


def _text(name: str) -> bytes:
    return name.encode() + b"\0"
