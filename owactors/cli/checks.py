"""What a node needs of this machine, looked at one by one, with what to do where it is missing."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from owactors.cli.failure import Failure
from owactors.cli.standalone import check_address
from owactors.node.settings import Settings

OK, NOTE, PROBLEM = "ok", "note", "problem"


@frozen
class Check:
    """One finding. A `note` is something that works less well, a `problem` keeps the node from working."""

    name: str
    status: str
    text: str
    advice: str = ""


def all_checks(settings: Settings) -> Iterator[Check]:
    """Every check, in the order of importance."""
    yield python()
    yield data_folder(settings.node.data_dir)
    yield port(settings.node.host, settings.node.port)
    yield bubblewrap(settings)
    yield cgroups()
    yield node_js(settings)
    yield installer()
    yield docker(settings)


def python() -> Check:
    """The Python that runs this."""
    fine = sys.version_info >= (3, 11)
    return Check(
        "python", OK if fine else PROBLEM, platform.python_version(), "" if fine else "Use Python 3.11 or newer."
    )


def data_folder(folder: Path) -> Check:
    """Whether the data folder can be written, or made."""
    existing = next(part for part in (folder, *folder.parents) if part.exists())
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        free = shutil.disk_usage(existing).free // 2**20
        return Check("data folder", OK, f"{folder} can be written, {free} MB free")
    return Check(
        "data folder",
        PROBLEM,
        f"{folder} cannot be written",
        "Make it writable for this user, or choose another with --data-dir.",
    )


def port(host: str, number: int) -> Check:
    """Whether the node could listen."""
    try:
        check_address(host, number)
    except Failure as problem:
        return Check("port", PROBLEM, problem.message, "")
    return Check("port", OK, f"{host}:{number} is free")


def bubblewrap(settings: Settings) -> Check:
    """Whether processes can be shut off from each other."""
    name = "bubblewrap"
    needed = settings.containers.backend == "sandbox" and settings.sandbox.isolation == "bubblewrap"
    program = shutil.which("bwrap")
    if program is None:
        text, advice = "not installed: actions run as plain processes", "Debian: apt-get install bubblewrap"
        return Check(name, PROBLEM if needed else NOTE, text, advice)
    refusal = _output_of([program, "--ro-bind", "/", "/", "--unshare-pid", "--proc", "/proc", "true"])
    if refusal is None:
        return Check(name, OK, "actions run in namespaces of their own")
    advice = "Allow user namespaces (sysctl kernel.unprivileged_userns_clone=1), or run as root."
    return Check(name, PROBLEM if needed else NOTE, f"does not work here: {refusal}", advice)


def cgroups() -> Check:
    """Whether memory can be limited per container."""
    for folder in _memory_cgroups():
        if os.access(folder, os.W_OK):
            return Check("cgroups", OK, f"memory limits by {folder}")
    return Check(
        "cgroups",
        NOTE,
        "no writable memory cgroup: limits hold per process only",
        "Run as root, or in a delegated cgroup (systemd-run --user --scope -p Delegate=yes).",
    )


def _memory_cgroups() -> list[Path]:
    """This process's own cgroups that know about memory: of version 2 or 1."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    entries = [line.split(":", 2) for line in lines]
    root = Path("/sys/fs/cgroup")
    unified = [root / path.lstrip("/") for _, names, path in entries if names == ""]
    old = [root / "memory" / path.lstrip("/") for _, names, path in entries if "memory" in names.split(",")]
    return [folder for folder in unified if (folder / "memory.max").exists() or folder == root] + old


def node_js(settings: Settings) -> Check:
    """Whether JavaScript actions can run."""
    program = str(settings.sandbox.node) if settings.sandbox.node else shutil.which("node")
    version = _version_of(program) if program else None
    if version:
        return Check("node.js", OK, f"{version} ({program})")
    return Check("node.js", NOTE, "not installed: no JavaScript actions", "Debian: apt-get install nodejs")


def installer() -> Check:
    """Whether `owactors deploy` can install an action's packages."""
    missing = [] if _version_of(sys.executable, "-m", "pip") else ["pip"]
    missing += [] if shutil.which("npm") else ["npm"]
    if not missing:
        return Check("packages", OK, "pip and npm can install what an action needs")
    return Check(
        "packages",
        NOTE,
        f"no {' and no '.join(missing)}: folders with their packages cannot be deployed",
        "Debian: apt-get install python3-pip npm",
    )


def docker(settings: Settings) -> Check:
    """Whether a Docker engine answers."""
    wanted = settings.containers.backend == "docker"
    address = settings.docker.host or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if _docker_answers(address):
        return Check("docker", OK, f"an engine answers at {address}")
    advice = "Start Docker and let this user use it (group docker), or use --container sandbox." if wanted else ""
    return Check("docker", PROBLEM if wanted else NOTE, f"no engine answers at {address}", advice)


def _docker_answers(address: str) -> bool:
    kind, _, place = address.partition("://")
    host, _, number = place.rstrip("/").partition(":")
    family = socket.AF_UNIX if kind == "unix" else socket.AF_INET
    try:
        with socket.socket(family) as link:
            link.settimeout(2)
            link.connect(place if kind == "unix" else (host, int(number or 2375)))
            link.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b"200" in link.recv(64)
    except (OSError, ValueError):
        return False


def _version_of(*command: str) -> str | None:
    """What `command --version` says, None if it cannot be run."""
    try:
        ended = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return ended.stdout.strip() if ended.returncode == 0 else None


def _output_of(command: list[str]) -> str | None:
    """None if the command works, else its last line."""
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.SubprocessError) as problem:
        return str(problem)
    if ended.returncode == 0:
        return None
    return (ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"])[-1]
