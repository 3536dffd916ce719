"""Images of the packaged kinds, built from the programs of this machine: no registry, no network, about a
second.

An image holds the closure of an interpreter (its libraries and standard library) and the action proxies. Two
builds of the same files give the same bytes, so an engine that has the image already loads nothing.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import marshal
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable
from pathlib import Path

from attrs import define, field, frozen

from owactors.runtime import LAUNCH_FOLDER

LEFT_OUT = frozenset(["test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "__pycache__"])
PACKAGES = frozenset(["site-packages", "dist-packages"])
TOOLS = ("sh", "cat", "cp", "cut", "date", "echo", "env", "expr", "false", "grep", "head", "ls", "mkdir", "mv", "rm")
MORE_TOOLS = ("sed", "sleep", "sort", "tail", "tr", "true", "wc")
NAME_SERVICE = ("libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2")
USER = "65534:65534"
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


class ImageCannotBeBuilt(Exception):
    """A program is missing here; the message says which."""


@frozen
class Image:
    """A docker-archive (`data`, for `docker load`) and the tags it carries."""

    tags: tuple[str, ...]
    data: bytes


@define
class Tree:
    """A file system in the making: path -> content (bytes), mode; links; folders."""

    files: dict[str, tuple[bytes, int]] = field(factory=dict)
    links: dict[str, str] = field(factory=dict)
    folders: dict[str, int] = field(factory=dict)

    def copy(self, source: str, target: str | None = None) -> None:
        """The content of a file of this machine."""
        mode = 0o755 if os.access(source, os.X_OK) else 0o644
        self.files[target or source] = (Path(source).read_bytes(), mode)

    def program(self, path: str, target: str | None = None) -> None:
        """A program and every library it needs."""
        self.copy(os.path.realpath(path), target or path)
        self.libraries([path])

    def libraries(self, programs: Iterable[str]) -> None:
        """What the dynamic linker would load for `programs`."""
        for name in _libraries(programs):
            if name not in self.files:
                self.copy(name)

    def layer(self) -> bytes:
        """An uncompressed tar, the same for the same content."""
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for path in sorted({*self.files, *self.links, *self.folders}):
                archive.addfile(*self._member(path))
        return data.getvalue()

    def _member(self, path: str) -> tuple[tarfile.TarInfo, io.BytesIO | None]:
        info = tarfile.TarInfo(path.lstrip("/"))
        if path in self.folders:
            info.type, info.mode = tarfile.DIRTYPE, self.folders[path]
            return info, None
        if path in self.links:
            info.type, info.linkname = tarfile.SYMTYPE, self.links[path]
            return info, None
        content, info.mode = self.files[path]
        info.size = len(content)
        return info, io.BytesIO(content)


def build(family: str, tags: Iterable[str]) -> Image:
    """The image of a family (`python`, `nodejs`, `native`). Raises ImageCannotBeBuilt."""
    builders = {"python": _python, "nodejs": _nodejs, "native": _native}
    if family not in builders:
        raise ImageCannotBeBuilt(f"there is no recipe for {family!r}, only for {', '.join(builders)}")
    tree = _base()
    command = builders[family](tree)
    return Image(tuple(tags), _archive(tree.layer(), [*command, "--port", "8080"], tuple(tags)))


def packaged_tags() -> dict[str, tuple[str, ...]]:
    """Family -> the tags of the packaged manifest that this machine's programs can stand for."""
    minor = f"3.{sys.version_info.minor}"
    return {
        "python": ("owactors/action-python:3", f"owactors/action-python:{minor}"),
        "nodejs": ("owactors/action-nodejs:20", "owactors/action-nodejs:18"),
        "native": ("owactors/action-native:1",),
    }


def _python(tree: Tree) -> list[str]:
    return [_interpreter(tree), "-S", "-E", "-X", "utf8", "/launch/python.py"]


def _native(tree: Tree) -> list[str]:
    command = _interpreter(tree)
    for name in TOOLS + MORE_TOOLS:
        path = shutil.which(name, path="/bin:/usr/bin")
        if path is not None:
            tree.program(path, f"/usr/bin/{name}")
    tree.links["/bin"] = "usr/bin"
    return [command, "-S", "-E", "-X", "utf8", "/launch/native.py"]


def _nodejs(tree: Tree) -> list[str]:
    node = shutil.which("node")
    if node is None:
        raise ImageCannotBeBuilt("node is not installed on this machine (Debian: apt-get install nodejs)")
    tree.program(os.path.realpath(node), "/usr/bin/node")
    tree.copy(str(LAUNCH_FOLDER / "nodejs.js"), "/launch/nodejs.js")
    return ["/usr/bin/node", "/launch/nodejs.js"]


def _base() -> Tree:
    tree = Tree()
    tree.folders = {"/tmp": 0o1777, "/action": 0o1777}
    tree.files["/etc/passwd"] = (b"root:x:0:0::/:/bin/false\nnobody:x:65534:65534::/action:/bin/false\n", 0o644)
    tree.files["/etc/group"] = (b"root:x:0:\nnogroup:x:65534:\n", 0o644)
    tree.files["/etc/nsswitch.conf"] = (b"hosts: files dns\n", 0o644)
    certificates = "/etc/ssl/certs/ca-certificates.crt"
    if os.path.isfile(certificates):
        tree.copy(certificates)
    return tree


def _interpreter(tree: Tree) -> str:
    """Add this Python; its path inside."""
    python = os.path.realpath(sys.executable)
    tree.program(python)
    extensions = []
    for path in _standard_library():
        tree.copy(path)
        if path.endswith(".py"):
            _add_byte_code(tree, path, path)
        elif path.endswith(".so"):
            extensions.append(path)
    tree.libraries(extensions)
    _add_name_service(tree)
    for source in sorted(LAUNCH_FOLDER.glob("*.py")):
        tree.copy(str(source), f"/launch/{source.name}")
        _add_byte_code(tree, str(source), f"/launch/{source.name}")
    return python


def _standard_library() -> list[str]:
    found = []
    for root, folders, names in os.walk(sysconfig.get_paths()["stdlib"]):
        if os.path.basename(root).startswith("config-"):
            continue
        folders[:] = sorted(set(folders) - LEFT_OUT - PACKAGES)
        found += [os.path.join(root, name) for name in sorted(names) if not name.endswith((".a", ".pyc"))]
    return found


def _add_byte_code(tree: Tree, source: str, target: str) -> None:
    """Byte code that is never checked against the source's time, since all times in an image are the same."""
    content = Path(source).read_bytes()
    code = _existing_code(source) or _compiled(content, target)
    if code is None:
        return
    header = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(content)
    tree.files[importlib.util.cache_from_source(target)] = (header + code, 0o644)


def _existing_code(source: str) -> bytes | None:
    """The code of a byte code file that is as old as its source; compiling a thousand files takes seconds."""
    try:
        data = Path(importlib.util.cache_from_source(source)).read_bytes()
        status = os.stat(source)
    except OSError:
        return None
    stamp = int(status.st_mtime).to_bytes(4, "little") + status.st_size.to_bytes(4, "little")
    fresh = data[:4] == importlib.util.MAGIC_NUMBER and data[4:8] == bytes(4) and data[8:16] == stamp
    return data[16:] if fresh and "/launch/" not in source else None


def _compiled(content: bytes, target: str) -> bytes | None:
    try:
        return marshal.dumps(compile(content, target, "exec", dont_inherit=True, optimize=0))
    except (SyntaxError, ValueError):
        return None


def _add_name_service(tree: Tree) -> None:
    folders = {os.path.dirname(path) for path in tree.files if "/libc.so" in path}
    for folder in folders:
        for name in NAME_SERVICE:
            if os.path.exists(os.path.join(folder, name)):
                tree.copy(os.path.join(folder, name))


def _libraries(programs: Iterable[str]) -> set[str]:
    paths = list(programs)
    if not paths:
        return set()
    text = subprocess.run(["ldd", *paths], capture_output=True, text=True, timeout=60).stdout
    return set(re.findall(r"(/\S+\.so\S*)(?= \(0x)", text))


def _archive(layer: bytes, command: list[str], tags: tuple[str, ...]) -> bytes:
    settings = {
        "architecture": MACHINES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {
            "Cmd": command,
            "Env": ["PATH=/usr/bin:/bin", "HOME=/action", "LANG=C.UTF-8"],
            "User": USER,
            "WorkingDir": "/action",
            "ExposedPorts": {"8080/tcp": {}},
            "Labels": {"owactors": "action"},
        },
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "owactors"}],
    }
    config = json.dumps(settings, sort_keys=True).encode()
    name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = json.dumps([{"Config": name, "RepoTags": list(tags), "Layers": ["layer.tar"]}]).encode()
    tree = Tree({name: (config, 0o644), "layer.tar": (layer, 0o644), "manifest.json": (manifest, 0o644)})
    return tree.layer()
