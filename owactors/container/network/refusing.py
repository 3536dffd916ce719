"""That a connection which the guard (guard.py) will not let through ends at once with an error, EPERM, instead of
waiting for an answer.

A program is asked before a socket of a sandbox connects (TCP), and says no where packets would be dropped: the
address is this machine's, something listens there, its port is not open for sandboxes, and the sandbox itself has
never listened on such a port. Else the guard decides, packet by packet: nothing depends on this here. (It asks before
rules of a firewall send a packet elsewhere: a port that Docker publishes and listens on itself is refused under the
machine's addresses.)
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from attrs import define, field

from owactors.container.network import bpf
from owactors.container.network.bpf import (
    BYTE,
    CONNECT4,
    CONNECT6,
    CONTEXT,
    EVENTS,
    HALF,
    STACK,
    WORD,
    Assembler,
    number_of,
    port_in,
)

NAMES = 53
TCP = 6
CLOUD = b"\xa9\xfe"
"""169.254: where clouds tell a machine its secrets."""
FIND, FIND_TCP, LET_GO, VALUE_OF_GROUP = 1, 84, 86, 81
"""Helpers of the kernel: a value of a map, by its key; a socket, and let it go again; the value of this group."""
HERE = -1
"""The network namespace of the socket."""
LISTENS = 11
"""The event that a socket listens; its port is at OWN_PORT of what a program for events is called with."""
OWN_PORT = 68
ADDRESS4, ADDRESS6, PORT, PROTOCOL = 4, 8, 24, 36
"""Where a program that is asked about a connection finds what it is to be."""
KEY, CONVERSATION = -16, -64
"""Places on the stack: the address as one of version 6; both ends as the kernel wants them to find a socket."""
PORTS_KEPT = 4096
"""Ports on which a sandbox listens are known by their remainder: who is taken for one is left to the guard."""
MOST_ADDRESSES = 4096


@define(eq=False)
class Refusing:
    """The programs, and what they know."""

    _programs: dict[int, int]
    _addresses: int
    _known: set[bytes] = field(factory=set)

    @classmethod
    def make(cls, ports: Iterable[int]) -> Refusing:
        """`ports`: what is open for sandboxes. Raises OSError where the kernel cannot do this (before Linux 5.9)."""
        addresses = bpf.make_map(bpf.SET, 16, 1, MOST_ADDRESSES)
        found = cls({}, addresses)
        try:
            listening = bpf.make_map(bpf.PER_GROUP, 8, PORTS_KEPT, 0)
            try:
                found._load(listening, sorted({NAMES, *ports}))
            finally:
                os.close(listening)  # the programs have it
            found.refresh()
        except OSError:
            found.close()
            raise
        return found

    def _load(self, listening: int, ports: list[int]) -> None:
        self._programs[EVENTS] = bpf.load(listening_program(listening), EVENTS, "owactors_listen")
        for version, way in ((4, CONNECT4), (6, CONNECT6)):
            program = connecting_program(version, ports, listening, self._addresses)
            self._programs[way] = bpf.load(program, way, f"owactors_to{version}")

    def refresh(self) -> None:
        """Look again which addresses this machine has. Raises OSError."""
        now = own_addresses()
        for address in now - self._known:
            bpf.put(self._addresses, address, b"\1")
        for address in self._known - now:
            bpf.drop(self._addresses, address)
        self._known = now

    def watch(self, group: int) -> None:
        """The sockets of this control group from now on (a descriptor of its folder). Raises OSError."""
        for way, program in self._programs.items():
            bpf.attach(program, group, way)

    def close(self) -> None:
        """Groups that are watched stay so."""
        for descriptor in (*self._programs.values(), self._addresses):
            os.close(descriptor)


def own_addresses(proc: Path = Path("/proc/net")) -> set[bytes]:
    """Of this machine, as those of version 6; without 127.0.0.0/8."""
    found = {IPv6Address("::1").packed}
    address = ""
    for line in _lines(proc / "fib_trie"):
        words = line.split()
        if words[0] == "|--":
            address = words[1]
        elif words == ["/32", "host", "LOCAL"]:
            found.add(_as_sixth(address))
    return found | {bytes.fromhex(line.split()[0]) for line in _lines(proc / "if_inet6")}


def _lines(path: Path) -> list[str]:
    """Those of a file that some machines do not have."""
    try:
        return [line for line in path.read_text().splitlines() if line.strip()]
    except OSError:
        return []


def _as_sixth(address: str) -> bytes:
    return b"\0" * 10 + b"\xff\xff" + ip_address(address).packed


def listening_program(listening: int) -> bytes:
    """Notes on which ports a sandbox listens."""
    code = Assembler()
    code.copy(CONTEXT, 1)
    code.load(WORD, 0, CONTEXT, 0)
    code.unless(0, LISTENS, "done")
    code.load(WORD, 7, CONTEXT, OWN_PORT)
    code.as_sent(7)
    _kept(code, listening)
    code.store(BYTE, 0, 0, 1)
    code.label("done")
    code.end(1)
    return code.program()


def connecting_program(version: int, ports: Iterable[int], listening: int, addresses: int) -> bytes:
    """About each connection that is to be made: 1 lets it begin, 0 does not. Register 7: its port, as networks have
    it.
    """
    code = Assembler()
    code.copy(CONTEXT, 1)
    code.load(WORD, 0, CONTEXT, PROTOCOL)
    code.unless(0, TCP, "yes")
    code.load(WORD, 7, CONTEXT, PORT)
    _key4(code) if version == 4 else _key6(code)
    _if_here(code, addresses, "here")
    _unless_fourth(code, "yes")
    code.load(HALF, 0, STACK, KEY + 12)
    code.unless(0, number_of(CLOUD), "yes")
    code.if_is(7, port_in(NAMES), "yes")
    code.jump("no")
    code.label("here")
    for port in ports:
        code.if_is(7, port_in(port), "yes")
    _find(code)
    code.if_is(0, 0, "yes")
    code.copy(1, 0)
    code.call(LET_GO)
    _kept(code, listening)
    code.load(BYTE, 0, 0, 0)
    code.unless(0, 0, "yes")
    code.label("no")
    code.end(0)
    code.label("yes")
    code.end(1)
    return code.program()


def _key4(code: Assembler) -> None:
    """The address at KEY; 0.0.0.0 is this machine."""
    code.load(WORD, 8, CONTEXT, ADDRESS4)
    code.unless(8, 0, "named")
    code.put(8, number_of(b"\x7f\0\0\1"))
    code.label("named")
    for offset in (0, 4, 8):
        code.store(WORD, STACK, KEY + offset, 0)
    code.store(HALF, STACK, KEY + 10, 0xFFFF)
    code.store_register(WORD, STACK, KEY + 12, 8)


def _key6(code: Assembler) -> None:
    """The address at KEY; `::` is this machine, and so is 0.0.0.0 in disguise."""
    for offset in (0, 4, 8, 12):
        code.load(WORD, 8, CONTEXT, ADDRESS6 + offset)
        code.store_register(WORD, STACK, KEY + offset, 8)
    code.unless(8, 0, "named")
    _unless_fourth(code, "sixth")
    code.store(WORD, STACK, KEY + 12, number_of(b"\x7f\0\0\1"))
    code.label("sixth")
    for offset in (0, 4, 8):
        code.load(WORD, 0, STACK, KEY + offset)
        code.unless(0, 0, "named")
    code.store(BYTE, STACK, KEY + 15, 1)
    code.label("named")


def _unless_fourth(code: Assembler, label: str) -> None:
    """Go on there if the address at KEY is none of version 4."""
    for size, offset, value in ((WORD, 0, 0), (WORD, 4, 0), (HALF, 8, 0), (HALF, 10, 0xFFFF)):
        code.load(size, 0, STACK, KEY + offset)
        code.unless(0, value, label)


def _if_here(code: Assembler, addresses: int, label: str) -> None:
    """Go on there if the address at KEY is one of this machine."""
    code.map(1, addresses)
    code.copy(2, STACK)
    code.add(2, KEY)
    code.call(FIND)
    code.unless(0, 0, label)
    _unless_fourth(code, "other")
    code.load(BYTE, 0, STACK, KEY + 12)
    code.if_is(0, 127, label)
    code.label("other")


def _find(code: Assembler) -> None:
    """Register 0: the socket that listens for the address at KEY and the port in register 7."""
    _unless_fourth(code, "long")
    _look_up(code, (12,))
    code.jump("looked")
    code.label("long")
    _look_up(code, (0, 4, 8, 12))
    code.label("looked")


def _look_up(code: Assembler, words: tuple[int, ...]) -> None:
    """With these words of KEY as the address."""
    length = 4 * len(words)
    for at, offset in enumerate(words):
        code.store(WORD, STACK, CONVERSATION + 4 * at, 0)
        code.load(WORD, 0, STACK, KEY + offset)
        code.store_register(WORD, STACK, CONVERSATION + length + 4 * at, 0)
    code.store(HALF, STACK, CONVERSATION + 2 * length, 0)
    code.store_register(HALF, STACK, CONVERSATION + 2 * length + 2, 7)
    code.copy(1, CONTEXT)
    code.copy(2, STACK)
    code.add(2, CONVERSATION)
    code.put(3, 2 * length + 4)
    code.put(4, HERE)
    code.put(5, 0)
    code.call(FIND_TCP)


def _kept(code: Assembler, listening: int) -> None:
    """Register 0: where this group notes whether it listens on a port like that in register 7."""
    code.map(1, listening)
    code.put(2, 0)
    code.call(VALUE_OF_GROUP)
    code.mask(7, PORTS_KEPT - 1)
    code.add_register(0, 7)
