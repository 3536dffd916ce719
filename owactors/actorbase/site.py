"""What all processes of a system agree on: folder, key, the address they show, whether other hosts may call."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from thespian.system.messages.convention import CONV_ADDR_IPV4_CAPABILITY
from thespian.system.transport.IPBase import thisSystem

from owactors.actorbase.addresses import LOOPBACK, Address, address
from owactors.actorbase.keys import load_key
from owactors.actorbase.sockets import Listening, make_folder

PORT = "Admin Port"
FOLDER = "Actor Folder"
KEY_FILE = "Actor Key File"
LISTEN = "Listen Address"
EXIT_WITH_STARTER = "Exit With Starter"
DEFAULT_PORT = 1900
PROCESS_PORT = "Process Port"
"""A requirement of createActor(): the port of the new process, so that other hosts know where its first actor is."""


@dataclass(frozen=True)
class Site:
    """Read from the capabilities once, inherited by every process of the system."""

    folder: str
    temporary: bool
    """The folder is of our own choice, and goes when the admin goes."""
    host: str
    """The IPv4 address that the processes bind to and show."""
    networked: bool
    """Processes accept TCP connections; else only unix sockets, and the admin on the loopback interface."""
    admin: Address
    key: bytes = field(repr=False)

    @classmethod
    def of(cls, capabilities: Mapping[str, Any]) -> Site:
        """BadKeyFile, PermissionError, OSError."""
        port = int(capabilities.get(PORT, DEFAULT_PORT))
        given = capabilities.get(FOLDER)
        folder = make_folder(str(given) if given else _own_folder(port))
        key = load_key(str(capabilities.get(KEY_FILE) or os.path.join(folder, "key")))
        host, networked = _shown_host(capabilities)
        return cls(folder, not given, host, networked, address(host, port), key)

    def listen(self, port: int = 0, tcp: bool | None = None) -> Listening:
        """The sockets of a new process. OSError if the port is taken."""
        return Listening(self.folder, port, self.host, self.networked if tcp is None else tcp)


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
    """The admin at `host:port`, `host`, or a pair of them."""
    host, _, port = text.partition(":") if isinstance(text, str) else (text[0], "", text[1])
    name = socket.gethostbyname(host) if host else LOOPBACK
    return address(name, int(port or DEFAULT_PORT))


def _towards(host: str) -> str:
    """Our own address on the way to that host; sends nothing."""
    if host.startswith("127."):
        return LOOPBACK
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
        except OSError:
            return LOOPBACK
        return str(probe.getsockname()[0])
