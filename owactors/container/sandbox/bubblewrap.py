"""Namespaces through the program bubblewrap (`bwrap`): what a sandbox sees of the machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
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
READ_ONLY_PROC = ("acpi", "bus", "fs", "irq", "scsi", "sys", "sysrq-trigger")
"""A node of root has sandboxes of the kernel's root, who may write these even without any capability."""

LAUNCH = "/launch"
WORK = "/action"


@frozen
class Bubblewrap:
    """A `bwrap` that works here; `user` says whether with a user namespace of its own."""

    program: str
    user: bool

    def command(
        self, command: Sequence[str], launch: str, work: str, tmp: str, folders: Sequence[str], network: bool
    ) -> list[str]:
        """`command` inside: the system read-only, `work` at /action, `tmp` at /tmp, the proxies at /launch."""
        words = [self.program, *NAMESPACES, *(USER if self.user else ())]
        words += ["--die-with-parent", "--new-session", "--hostname", "action"]
        words += [] if network else ["--unshare-net"]
        words += _system()
        for folder in folders:
            words += ["--ro-bind", folder, folder]
        words += ["--proc", "/proc"]
        for name in READ_ONLY_PROC:
            words += ["--ro-bind-try", f"/proc/{name}", f"/proc/{name}"]
        words += ["--dev", "/dev", "--bind", tmp, "/tmp", "--bind", work, WORK]
        words += ["--ro-bind", launch, LAUNCH, "--remount-ro", "/", "--chdir", WORK, "--"]
        return [*words, *command]


def probe(folder: Path) -> tuple[Bubblewrap | None, str]:
    """A working bubblewrap, or None and why not. `folder`: an empty folder for trying."""
    program = shutil.which("bwrap")
    if program is None:
        return None, "bubblewrap is not installed (Debian: apt-get install bubblewrap)"
    reason = ""
    for user in (True, False):
        candidate = Bubblewrap(program, user)
        reason = _try(candidate, folder)
        if not reason:
            return candidate, "bubblewrap" + ("" if user else ", without a user namespace")
    return None, f"bubblewrap does not work here: {reason}"


def _try(candidate: Bubblewrap, folder: Path) -> str:
    where = str(folder)
    command = candidate.command(["/bin/sh", "-c", ":"], where, where, where, (), network=True)
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, env={})
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    return done.stderr.decode(errors="replace").strip() or f"exit code {done.returncode}"


def _system() -> list[str]:
    words = ["--ro-bind", "/usr", "/usr"]
    for folder in SYSTEM_FOLDERS:
        if os.path.islink(folder):
            words += ["--symlink", os.readlink(folder), folder]
        elif os.path.isdir(folder):
            words += ["--ro-bind", folder, folder]
    for name in ETC:
        words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    return words
