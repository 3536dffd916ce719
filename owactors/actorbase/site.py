"""What all processes of a system agree on: folder, key, the address they show, whether other hosts may call."""

from __future__ import annotations

import ipaddress
import os
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from thespian.actors import ActorSystemException
from thespian.system.messages.convention import CONV_ADDR_IPV4_CAPABILITY
from thespian.system.transport.IPBase import thisSystem

from owactors.actorbase.addresses import LOOPBACK, LOOPBACK_6, Address, address, family_of
from owactors.actorbase.keys import load_key
from owactors.actorbase.sockets import Listening, make_folder
from owactors.actorbase.tls import Tls

PORT = "Admin Port"
FOLDER = "Actor Folder"
KEY_FILE = "Actor Key File"
LISTEN = "Listen Address"
EXIT_WITH_STARTER = "Exit With Starter"
DEFAULT_PORT = 1900
PROCESS_PORT = "Process Port"
"""A requirement of createActor(): the port of the new process, so that other hosts know where its first actor is."""


NOT_SUPPORTED = ("Admin Routing", "Outbound Only")


class Unsupported(ActorSystemException):  # type: ignore[misc]
    """A capability asks for something that this base has not got; the message says what to do instead."""


@dataclass(frozen=True)
class Site:
    """Read from the capabilities once, inherited by every process of the system."""

    folder: str
    temporary: bool
    """The folder is of our own choice, and goes when the admin goes."""
    host: str
    """The IP address that the processes bind to and show."""
    networked: bool
    """Processes accept TCP connections; else only unix sockets, and the admin on the loopback interface."""
    admin: Address
    key: bytes = field(repr=False)
    tls: Tls | None = None
    """For connections over TCP."""

    @classmethod
    def of(cls, capabilities: Mapping[str, Any]) -> Site:
        """Unsupported, BadKeyFile, PermissionError, OSError, and what Tls.of raises."""
        _check_supported(capabilities)
        port = int(capabilities.get(PORT, DEFAULT_PORT))
        given = capabilities.get(FOLDER)
        folder = make_folder(str(given) if given else _own_folder(port))
        key = load_key(str(capabilities.get(KEY_FILE) or os.path.join(folder, "key")))
        host, networked = _shown_host(capabilities)
        return cls(folder, not given, host, networked, address(host, port), key, Tls.of(capabilities))

    def listen(self, port: int = 0, tcp: bool | None = None) -> Listening:
        """The sockets of a new process. OSError if the port is taken."""
        return Listening(self.folder, port, self.host, self.networked if tcp is None else tcp)


def _check_supported(capabilities: Mapping[str, Any]) -> None:
    for name in NOT_SUPPORTED:
        if capabilities.get(name):
            raise Unsupported(
                f"this actor base does not know the capability {name!r}: its processes speak with those of other hosts "
                "directly, both ways. Leave the capability out and open the ports, or use multiprocTCPBase."
            )


def _own_folder(port: int) -> str:
    return os.path.join(tempfile.gettempdir(), f"owactors-{os.geteuid()}-{port}")


def _shown_host(capabilities: Mapping[str, Any]) -> tuple[str, bool]:
    """The address to bind to, and whether to accept calls over TCP."""
    explicit = capabilities.get(LISTEN)
    leader = leaders(capabilities)
    if explicit:
        host = str(explicit)
    elif leader:
        host = _towards(leader[0].addressDetails.sockname[0])
    else:
        return LOOPBACK, False
    thisSystem.add_local_addr(host)
    return host, True


def leaders(capabilities: Mapping[str, Any]) -> list[Address]:
    """The possible leaders of the convention."""
    given = capabilities.get(CONV_ADDR_IPV4_CAPABILITY)
    if not given:
        return []
    return [parse_address(each) for each in (given if isinstance(given, list) else [given])]


def parse_address(text: str | tuple[str, Any]) -> Address:
    """The admin at `host:port`, `host`, or a pair of them; an IPv6 address with a port stands in brackets."""
    host, port = _split(text) if isinstance(text, str) else text
    return address(_resolve(host) if host else LOOPBACK, int(port or DEFAULT_PORT))


def _split(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        return host, port.removeprefix(":")
    if text.count(":") > 1:
        return text, ""
    host, _, port = text.partition(":")
    return host, port


def _resolve(name: str) -> str:
    """IPv4 if it has such an address. OSError."""
    if ":" in name:
        return str(ipaddress.IPv6Address(name))
    try:
        return socket.gethostbyname(name)
    except socket.gaierror:
        return str(socket.getaddrinfo(name, None, socket.AF_INET6)[0][4][0])


def _towards(host: str) -> str:
    """Our own address on the way to that host; sends nothing."""
    if host.startswith("127."):
        return LOOPBACK
    if host == LOOPBACK_6:
        return host
    with socket.socket(family_of(host), socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
        except OSError:
            return LOOPBACK
        return str(probe.getsockname()[0])
