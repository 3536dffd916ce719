"""Small programs for the kernel: written here instruction by instruction, so that no compiler is needed.

Only what the guard of sandboxes wants (see guard.py). Linux; loading and attaching need CAP_BPF and CAP_NET_ADMIN.
Everything raises OSError.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct

from attrs import define, field

CONTEXT, STACK = 6, 10
"""Registers: in 6 a program keeps what it was called with; 10 is the end of its 512 bytes of stack."""
BYTE, HALF, WORD, LONG = 0x71, 0x69, 0x61, 0x79
SYSTEM_CALL = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}
LOAD, ATTACH = 5, 8
SOCKET_PACKETS = 8
"""The type of programs that see the packets of a control group's sockets."""
INCOMING, OUTGOING = 0, 1
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


def load(program: bytes, way: int, name: str) -> int:
    """A descriptor of a program for the packets that go `way`; the kernel has checked it."""
    code, licence = ctypes.create_string_buffer(program, len(program)), ctypes.create_string_buffer(b"Apache-2.0")
    head = struct.pack("=IIQQ", SOCKET_PACKETS, len(program) // 8, ctypes.addressof(code), ctypes.addressof(licence))
    said = struct.pack("=IIQ", 0, 0, 0)
    return _ask(LOAD, head + said + struct.pack("=II16sII", 0, 0, name.encode(), 0, way))


def attach(program: int, folder: int, way: int) -> None:
    """It sees the packets of this control group (version 2, a descriptor of its folder) from now on until that goes."""
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
