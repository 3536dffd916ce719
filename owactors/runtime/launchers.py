"""Which kinds this machine can run without an image: the launcher (command line) of each, or what is missing."""

from __future__ import annotations

import functools
import os
import py_compile
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from attrs import field, frozen

LAUNCH_FOLDER = Path(__file__).resolve().parent / "launch"
PROXY_MODULES = ("quickjson.py", "server.py", "python_proxy.py", "native_proxy.py", "tagging.py")


class LauncherMissing(Exception):
    """No launcher for a kind; the message says what to install."""


@frozen
class Launcher:
    """How a kind is started on this machine.

    `argv` starts the proxy (options of the listener are appended); `{launch}` in it stands for the folder
    with the proxies. `folders` are what must be readable beside /usr, /bin and /lib. `heap` is an option that
    limits the language's own heap to `{mib}`, for machines where memory cannot be limited from outside.
    """

    kind: str
    argv: tuple[str, ...]
    folders: tuple[str, ...] = ()
    heap: str | None = None
    address_space_limit: bool = True

    def command(self, launch: str, heap_mib: int | None = None) -> list[str]:
        """The command line with the proxies in folder `launch`."""
        words = [word.replace("{launch}", launch) for word in self.argv]
        if heap_mib is not None and self.heap is not None:
            words.insert(1, self.heap.replace("{mib}", str(heap_mib)))
        return words


@frozen
class Launchers:
    """Every kind asked for: either `found` or `missing` (what to install)."""

    found: Mapping[str, Launcher] = field(factory=dict)
    missing: Mapping[str, str] = field(factory=dict)

    def __getitem__(self, kind: str) -> Launcher:
        """The launcher of `kind`; raises LauncherMissing."""
        launcher = self.found.get(kind) or self.found.get(kind.replace(":default", ""))
        if launcher is not None:
            return launcher
        reason = self.missing.get(kind) or _missing(kind)
        raise LauncherMissing(f"kind {kind!r} cannot run here: {reason}")


def find_launchers(kinds: Iterable[str]) -> Launchers:
    """Look for an interpreter for each of `kinds`, such as `python:3.11`, `nodejs:20`, `native:1`."""
    found, missing = {}, {}
    for kind in kinds:
        launcher = find_launcher(kind)
        if launcher is None:
            missing[kind] = _missing(kind)
        else:
            found[kind] = launcher
    return Launchers(found, missing)


def find_launcher(kind: str) -> Launcher | None:
    """The launcher of one kind, None if its interpreter is not on this machine."""
    family, _, version = kind.partition(":")
    if family == "python":
        return _python(kind, version)
    if family == "nodejs":
        return _nodejs(kind, version)
    if family in ("native", "sh"):
        return _native(kind)
    return None


def _python(kind: str, version: str) -> Launcher | None:
    interpreter = python_interpreter(version)
    if interpreter is None:
        return None
    argv = (interpreter, "-S", "-E", "-X", "utf8", "{launch}/python.py")
    return Launcher(kind, argv, _prefix_of(interpreter))


def _native(kind: str) -> Launcher | None:
    interpreter = python_interpreter("3")
    if interpreter is None:
        return None
    argv = (interpreter, "-S", "-E", "-X", "utf8", "{launch}/native.py")
    return Launcher(kind, argv, _prefix_of(interpreter))


def _nodejs(kind: str, version: str) -> Launcher | None:
    node = shutil.which("node") or shutil.which("nodejs")
    if node is None:
        return None
    node = os.path.realpath(node)
    installed = node_major(node)
    # An older action runs on a newer node; the other way round it may not.
    if installed is None or (version.isdigit() and int(version) > installed):
        return None
    folders = () if node.startswith("/usr/bin/") else _prefix_of(node)
    return Launcher(kind, (node, "{launch}/nodejs.js"), folders, "--max-old-space-size={mib}", False)


def python_interpreter(version: str) -> str | None:
    """The real path of a Python of `version` (`3`, `3.11`, `default`): this one where it fits."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    if version in ("", "3", "default", own):
        return os.path.realpath(sys.executable)
    if not re.fullmatch(r"3\.\d+", version):
        return None
    for folder in ("/usr/bin", "/usr/local/bin"):
        path = os.path.join(folder, f"python{version}")
        if os.access(path, os.X_OK):
            return os.path.realpath(path)
    return None


@functools.cache
def node_major(node: str) -> int | None:
    """The major version of a node binary."""
    try:
        text = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.match(r"v(\d+)\.", text)
    return int(match.group(1)) if match else None


def compile_proxies() -> None:
    """Write the byte code of the proxies where the folder is writable, so that no container compiles them."""
    for name in PROXY_MODULES:
        try:
            py_compile.compile(str(LAUNCH_FOLDER / name), doraise=True)
        except (OSError, py_compile.PyCompileError):
            return


def _prefix_of(program: str) -> tuple[str, ...]:
    prefix = str(Path(program).parent.parent)
    return () if prefix in ("/usr", "/") else (prefix,)


def _missing(kind: str) -> str:
    family, _, version = kind.partition(":")
    if family == "python":
        return f"install Python {version or '3'} as /usr/bin/python{version or '3'}, or use python:3"
    if family == "nodejs":
        return f"install node {version} or newer (Debian: apt-get install nodejs)"
    return "there is no launcher for it; kinds with images need the Docker back end (--container docker)"
