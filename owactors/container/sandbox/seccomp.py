"""The filter of system calls: what no function needs and what has opened ways out of sandboxes is refused.

A list of what is forbidden, like Docker's default profile for a container without capabilities, in the form of a
classic BPF program that the kernel runs at each call. Calls that are allowed by number alone cost nothing: the
kernel remembers them.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Mapping

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
"""BPF instructions: load a word; jump if equal, if at least, if any bit is set; return."""
NUMBER_AT, ARCHITECTURE_AT, ARGUMENTS_AT = 0, 4, 16
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
X32_BIT = 0x40000000
NEW_NAMESPACES = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET."""
AF_ALG, AF_VSOCK = 38, 40
TIOCSTI, TIOCLINUX = 0x5412, 0x541C

NEW_CALLS = {
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "mount_setattr": 442,
    "quotactl_fd": 443,
}
"""These have the same number everywhere."""

X86_64 = {
    "syslog": 103,
    "uselib": 134,
    "ustat": 136,
    "sysfs": 139,
    "vhangup": 153,
    "pivot_root": 155,
    "_sysctl": 156,
    "chroot": 161,
    "acct": 163,
    "settimeofday": 164,
    "mount": 165,
    "umount2": 166,
    "swapon": 167,
    "swapoff": 168,
    "reboot": 169,
    "sethostname": 170,
    "setdomainname": 171,
    "iopl": 172,
    "ioperm": 173,
    "create_module": 174,
    "init_module": 175,
    "delete_module": 176,
    "get_kernel_syms": 177,
    "query_module": 178,
    "quotactl": 179,
    "nfsservctl": 180,
    "lookup_dcookie": 212,
    "clock_settime": 227,
    "mbind": 237,
    "set_mempolicy": 238,
    "get_mempolicy": 239,
    "kexec_load": 246,
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
    "migrate_pages": 256,
    "unshare": 272,
    "move_pages": 279,
    "perf_event_open": 298,
    "fanotify_init": 300,
    "name_to_handle_at": 303,
    "open_by_handle_at": 304,
    "clock_adjtime": 305,
    "setns": 308,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "kcmp": 312,
    "finit_module": 313,
    "kexec_file_load": 320,
    "bpf": 321,
    "userfaultfd": 323,
    **NEW_CALLS,
}
AARCH64 = {
    "lookup_dcookie": 18,
    "umount2": 39,
    "mount": 40,
    "pivot_root": 41,
    "nfsservctl": 42,
    "chroot": 51,
    "vhangup": 58,
    "quotactl": 60,
    "acct": 89,
    "unshare": 97,
    "kexec_load": 104,
    "init_module": 105,
    "delete_module": 106,
    "clock_settime": 112,
    "syslog": 116,
    "reboot": 142,
    "sethostname": 161,
    "setdomainname": 162,
    "settimeofday": 170,
    "add_key": 217,
    "request_key": 218,
    "keyctl": 219,
    "swapon": 224,
    "swapoff": 225,
    "mbind": 235,
    "get_mempolicy": 236,
    "set_mempolicy": 237,
    "migrate_pages": 238,
    "move_pages": 239,
    "perf_event_open": 241,
    "fanotify_init": 262,
    "name_to_handle_at": 264,
    "open_by_handle_at": 265,
    "clock_adjtime": 266,
    "setns": 268,
    "process_vm_readv": 270,
    "process_vm_writev": 271,
    "kcmp": 272,
    "finit_module": 273,
    "bpf": 280,
    "userfaultfd": 282,
    "kexec_file_load": 294,
    **NEW_CALLS,
}
CLONE3 = 435
MACHINES: Mapping[str, tuple[int, Mapping[str, int], int, int, int]] = {
    "x86_64": (0xC000003E, X86_64, 56, 41, 16),
    "aarch64": (0xC00000B7, AARCH64, 220, 198, 29),
}
"""Machine -> the kernel's word for it, what is refused, and the numbers of clone, socket and ioctl."""


def program(machine: str | None = None) -> bytes | None:
    """The filter for this machine, as the kernel and bubblewrap take it; None for a machine that we do not know."""
    known = MACHINES.get(platform.machine() if machine is None else machine)
    if known is None:
        return None
    architecture, forbidden, clone, socket, ioctl = known
    words = [_word(LOAD, ARCHITECTURE_AT), _word(EQUAL, architecture, 1, 0), _refuse(errno.ENOSYS)]
    words += [_word(LOAD, NUMBER_AT), _word(AT_LEAST, X32_BIT, 0, 1), _refuse(errno.ENOSYS)]
    for number in sorted(forbidden.values()):
        words += [_word(EQUAL, number, 0, 1), _refuse(errno.EPERM)]
    # Its arguments are in memory, where they cannot be looked at. Libraries take clone if it is not there.
    words += [_word(EQUAL, CLONE3, 0, 1), _refuse(errno.ENOSYS)]
    words += _by_argument(clone, 0, ANY_BIT, NEW_NAMESPACES)
    words += _by_argument(socket, 0, EQUAL, AF_ALG, AF_VSOCK)
    words += _by_argument(ioctl, 1, EQUAL, TIOCSTI, TIOCLINUX)
    return b"".join([*words, _word(RETURN, ALLOW)])


def _by_argument(number: int, argument: int, test: int, *values: int) -> list[bytes]:
    """Refuse call `number` if its argument passes the test for one of `values`. Leaves the number loaded."""
    inside = [_word(LOAD, ARGUMENTS_AT + 8 * argument)]
    for value in values:
        inside += [_word(test, value, 0, 1), _refuse(errno.EPERM)]
    inside.append(_word(LOAD, NUMBER_AT))
    return [_word(EQUAL, number, 0, len(inside)), *inside]


def _word(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    """One instruction; a jump skips `then` or `otherwise` instructions."""
    return struct.pack("=HBBI", code, then, otherwise, value)


def _refuse(number: int) -> bytes:
    return _word(RETURN, REFUSE | number)
