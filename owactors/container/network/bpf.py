"""Small programs for the kernel: written here instruction by instruction, so that no compiler is needed.

Only what the guard of sandboxes wants (see guard.py). Linux; loading and attaching need CAP_BPF and CAP_NET_ADMIN.
Everything raises OSError.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys

from attrs import define, field

CONTEXT, STACK = 6, 10
"""Registers: in 6 a program keeps what it was called with; 10 is the end of its 512 bytes of stack."""
BYTE, HALF, WORD, LONG = 0x71, 0x69, 0x61, 0x79
SYSTEM_CALL = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}
MAKE_MAP, PUT, DROP, LOAD, ATTACH = 0, 2, 3, 5, 8
INCOMING, OUTGOING, EVENTS, CONNECT4, CONNECT6 = 0, 1, 3, 10, 11
"""What of a control group's sockets a program sees: packets, what becomes of them, and where they are to connect to."""
TYPES = {INCOMING: 8, OUTGOING: 8, EVENTS: 13, CONNECT4: 18, CONNECT6: 18}
SET, PER_GROUP = 1, 19
"""Kinds of maps: any keys; one value for each control group at which a program is that has the map."""
BESIDE_OTHERS = 2
LIBC = ctypes.CDLL(None, use_errno=True)


@define
class Assembler:
    """Instructions one after the other; jumps go to labels that may come later."""

    _code: list[tuple[int, int, int, str | int, int]] = field(factory=list)
    _labels: dict[str, int] = field(factory=dict)

    def label(self, name: str) -> None:
        """Jumps to `name` come here."""
        self._labels[name] = len(self._code)

    def put(self, target: int, value: int) -> None:
        """target = value."""
        self._code.append((0xB7, target, 0, 0, value))

    def copy(self, target: int, source: int) -> None:
        """target = source."""
        self._code.append((0xBF, target, source, 0, 0))

    def add(self, target: int, value: int) -> None:
        """target += value."""
        self._code.append((0x07, target, 0, 0, value))

    def mask(self, target: int, value: int) -> None:
        """target &= value."""
        self._code.append((0x57, target, 0, 0, value))

    def shift(self, target: int, left: int) -> None:
        """target <<= left, or >>= if negative."""
        self._code.append((0x67 if left > 0 else 0x77, target, 0, 0, abs(left)))

    def add_register(self, target: int, other: int) -> None:
        """target += other."""
        self._code.append((0x0F, target, other, 0, 0))

    def as_sent(self, target: int) -> None:
        """The lower two bytes of target in the order in which networks have them."""
        self._code.append((0xDC, target, 0, 0, 16))

    def map(self, target: int, descriptor: int) -> None:
        """target = a map, for helpers."""
        self._code += [(0x18, target, 1, 0, descriptor), (0, 0, 0, 0, 0)]

    def store(self, size: int, base: int, offset: int, value: int) -> None:
        """What is at base + offset = value."""
        self._code.append((size + 1, base, 0, offset, value))

    def store_register(self, size: int, base: int, offset: int, source: int) -> None:
        """What is at base + offset = source."""
        self._code.append((size + 2, base, source, offset, 0))

    def load(self, size: int, target: int, base: int, offset: int) -> None:
        """target = what is at base + offset."""
        self._code.append((size, target, base, offset, 0))

    def call(self, helper: int) -> None:
        """Registers 1 to 5 are its arguments and lost, 0 is its answer."""
        self._code.append((0x85, 0, 0, 0, helper))

    def jump(self, label: str) -> None:
        """Go on there."""
        self._code.append((0x05, 0, 0, label, 0))

    def if_is(self, register: int, value: int, label: str) -> None:
        """Go on there if it is equal."""
        self._code.append((0x15, register, 0, label, value))

    def unless(self, register: int, value: int, label: str) -> None:
        """Go on there if it is not equal."""
        self._code.append((0x55, register, 0, label, value))

    def if_same(self, register: int, other: int, label: str) -> None:
        """Go on there if both registers are equal."""
        self._code.append((0x1D, register, other, label, 0))

    def if_negative(self, register: int, label: str) -> None:
        """Go on there if it is below zero."""
        self._code.append((0xC5, register, 0, label, 0))

    def end(self, value: int) -> None:
        """The program's answer."""
        self.put(0, value)
        self._code.append((0x95, 0, 0, 0, 0))

    def program(self) -> bytes:
        """As the kernel reads it."""
        little = struct.pack("=H", 1)[0] == 1
        words = []
        for at, (code, target, source, offset, value) in enumerate(self._code):
            far = self._labels[offset] - at - 1 if isinstance(offset, str) else offset
            registers = source << 4 | target if little else target << 4 | source
            words.append(struct.pack("=BBhi", code, registers, far, value))
        return b"".join(words)


def port_in(number: int) -> int:
    """A port as a program reads it from a packet or an address."""
    return number_of(number.to_bytes(2, "big"))


def number_of(data: bytes) -> int:
    """What a program reads from these bytes."""
    return int.from_bytes(data, sys.byteorder)


def load(program: bytes, way: int, name: str) -> int:
    """A descriptor of a program for what goes `way` (see above); the kernel has checked it."""
    code, licence = ctypes.create_string_buffer(program, len(program)), ctypes.create_string_buffer(b"Apache-2.0")
    head = struct.pack("=IIQQ", TYPES[way], len(program) // 8, ctypes.addressof(code), ctypes.addressof(licence))
    said = struct.pack("=IIQ", 0, 0, 0)
    return _ask(LOAD, head + said + struct.pack("=II16sII", 0, 0, name.encode(), 0, way))


def make_map(kind: int, key: int, value: int, entries: int) -> int:
    """A descriptor of a map; `key`, `value`: bytes of each, `entries`: the most there can be."""
    return _ask(MAKE_MAP, struct.pack("=IIIII", kind, key, value, entries, 0))


def put(table: int, key: bytes, value: bytes) -> None:
    """table[key] = value."""
    known, wanted = ctypes.create_string_buffer(key, len(key)), ctypes.create_string_buffer(value, len(value))
    _ask(PUT, struct.pack("=IIQQQ", table, 0, ctypes.addressof(known), ctypes.addressof(wanted), 0))


def drop(table: int, key: bytes) -> None:
    """Remove table[key], which must be there."""
    known = ctypes.create_string_buffer(key, len(key))
    _ask(DROP, struct.pack("=IIQQQ", table, 0, ctypes.addressof(known), 0, 0))


def attach(program: int, folder: int, way: int) -> None:
    """It sees the sockets of this control group (version 2, a descriptor of its folder) from now on until that goes."""
    _ask(ATTACH, struct.pack("=IIII", folder, program, way, BESIDE_OTHERS))


def _ask(command: int, attributes: bytes) -> int:
    number = SYSTEM_CALL.get(platform.machine())
    if number is None:
        raise OSError(38, f"the system call bpf is not known for {platform.machine()}")
    answer = int(
        LIBC.syscall(number, command, ctypes.create_string_buffer(attributes, len(attributes)), len(attributes))
    )
    if answer < 0:
        reason = ctypes.get_errno()
        raise OSError(reason, f"bpf: {os.strerror(reason)}")
    return answer
