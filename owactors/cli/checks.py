"""What a node needs of this machine, looked at one by one, with what to do where it is missing."""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

from attrs import frozen

from owactors.cli.failure import Failure
from owactors.cli.serving import check_address
from owactors.container.sandbox.bubblewrap import probe as probe_bubblewrap
from owactors.container.sandbox.cgroup import detect as detect_cgroups
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
    yield node_js()
    yield installer()
    yield docker(settings)
    if settings.store.backend == "couchdb":
        yield couchdb(settings)


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
    """Whether actions can be shut off from each other and from the machine."""
    if not settings.sandbox.bubblewrap:
        return Check("bubblewrap", NOTE, "switched off: actions run as plain processes", "See sandbox.bubblewrap.")
    with tempfile.TemporaryDirectory(prefix="owactors-doctor-") as folder:
        found, reason = probe_bubblewrap(Path(folder))
    if found is not None:
        return Check("bubblewrap", OK, f"actions run in namespaces of their own ({found.program})")
    advice = "Until then actions run as plain processes; where it is installed, allow user namespaces or run as root."
    return Check("bubblewrap", NOTE, reason, advice)


def cgroups() -> Check:
    """Whether memory can be limited per container."""
    layout = detect_cgroups()
    if layout.has("memory"):
        return Check("cgroups", OK, f"memory limits by control groups of version {layout.version}")
    return Check(
        "cgroups",
        NOTE,
        "no writable memory control group: limits hold per process only",
        "Run as root, or in a delegated group (systemd-run --user --scope -p Delegate=yes owactors standalone).",
    )


def node_js() -> Check:
    """Whether JavaScript actions can run."""
    program = shutil.which("node") or shutil.which("nodejs")
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


def couchdb(settings: Settings) -> Check:
    """Whether the CouchDB answers. Changes nothing there."""
    url = settings.couchdb.url
    try:
        with urlopen(url, timeout=5) as answer:
            told = json.load(answer)
    except (OSError, ValueError) as problem:
        return Check("couchdb", PROBLEM, f"{url} does not answer: {problem}", "Start it, or change couchdb.url.")
    return Check("couchdb", OK, f"version {told.get('version', 'unknown')} answers at {url}")


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
