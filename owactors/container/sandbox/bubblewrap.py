"""Namespaces through the program bubblewrap (`bwrap`): what a sandbox sees of the machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

SYSTEM_FOLDERS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
ETC = (
    "alternatives",
    "ca-certificates",
    "group",
    "hosts",
    "ld.so.cache",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "passwd",
    "protocols",
    "resolv.conf",
    "services",
    "ssl",
    "pki",
)
NAMESPACES = ("--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try")
USER = ("--unshare-user", "--uid", "1000", "--gid", "1000")
READ_ONLY_PROC = ("acpi", "asound", "bus", "fs", "irq", "scsi", "sys", "sysrq-trigger")
"""A node of root has sandboxes of the kernel's root, who may write these even without any capability."""
HIDDEN_PROC = ("kcore", "keys", "latency_stats", "sched_debug", "timer_list", "timer_stats")
"""As Docker masks them: what they show of the machine is nobody's business."""

RESOLVERS = "/etc/resolv.conf"
LAUNCH = "/launch"
WORK = "/action"


@frozen
class Bubblewrap:
    """A `bwrap` that works here; `user` says whether with a user namespace of its own, `sized` whether it can make a
    file system of a given size. `resolvers`: the file that is /etc/resolv.conf inside, if it is not this machine's.
    """

    program: str
    user: bool
    sized: bool = True
    resolvers: str = ""

    def command(
        self,
        command: Sequence[str],
        launch: str,
        work: str,
        tmp: str,
        folders: Sequence[str],
        network: bool,
        filter_fd: int | None = None,
        shared_memory: int = 64 << 20,
    ) -> list[str]:
        """`command` inside: the system read-only, `work` at /action, `tmp` at /tmp, the proxies at /launch.

        `filter_fd`: where the filter of system calls can be read; `shared_memory`: bytes at /dev/shm.
        """
        words = [self.program, *NAMESPACES, *(USER if self.user else ())]
        words += ["--die-with-parent", "--new-session", "--hostname", "action"]
        words += [] if network else ["--unshare-net"]
        words += [] if filter_fd is None else ["--seccomp", str(filter_fd)]
        for source, target in read_only_system(self.resolvers):
            words += ["--ro-bind", source, target]
        for text, path in system_links():
            words += ["--symlink", text, path]
        for folder in folders:
            words += ["--ro-bind", folder, folder]
        words += ["--proc", "/proc"]
        for name in READ_ONLY_PROC:
            words += ["--ro-bind-try", f"/proc/{name}", f"/proc/{name}"]
        for name in HIDDEN_PROC:
            words += ["--ro-bind", "/dev/null", f"/proc/{name}"] if os.path.exists(f"/proc/{name}") else []
        words += ["--dev", "/dev"]
        if self.sized:
            words += ["--size", str(shared_memory), "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
        words += ["--bind", tmp, "/tmp", "--bind", work, WORK]
        words += ["--ro-bind", launch, LAUNCH, "--remount-ro", "/", "--chdir", WORK, "--"]
        return [*words, *command]


def probe(folder: Path, filter: bytes | None = None) -> tuple[Bubblewrap | None, str]:
    """A working bubblewrap, or None and why not. `folder`: an empty folder for trying; `filter`: of system calls."""
    program = shutil.which("bwrap")
    if program is None:
        return None, "bubblewrap is not installed (Debian: apt-get install bubblewrap)"
    reason = ""
    for user, sized in ((True, True), (True, False), (False, True), (False, False)):
        candidate = Bubblewrap(program, user, sized)
        reason = _try(candidate, folder, filter)
        if not reason:
            return candidate, "bubblewrap" + ("" if user else ", without a user namespace")
    return None, f"bubblewrap does not work here: {reason}"


def _try(candidate: Bubblewrap, folder: Path, filter: bytes | None) -> str:
    where = str(folder)
    with readable(filter) as fd:
        command = candidate.command(["/bin/sh", "-c", ":"], where, where, where, (), True, fd)
        passed = () if fd is None else (fd,)
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, env={}, pass_fds=passed
            )
        except (OSError, subprocess.SubprocessError) as error:
            return str(error)
    if done.returncode == 0:
        return ""
    return done.stderr.decode(errors="replace").strip() or f"exit code {done.returncode}"


@contextlib.contextmanager
def readable(data: bytes | None) -> Iterator[int | None]:
    """A descriptor from which `data` can be read; None for None."""
    if data is None:
        yield None
        return
    with os.fdopen(os.memfd_create("filter"), "w+b") as file:
        file.write(data)
        file.seek(0)
        yield file.fileno()


def read_only_system(resolvers: str = "") -> list[tuple[str, str]]:
    """What a sandbox sees of this machine: (source, free of symbolic links; where it is inside). `resolvers`: a file
    that takes the place of /etc/resolv.conf.
    """
    seen = [("/usr", "/usr")]
    seen += [(folder, folder) for folder in SYSTEM_FOLDERS if os.path.isdir(folder) and not os.path.islink(folder)]
    files = [f"/etc/{name}" for name in ETC]
    seen += [(os.path.realpath(path), path) for path in files if os.path.exists(path)]
    if not resolvers:
        return seen
    return [*((source, target) for source, target in seen if target != RESOLVERS), (resolvers, RESOLVERS)]


def system_links() -> list[tuple[str, str]]:
    """(text, path) of the symbolic links in the root."""
    return [(os.readlink(folder), folder) for folder in SYSTEM_FOLDERS if os.path.islink(folder)]
