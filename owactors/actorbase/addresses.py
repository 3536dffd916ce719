"""Addresses of this base: host, port of the process, and the number of the actor in it (0 is the first).

Unlike stock addresses they are final from the start, hashable, and a small pickle.
"""

from __future__ import annotations

import socket
from typing import Any

from thespian.actors import ActorAddress
from thespian.system.addressManager import ActorAddressManager, ActorLocalAddress
from thespian.system.transport.IPBase import TCPv4ActorAddress, thisSystem

LOOPBACK = "127.0.0.1"
LOOPBACK_6 = "::1"


def family_of(host: str) -> socket.AddressFamily:
    """IPv6 if it has a colon."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


class Place(TCPv4ActorAddress):  # type: ignore[misc]
    """Where an actor is. Equal across the names of this host, as Thespian wants it."""

    __message__ = True

    def __init__(self, host: str, port: int, number: int = 0) -> None:
        self.af, self.socktype, self.proto = family_of(host), socket.SOCK_STREAM, socket.IPPROTO_TCP
        self.sockname = (host, port)
        self.bindname = ("", port)
        self.number = number

    def __eq__(self, other: object) -> bool:
        if type(other) is Place and self.sockname == other.sockname:
            return bool(self.number == other.number)
        if self.number != getattr(other, "number", 0) or not isinstance(other, TCPv4ActorAddress):
            return False
        return bool(thisSystem.cmpIP2Tuple(self.sockname, other.sockname))

    def __hash__(self) -> int:
        return hash((self.sockname[1], self.number))

    def __reduce__(self) -> tuple[Any, ...]:
        return Place, (*self.sockname, self.number)

    def _str_addr(self) -> str:
        host: str = super()._str_addr()
        return f"[{host}]" if ":" in host else host

    def _str_suffix(self) -> str:
        return f".{self.number}" if self.number else ""

    def in_process(self, number: int) -> Place:
        """Another actor of the same process."""
        return Place(*self.sockname, number)


class Address(ActorAddress):  # type: ignore[misc]
    """A hashable ActorAddress that compares without asking an address manager."""

    def __eq__(self, other: object) -> bool:
        if type(other) is Address:
            return bool(self._aaddr == other._aaddr)
        if hasattr(other, "eqOverride"):  # a local address of somebody else's making
            return bool(other.eqOverride(self))
        return isinstance(other, ActorAddress) and bool(self._aaddr == other._aaddr)

    def __hash__(self) -> int:
        return hash(self._aaddr)

    def __reduce__(self) -> tuple[Any, ...]:
        return Address, (self._aaddr,)


def address(host: str, port: int, number: int = 0) -> Address:
    return Address(Place(host, port, number))


def number_of(target: ActorAddress) -> int:
    """The number of the actor in its process."""
    number: int = getattr(target.addressDetails, "number", 0)
    return number


class AddressBook(ActorAddressManager):  # type: ignore[misc]
    """Thespian's address manager without its marks on foreign addresses.

    Its importAddr() ties an address object to one actor, which is wrong for objects that co-located actors share; and
    a local address (of a child made elsewhere in the system) may be known to another actor of this process.
    """

    def importAddr(self, address: ActorAddress) -> None:
        return None

    def exportAddr(self, address: Any) -> Any:
        details = getattr(address, "addressDetails", address)
        if isinstance(details, ActorLocalAddress) and details.addressManager is not self:
            return details.addressManager.exportAddr(address) if details.addressManager else None
        return super().exportAddr(address)
