"""The node's side of the zygote (owactors.runtime.launch.zygote): start it, ask it for sandboxes, hear who ended."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from owactors.container.sandbox import bubblewrap, seccomp
from owactors.container.sandbox.processes import DEATH_SCORE, MARKER, SandboxProcess, zygote_marker
from owactors.container.sandbox.settings import NetworkMode
from owactors.runtime import LAUNCH_FOLDER, Launcher, Launchers

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
PRELOAD = (
    *("json", "re", "collections", "datetime", "random", "base64", "hashlib", "logging", "traceback", "linecache"),
    *("threading", "subprocess", "tempfile", "zipfile", "uuid", "urllib.request", "_strptime"),
)
"""Modules that actions like to import; together 20 MB that all sandboxes share."""
ROOM_FOR_LABELS = 160
LARGEST = 65536
KILLED = 137
TRIES, REST = 3, 30.0
"""So many zygotes in a row may fail to make a sandbox; then seconds pass between two tries."""
PATIENCE = 10.0
"""Seconds for making a network namespace."""
WORDS = {"python.py": "python", "native.py": "native"}


class ZygoteFailed(Exception):
    """No sandbox can be made by the zygote; the message says why."""


@frozen
class Layout:
    """What the sandboxes of a zygote share: `boxes` holds their folders, `folders` must be readable inside.

    `network`: see SandboxSettings; `resolvers`: the file that is /etc/resolv.conf inside, if not this machine's.
    """

    boxes: Path
    folders: tuple[str, ...]
    network: NetworkMode
    filter: bytes
    resolvers: str = ""

    def to_json(self) -> dict[str, Any]:
        """As the zygote reads it."""
        seen = bubblewrap.read_only_system(self.resolvers)
        seen += [(os.path.realpath(folder), folder) for folder in self.folders]
        return {
            "read_only": [*seen, (str(LAUNCH_FOLDER), bubblewrap.LAUNCH)],
            "links": bubblewrap.system_links(),
            "devices": DEVICES,
            "boxes": os.path.realpath(self.boxes),
            "network": self.network,
            "filter": self.filter.hex(),
            "read_only_proc": bubblewrap.READ_ONLY_PROC,
            "hidden_proc": bubblewrap.HIDDEN_PROC,
            "preload": PRELOAD,
        }


@frozen
class ForkRequest:
    """One sandbox: see `Request` in owactors.runtime.launch.zygote."""

    id: str
    folder: str
    command: Sequence[str]
    environment: dict[str, str]
    memory: int | None
    file_size: int
    open_files: int
    shared_memory: int
    wired: bool = False
    born: bool = False

    def to_json(self) -> dict[str, Any]:
        """As the zygote reads it."""
        return {
            "id": self.id,
            "folder": self.folder,
            "command": list(self.command),
            "environment": self.environment,
            "label": f"{MARKER}={self.id}",
            "memory": self.memory,
            "file_size": self.file_size,
            "open_files": self.open_files,
            "shared_memory": self.shared_memory,
            "wired": self.wired,
            "born": self.born,
            "death_score": DEATH_SCORE,
        }


@define(eq=False)
class ForkedProcess:
    """The init of a sandbox. `pid` is 0 until the zygote has said it, and for one that never was."""

    id: str
    pid: int = 0
    exit_code: int | None = None
    failure: str = ""
    _known: asyncio.Event = field(factory=asyncio.Event)
    _done: asyncio.Event = field(factory=asyncio.Event)

    async def settled(self, seconds: float) -> bool:
        """Wait until it is known whether it exists; False after `seconds`."""
        return await _within(self._known, seconds)

    async def ended(self, seconds: float) -> bool:
        """Wait for its end; False after `seconds`."""
        return await _within(self._done, seconds)

    def forked(self, pid: int) -> None:
        """It lives."""
        self.pid = pid
        self._known.set()

    def failed(self, reason: str) -> None:
        """It could not be made."""
        self.failure = reason
        self.over(KILLED)

    def over(self, code: int) -> None:
        """It has ended."""
        self.exit_code = code
        self._known.set()
        self._done.set()


@define(eq=False)
class Zygote:
    """One that runs. `close` ends it and every sandbox it made."""

    program: str
    process: SandboxProcess
    _control: socket.socket
    _children: dict[str, ForkedProcess] = field(factory=dict)
    _ready: asyncio.Future[str] = field(factory=lambda: asyncio.get_running_loop().create_future())
    _open: bool = True
    _namespaces: dict[int, asyncio.Future[int]] = field(factory=dict)
    _asked: int = 0

    @classmethod
    async def start(cls, layout: Layout, boot: str, folder: Path, seconds: float) -> Zygote:
        """Start one and wait until it answers. `folder`: for its complaints. Raises ZygoteFailed."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        log = folder / "zygote.log"
        with theirs, log.open("ab") as errors:
            program = os.path.realpath(sys.executable)
            command = [program, "-S", "-E", "-X", "utf8", str(LAUNCH_FOLDER / "zygote.py")]
            zygote = cls(
                program,
                SandboxProcess.start(
                    [*command, "--control-fd", str(theirs.fileno())],
                    join=(),
                    address_space=None,
                    # Room in which each sandbox writes its own name.
                    environment={MARKER: zygote_marker(boot), "ROOM": "-" * ROOM_FOR_LABELS},
                    folder=folder,
                    descriptors=(theirs.fileno(),),
                    output=(errors.fileno(), errors.fileno()),
                    open_files=None,
                ),
                ours,
            )
        asyncio.get_running_loop().add_reader(ours.fileno(), zygote._readable)
        try:
            ours.send(json.dumps(layout.to_json()).encode())
            refused = await asyncio.wait_for(asyncio.shield(zygote._ready), seconds)
        except (OSError, TimeoutError) as error:
            refused = str(error) or f"no answer within {seconds:g} s"
        except BaseException:
            await zygote.close()
            raise
        if refused:
            await zygote.close()
            words = log.read_text(errors="replace").strip()[-500:]
            raise ZygoteFailed(f"{refused} {words}".strip())
        return zygote

    @property
    def alive(self) -> bool:
        """True while it can be asked."""
        return self._open

    def first_word(self, launcher: Launcher) -> str | None:
        """The proxy that is loaded for this launcher; None if its program has to be run."""
        return WORDS.get(os.path.basename(launcher.argv[-1])) if launcher.argv[0] == self.program else None

    def fork(self, request: ForkRequest, descriptors: Sequence[int]) -> ForkedProcess:
        """Ask for a sandbox with these descriptors (listener, ready, stdout, stderr, the network namespace if it is
        `wired`, the group to be born in if it is `born`, groups to join).
        """
        child = self._children[request.id] = ForkedProcess(request.id)
        try:
            if not self._open:
                raise OSError("the zygote has ended")
            socket.send_fds(self._control, [json.dumps(request.to_json()).encode()], list(descriptors))
        except OSError as error:
            del self._children[request.id]
            child.failed(str(error))
            if isinstance(error, ConnectionError):
                self._shut()
        return child

    async def namespace(self) -> int:
        """A descriptor of a new network namespace into which it can put sandboxes. Raises OSError."""
        self._asked += 1
        number, came = self._asked, asyncio.get_running_loop().create_future()
        self._namespaces[number] = came
        try:
            if not self._open:
                raise OSError("the zygote has ended")
            self._control.send(json.dumps({"namespace": number}).encode())
            return await asyncio.wait_for(came, PATIENCE)
        finally:
            del self._namespaces[number]

    async def close(self) -> None:
        """End it; the kernel ends all its sandboxes."""
        self._shut()
        if not await self.process.ended(5.0):
            self.process.popen.kill()
            await self.process.ended(5.0)

    def _readable(self) -> None:
        while self._open:
            try:
                text, descriptors, _, _ = socket.recv_fds(self._control, LARGEST, 4)
            except BlockingIOError:
                return
            except OSError:
                text, descriptors = b"", []
            if not text:
                self._shut()
                return
            try:
                self._take(json.loads(text), descriptors)
            finally:
                for fd in descriptors:
                    os.close(fd)

    def _take(self, said: dict[str, Any], descriptors: Sequence[int]) -> None:
        if "namespace" in said:
            self._take_namespace(self._namespaces.get(said["namespace"]), said, descriptors)
            return
        child = self._children.get(said.get("id", ""))
        if child is None:
            if not self._ready.done():
                self._ready.set_result(said.get("refused", ""))
        elif "pid" in said:
            child.forked(_pid_of(descriptors[0]))
        else:
            del self._children[child.id]
            if "failed" in said:
                child.failed(said["failed"])
            else:
                child.over(said["code"])

    @staticmethod
    def _take_namespace(came: asyncio.Future[int] | None, said: dict[str, Any], descriptors: Sequence[int]) -> None:
        if came is None or came.done():
            return
        if descriptors:
            came.set_result(os.dup(descriptors[0]))
        else:
            came.set_exception(OSError(said.get("failed", "")))

    def _shut(self) -> None:
        if not self._open:
            return
        for came in self._namespaces.values():
            if not came.done():
                came.set_exception(OSError("the zygote has ended"))
        self._open = False
        asyncio.get_running_loop().remove_reader(self._control.fileno())
        self._control.close()
        if not self._ready.done():
            self._ready.set_result("it ended at once")
        for child in self._children.values():
            child.over(KILLED)
        self._children.clear()


@define(eq=False)
class Zygotes:
    """At most one zygote, made anew when it died; after some failures in a row not before a rest."""

    layout: Layout
    boot: str
    folder: Path
    seconds: float
    tries: int = TRIES
    _tried: float = 0.0
    _starting: asyncio.Task[Zygote] | None = None
    _owner: int = field(factory=os.getpid)

    async def get(self) -> Zygote:
        """One that lives. Raises ZygoteFailed."""
        if self._owner != os.getpid():  # forked since: the parent's zygote answers the parent only
            self._owner, self._starting = os.getpid(), None
        task = self._starting
        if task is None or (task.done() and not _lives(task)):
            now = asyncio.get_running_loop().time()
            if self.tries <= 0 and now < self._tried + REST:
                raise ZygoteFailed("it failed too often")
            self.tries, self._tried = self.tries - 1, now
            start = Zygote.start(self.layout, self.boot, self.folder, self.seconds)
            task = self._starting = asyncio.ensure_future(start)
        zygote = await asyncio.shield(task)
        return zygote

    def proved(self) -> None:
        """A sandbox was made: what happens from now on is a new failure."""
        self.tries = TRIES

    async def close(self) -> None:
        """End it."""
        task, self._starting = self._starting, None
        if task is not None:
            (zygote,) = await asyncio.gather(task, return_exceptions=True)
            if isinstance(zygote, Zygote):
                await zygote.close()


def layout_for(launchers: Launchers, boxes: Path, network: NetworkMode, resolvers: str = "") -> Layout | None:
    """What all kinds of `launchers` need; None on a machine for which there is no filter of system calls."""
    program = seccomp.program()
    if program is None:
        return None
    folders = {folder for launcher in launchers.found.values() for folder in launcher.folders}
    own = os.path.realpath(sys.executable)
    prefix = str(Path(own).parent.parent)
    folders |= set() if prefix in ("/usr", "/") else {prefix}
    return Layout(boxes, tuple(sorted(folders)), network, program, resolvers)


def _lives(task: asyncio.Task[Zygote]) -> bool:
    return not task.cancelled() and task.exception() is None and task.result().alive


def _pid_of(pidfd: int) -> int:
    """The process that a pidfd names, as this process would name it; 0 if it is gone."""
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines():
        if line.startswith("Pid:"):
            return max(0, int(line.split()[1]))
    return 0


async def _within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
