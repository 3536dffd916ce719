"""What a sandbox in this machine's network may reach of what listens on this machine: names, the ports that are opened
for it, and itself.

Two programs at its control group (version 2) decide about each packet: no rule, route or device of the machine is
touched, and they go with the group, also after `kill -9` of the node. The way out is the machine's own, for IPv4 and
IPv6; the address under which clouds tell a machine its secrets is refused; from outside nobody can connect. Where the
kernel can, a connection that will be refused does not wait for an answer either (refusing.py).
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable
from pathlib import Path

from attrs import define, field

from owactors.container.network import bpf
from owactors.container.network.bpf import (
    BYTE,
    CONTEXT,
    HALF,
    INCOMING,
    OUTGOING,
    STACK,
    WORD,
    Assembler,
    number_of,
    port_in,
)
from owactors.container.network.refusing import CLOUD, FIND_TCP, HERE, LET_GO, NAMES, TCP, Refusing

LOOPBACK = 1
"""The number of the device `lo`, in each network namespace: all that a machine says to itself goes over it."""
UDP = 17
ICMP = {4: 1, 6: 58}
SYN, SYN_ACK = 0x02, 0x12
DEVICE = 40
"""Where a program finds the number of the device."""
COPY, FIND_UDP, OWN_GROUP, GROUP_OF = 26, 85, 79, 128
"""Helpers of the kernel: bytes of the packet; a socket; the group of the packet's socket; that of one that was found
(since Linux 5.8)."""
ADDRESSES, ONE = -40, -48
"""Places on the stack."""


NOT_ALLOWED = "the kernel takes no programs from this process (it does from root, but in few containers)"


class GuardFailed(Exception):
    """There can be no guard here; the message says why."""


@define(eq=False)
class Guard:
    """The two programs, and those that refuse at once, if there are any: `silent` says why there are none."""

    ports: tuple[int, ...]
    _programs: dict[int, int]
    _refusing: Refusing | None = None
    silent: str = ""
    _owner: int = field(factory=os.getpid)

    @classmethod
    def make(cls, wanted: Iterable[int]) -> Guard:
        """`wanted`: ports of this machine that are open for sandboxes (TCP). Raises GuardFailed."""
        ports = tuple(sorted(set(wanted)))
        try:
            return cls(ports, _loaded(ports), *_refusing(ports))
        except OSError as error:
            raise GuardFailed(NOT_ALLOWED if error.errno == errno.EPERM else str(error)) from error

    def watch(self, folder: Path) -> None:
        """Decide about the sockets of this control group from now on. Raises OSError."""
        if self._owner != os.getpid():  # forked since: descriptors stayed with the parent
            self._programs, self._owner = _loaded(self.ports), os.getpid()
            self._refusing = None if self._refusing is None else Refusing.make(self.ports)
        group = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for way, program in self._programs.items():
                bpf.attach(program, group, way)
            if self._refusing is not None:
                self._refusing.watch(group)
        finally:
            os.close(group)

    def refresh(self) -> None:
        """Look again which addresses this machine has, now and then."""
        if self._refusing is not None and self._owner == os.getpid():
            with contextlib.suppress(OSError):  # then there is no answer for some
                self._refusing.refresh()

    def be_silent(self, reason: str) -> None:
        """Refuse without an answer from now on."""
        if self._refusing is not None:
            self._refusing.close()
        self._refusing, self.silent = None, reason

    def close(self) -> None:
        """No more groups; those that are watched stay so."""
        if self._owner == os.getpid():
            for program in self._programs.values():
                os.close(program)
            if self._refusing is not None:
                self._refusing.close()
        self._programs, self._refusing = {}, None


def _refusing(ports: tuple[int, ...]) -> tuple[Refusing | None, str]:
    """What refuses at once, or why there is nothing."""
    try:
        return Refusing.make(ports), ""
    except OSError as error:
        return None, str(error)


def _loaded(ports: tuple[int, ...]) -> dict[int, int]:
    """Way -> descriptor of the program for it. Raises OSError."""
    outgoing = bpf.load(outgoing_program(ports), OUTGOING, "owactors_out")
    try:
        return {OUTGOING: outgoing, INCOMING: bpf.load(incoming_program(), INCOMING, "owactors_in")}
    except OSError:
        os.close(outgoing)
        raise


def outgoing_program(ports: Iterable[int]) -> bytes:
    """About each packet that a sandbox sends: 1 lets it go, 0 does not."""
    code = _begun()
    for version in (4, 6):
        code.label(f"v{version}")
        _decide(code, version, sorted({NAMES, *ports}))
    code.label("yes")
    code.end(1)
    code.label("no")
    code.end(0)
    return code.program()


def incoming_program() -> bytes:
    """About each packet for a sandbox: nobody from outside begins a conversation (TCP)."""
    code = _begun()
    for version in (4, 6):
        code.label(f"v{version}")
        code.load(WORD, 0, CONTEXT, DEVICE)
        code.if_is(0, LOOPBACK, "yes")
        _protocol(code, version)
        code.unless(9, TCP, "yes")
        _unless_begins(code, "yes")
        code.jump("no")
    code.label("yes")
    code.end(1)
    code.label("no")
    code.end(0)
    return code.program()


def _begun() -> Assembler:
    """To `v4` or `v6`; register 8 is the length of the first head."""
    code = Assembler()
    code.copy(CONTEXT, 1)
    code.put(8, 0)
    _fetch(code, ONE, 1)
    code.load(BYTE, 7, STACK, ONE)
    code.copy(8, 7)
    code.mask(8, 0x0F)
    code.shift(8, 2)
    code.shift(7, -4)
    code.if_is(7, 4, "v4")
    code.put(8, 40)
    code.if_is(7, 6, "v6")
    code.jump("no")
    return code


def _decide(code: Assembler, version: int, ports: list[int]) -> None:
    """Register 9: protocol, 7: the port it goes to, 8: where the second head begins."""
    begin, length = (12, 8) if version == 4 else (8, 32)
    _protocol(code, version)
    _fetch(code, ADDRESSES, length, at=begin)
    code.if_is(9, TCP, f"ports{version}")
    code.if_is(9, UDP, f"ports{version}")
    code.load(WORD, 0, CONTEXT, DEVICE)
    code.unless(0, LOOPBACK, "yes")
    code.if_is(9, ICMP[version], "yes")
    code.jump("no")
    code.label(f"ports{version}")
    _fetch(code, ADDRESSES + length, 4)
    code.load(HALF, 7, STACK, ADDRESSES + length + 2)
    code.load(WORD, 0, CONTEXT, DEVICE)
    code.if_is(0, LOOPBACK, f"here{version}")
    if version == 4:
        code.load(HALF, 0, STACK, ADDRESSES + 4)
        code.unless(0, number_of(CLOUD), "yes")
        code.if_is(7, port_in(NAMES), "yes")
        code.jump("no")
    else:
        code.jump("yes")
    _decide_here(code, version, ports, length + 4)


def _decide_here(code: Assembler, version: int, ports: list[int], length: int) -> None:
    """To this machine: what is open, and what listens in the same group or not at all."""
    code.label(f"here{version}")
    code.if_is(9, UDP, f"udp{version}")
    _unless_begins(code, "yes")
    for port in ports:
        code.if_is(7, port_in(port), "yes")
    _find(code, FIND_TCP, length)
    code.jump(f"found{version}")
    code.label(f"udp{version}")
    code.if_is(7, port_in(NAMES), "yes")
    _find(code, FIND_UDP, length)
    code.label(f"found{version}")
    code.if_is(0, 0, "yes")
    code.copy(9, 0)
    code.copy(1, 9)
    code.call(GROUP_OF)
    code.copy(8, 0)
    code.copy(1, 9)
    code.call(LET_GO)
    code.copy(1, CONTEXT)
    code.call(OWN_GROUP)
    code.if_same(0, 8, "yes")
    code.jump("no")


def _protocol(code: Assembler, version: int) -> None:
    """Register 9: what is in the packet."""
    _fetch(code, ONE, 1, at=9 if version == 4 else 6)
    code.load(BYTE, 9, STACK, ONE)


def _unless_begins(code: Assembler, label: str) -> None:
    """Go on there if this packet (TCP) is not the first of a conversation."""
    code.add(8, 13)
    _fetch(code, ONE, 1)
    code.load(BYTE, 0, STACK, ONE)
    code.mask(0, SYN_ACK)
    code.unless(0, SYN, label)


def _find(code: Assembler, helper: int, length: int) -> None:
    """Register 0: the socket for which the packet is; `length` says which version its addresses are of."""
    code.copy(1, CONTEXT)
    code.copy(2, STACK)
    code.add(2, ADDRESSES)
    code.put(3, length)
    code.put(4, HERE)
    code.put(5, 0)
    code.call(helper)


def _fetch(code: Assembler, place: int, count: int, at: int | None = None) -> None:
    """Bytes of the packet onto the stack: from `at` on, or from where register 8 says. A packet that has none is
    refused.
    """
    code.copy(1, CONTEXT)
    if at is None:
        code.copy(2, 8)
    else:
        code.put(2, at)
    code.copy(3, STACK)
    code.add(3, place)
    code.put(4, count)
    code.call(COPY)
    code.if_negative(0, "no")
