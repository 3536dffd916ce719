"""What the zygote asks of the kernel: namespaces, mounts, capabilities and the filter of system calls, by ctypes.

Everything raises OSError. Linux only.
"""

import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)
HOLDING = ctypes.PyDLL(None, use_errno=True)
LIBC.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
LIBC.prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong)

NEW_MOUNTS, NEW_CGROUP, NEW_UTS, NEW_IPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
NEW_USER, NEW_PID, NEW_NET = 0x10000000, 0x20000000, 0x40000000
READ_ONLY, NO_SUID, NO_DEVICES, NO_EXEC, REMOUNT = 1, 2, 4, 8, 32
NO_ACCESS_TIMES, NO_FOLDER_TIMES, BIND, RECURSIVE, PRIVATE = 1024, 2048, 4096, 16384, 1 << 18
RELATIVE_TIMES = 1 << 21
DETACH = 2
OPTIONS = {
    "ro": READ_ONLY,
    "nosuid": NO_SUID,
    "nodev": NO_DEVICES,
    "noexec": NO_EXEC,
    "noatime": NO_ACCESS_TIMES,
    "nodiratime": NO_FOLDER_TIMES,
    "relatime": RELATIVE_TIMES,
}
DEATH_SIGNAL, DUMPABLE, SECCOMP, DROP_BOUNDING, NO_NEW_PRIVILEGES = 1, 4, 22, 24, 38
FILTER = 2
CLONE, CLOSE_RANGE = 435, 436
MAKE_RULES, RULE_SELF, FOREIGN_SOCKETS = 444, 446, 1
INTO_GROUP = 0x200000000
CHILD_SIGNAL = 17
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}


def _checked(result, what):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def unshare(flags):
    """Leave the namespaces named."""
    _checked(LIBC.unshare(flags), f"unshare {flags:#x}")


def enter(fd, kind):
    """Enter the namespace that `fd` stands for; for processes it holds for children."""
    _checked(LIBC.setns(fd, kind), "setns")


def mount(source, target, kind=None, flags=0, data=None):
    """mount(2)."""
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind, data)]
    _checked(LIBC.mount(words[0], words[1], words[2], flags, words[3]), f"mount {target}")


def unmount(target):
    """Take a mount away, now or when its last user is gone."""
    _checked(LIBC.umount2(os.fsencode(target), DETACH), f"umount {target}")


def pivot(new, old):
    """Make `new` the root and put the one so far at `old`."""
    number = PIVOT_ROOT[os.uname().machine]
    _checked(LIBC.syscall(number, os.fsencode(new), os.fsencode(old)), "pivot_root")


def fork_into(group):
    """fork(2) into a control group of version 2 (a descriptor of its folder).

    The process is alone in its memory, so what fork(2) does beside (locks of other threads) need not be done.
    """
    words = (ctypes.c_uint64 * 11)(INTO_GROUP, 0, 0, 0, CHILD_SIGNAL, 0, 0, 0, 0, 0, group)
    python = ctypes.pythonapi
    python.PyOS_BeforeFork()
    # Without letting go of the interpreter: who comes back in the child goes on in it.
    pid = HOLDING.syscall(CLONE, words, ctypes.sizeof(words))
    if pid == 0:
        python.PyOS_AfterFork_Child()
    else:
        python.PyOS_AfterFork_Parent()
    return _checked(pid, "clone3")


def prctl(option, value=0, third=0):
    """prctl(2)."""
    _checked(LIBC.prctl(option, value, third, 0, 0), f"prctl {option}")


def set_host_name(name):
    """Of this UTS namespace."""
    data = os.fsencode(name)
    _checked(LIBC.sethostname(data, len(data)), "sethostname")


def map_user(inside, outside_user, outside_group):
    """After NEW_USER: user and group `inside` stand for those outside. /proc must be there."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{inside} {outside_user} 1"),
        ("gid_map", f"{inside} {outside_group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def drop_privileges():
    """No capability now, none to be gained by any program."""
    for capability in range(64):
        if LIBC.prctl(DROP_BOUNDING, capability, 0, 0, 0) < 0:
            break
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    _checked(LIBC.capset(header, (ctypes.c_uint32 * 6)()), "capset")
    prctl(NO_NEW_PRIVILEGES, 1)


def hide_sockets_without_path():
    """Of other processes: they belong to the network, which may be the machine's. False before Linux 6.12.

    After drop_privileges.
    """
    words = (ctypes.c_uint64 * 3)(0, 0, FOREIGN_SOCKETS)
    rules = LIBC.syscall(MAKE_RULES, words, ctypes.sizeof(words), 0)
    if rules < 0:
        return False
    hidden = LIBC.syscall(RULE_SELF, rules, 0) == 0
    os.close(rules)
    return hidden


def filter_calls(program):
    """Install a BPF program (bytes) as filter of this process and all that come from it."""

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("words", ctypes.c_void_p))

    words = ctypes.create_string_buffer(program, len(program))
    wanted = Program(len(program) // 8, ctypes.addressof(words))
    prctl(SECCOMP, FILTER, ctypes.addressof(wanted))


def loopback_up():
    """The loopback of a new network namespace begins down."""
    import fcntl
    import socket
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock.fileno(), 0x8914, struct.pack("16sH14x", b"lo", 0x1 | 0x40))


def make_read_only(below, proc="/proc"):
    """Every mount below the folder `below` becomes read-only; flags that were set stay."""
    with open(f"{proc}/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        lines = [line.split(" ") for line in file]
    for fields in lines:
        target = _unescaped(fields[4])
        if target == below or target.startswith(below + "/"):
            flags = sum(OPTIONS.get(option, 0) for option in fields[5].split(","))
            mount(None, target, None, flags | READ_ONLY | NO_SUID | REMOUNT | BIND)


def _unescaped(path):
    for text in ("\\040", "\\011", "\\012", "\\134"):
        path = path.replace(text, chr(int(text[1:], 8)))
    return path


class Labels:
    """The memory in which the kernel looks for command line and environment of this process and its children.

    A forked process keeps those of its parent, so nobody could tell them apart; they are overwritten in place.
    """

    def __init__(self):
        with open("/proc/self/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        self.command, command_end, self.environment, environment_end = map(int, fields[45:49])
        self.command_size = command_end - self.command
        self.environment_size = environment_end - self.environment

    def write(self, command, environment):
        """Both as text; what does not fit is cut."""
        self._put(self.command, self.command_size, command)
        self._put(self.environment, self.environment_size, environment)

    @staticmethod
    def _put(address, size, text):
        if address and size > 0:
            ctypes.memmove(address, os.fsencode(text)[: size - 1].ljust(size, b"\0"), size)


def close_from(first):
    """Close every descriptor from `first` on."""
    if LIBC.syscall(CLOSE_RANGE, first, 0xFFFFFFFF, 0) < 0:
        os.closerange(first, os.sysconf("SC_OPEN_MAX"))


def write(path, value):
    """To a file of the kernel that it may not let us write; then not."""
    try:
        with open(path, "w") as file:
            file.write(str(value))
    except OSError:
        pass
