"""Control groups: limits, freezing and killing of all processes of a sandbox. Version 1 and 2.

Everything is plain file access on the kernel's own files, which does not block.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from attrs import define, evolve, field, frozen

WANTED = ("memory", "pids", "freezer", "cpu")
"""Also without a limit of processors: in a group of its own a sandbox weighs as much as one process beside it, however
many it has.
"""
NETWORK = "network"
"""Not a controller: the group in version 2 at which the guard of the network is, also beside groups of version 1."""
PREFIX = "owactors-"


@frozen
class CgroupLayout:
    """Where groups can be made: for each controller the parent folder. `version` 0 means nowhere."""

    version: int = 0
    parents: dict[str, Path] = field(factory=dict)

    def has(self, controller: str) -> bool:
        """True if groups can use `controller`."""
        return controller in self.parents

    def with_tree(self, parent: Path) -> CgroupLayout:
        """The same, and every group has a folder of version 2 below `parent`."""
        return evolve(self, version=self.version or 1, parents={**self.parents, NETWORK: parent})


@frozen
class ControlGroup:
    """One group, in one folder (version 2) or one per controller (version 1)."""

    version: int
    folders: dict[str, Path]

    @property
    def paths(self) -> list[Path]:
        """Every folder of the group once."""
        return list(dict.fromkeys(self.folders.values()))

    @property
    def tree(self) -> Path | None:
        """Its folder of version 2, in which a process can be born; None if it has none.

        One that moves there later waits for the kernel's other processors: 10 ms.
        """
        return self.folders.get(NETWORK) if self.version == 1 else next(iter(self.paths), None)

    @property
    def joining(self) -> list[str]:
        """The files into which a process that has one thread writes 0 to join."""
        return self.joining_born + ([] if self.tree is None else [str(self.tree / "cgroup.procs")])

    @property
    def joining_born(self) -> list[str]:
        """The same for one that was born in `tree`.

        In version 1 a thread that moves itself need not wait, unlike a process: 0.05 ms instead of 10.
        """
        return [str(path / "tasks") for path in self.paths if path != self.tree]

    def limit(self, memory: int, pids: int, cpus: float | None = None) -> None:
        """Set the limits (bytes, processes, cores) whose controllers are there."""
        if "memory" in self.folders:
            self._limit_memory(self.folders["memory"], memory)
        if "pids" in self.folders:
            _write(self.folders["pids"] / "pids.max", str(pids))
        if cpus is not None and "cpu" in self.folders:
            self._limit_cpu(self.folders["cpu"], cpus)

    def resize(self, memory: int, cpus: float | None = None) -> bool:
        """Change the limits of memory (bytes) and processors; False if the kernel did not take the memory."""
        if "memory" not in self.folders:
            return False
        folder = self.folders["memory"]
        if self.version == 1:
            # Memory with swap is never less than memory: when growing it goes first, when shrinking it cannot.
            _write(folder / "memory.memsw.limit_in_bytes", str(memory))
        self._limit_memory(folder, memory)
        if cpus is not None and "cpu" in self.folders:
            self._limit_cpu(self.folders["cpu"], cpus)
        name = "memory.max" if self.version == 2 else "memory.limit_in_bytes"
        return _read(folder / name).strip() == str(memory)

    def freeze(self, seconds: float = 0.05) -> bool:
        """Freeze every process; False if that did not happen in so long or more. Blocks."""
        return self._set_frozen(True, seconds)

    def thaw(self) -> bool:
        """Undo `freeze`."""
        return self._set_frozen(False)

    def pids(self) -> set[int]:
        """Every living process of the group."""
        found: set[int] = set()
        for path in self.paths:
            found |= _pids(path)
        return found

    def kill(self) -> None:
        """Send SIGKILL to every process; they may need a moment to go."""
        if self.version == 2 and _write(self.paths[0] / "cgroup.kill", "1"):
            return
        # Frozen processes cannot fork away while their list is read; the signal takes effect at the thaw.
        self._set_frozen(True)
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if "freezer" in self.folders:
            self._set_frozen(False)

    def remove(self) -> bool:
        """Remove the folders; False while processes are left in one."""
        gone = True
        for path in self.paths:
            try:
                path.rmdir()
            except FileNotFoundError:
                continue
            except OSError:
                gone = False
        return gone

    def peak_memory(self) -> int | None:
        """The most bytes that were in use at once; None if the kernel does not say."""
        if "memory" not in self.folders:
            return None
        name = "memory.peak" if self.version == 2 else "memory.max_usage_in_bytes"
        text = _read(self.folders["memory"] / name).strip()
        return int(text) if text.isdigit() else None

    def _limit_memory(self, folder: Path, memory: int) -> None:
        if self.version == 2:
            _write(folder / "memory.max", str(memory))
            _write(folder / "memory.swap.max", "0")
        else:
            _write(folder / "memory.limit_in_bytes", str(memory))
            _write(folder / "memory.memsw.limit_in_bytes", str(memory))

    def _limit_cpu(self, folder: Path, cpus: float) -> None:
        quota = max(1000, int(cpus * 100_000))
        if self.version == 2:
            _write(folder / "cpu.max", f"{quota} 100000")
        else:
            _write(folder / "cpu.cfs_quota_us", str(quota))

    def _set_frozen(self, frozen: bool, seconds: float = 0.05) -> bool:
        folder = self.folders.get("freezer")
        if folder is None:
            return False
        deadline = time.monotonic() + seconds
        while True:
            if self._write_frozen(folder, frozen) == frozen:
                return True
            if time.monotonic() > deadline:
                return False
            # Freezing passes through an intermediate state for well under a millisecond.
            time.sleep(0.0002)

    def _write_frozen(self, folder: Path, frozen: bool) -> bool:
        if self.version == 2:
            _write(folder / "cgroup.freeze", "1" if frozen else "0")
            return "frozen 1" in _read(folder / "cgroup.events")
        _write(folder / "freezer.state", "FROZEN" if frozen else "THAWED")
        return _read(folder / "freezer.state").strip() == "FROZEN"


@define(eq=False)
class OomCounter:
    """How many processes of a group the kernel has killed for its memory. Kept open: it is asked after each run."""

    _fd: int | None
    _seen: int = 0

    @classmethod
    def of(cls, group: ControlGroup | None) -> OomCounter:
        """That of a group; one that counts nothing if there is none."""
        if group is None or "memory" not in group.folders:
            return cls(None)
        name = "memory.events" if group.version == 2 else "memory.oom_control"
        try:
            return cls(os.open(group.folders["memory"] / name, os.O_RDONLY | os.O_CLOEXEC))
        except OSError:
            return cls(None)

    @property
    def works(self) -> bool:
        """True if there is something to count."""
        return self._fd is not None

    def rose(self) -> bool:
        """True if there are more than when this said so last."""
        now = self._count()
        risen, self._seen = now > self._seen, max(now, self._seen)
        return risen

    def close(self) -> None:
        """Let the file go."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _count(self) -> int:
        if self._fd is None:
            return 0
        try:
            text = os.pread(self._fd, 1024, 0)
        except OSError:
            return 0
        _, found, rest = text.partition(b"oom_kill ")
        return int(rest.split(None, 1)[0]) if found else 0


def detect() -> CgroupLayout:
    """Find out, by trying, where this process may make groups."""
    mounts = _mounts()
    own = groups_of_process("self")
    return _detect_v2(mounts, own) or _detect_v1(mounts, own) or CgroupLayout()


def create(layout: CgroupLayout, name: str) -> ControlGroup | None:
    """A new group `owactors-<name>` with every controller of `layout`; None if there are none."""
    wanted = [controller for controller in (*WANTED, NETWORK) if layout.has(controller)]
    if not wanted:
        return None
    folders = {c: layout.parents[c] / f"{PREFIX}{name}" for c in wanted}
    group = ControlGroup(layout.version, folders)
    try:
        for path in group.paths:
            path.mkdir()
    except OSError:
        group.remove()
        raise
    return group


def tree_of(layout: CgroupLayout) -> Path | None:
    """Where groups of version 2 can be made, be it only beside those of version 1; None if nowhere."""
    if layout.version == 2:
        return next(iter(layout.parents.values()))
    own = groups_of_process("self")
    for kind, root, point, _ in _mounts():
        if kind == "cgroup2" and "" in own:
            base = _inside(root, point, own[""])
            if _groups_work(base) and os.access(base / "cgroup.procs", os.W_OK):
                return base
    return None


def known(version: int, folders: dict[str, str]) -> ControlGroup:
    """The group that a dead node wrote down."""
    return ControlGroup(version, {name: Path(path) for name, path in folders.items()})


def _detect_v2(mounts: list[tuple[str, str, str, str]], own: dict[str, str]) -> CgroupLayout | None:
    for kind, root, point, _ in mounts:
        if kind != "cgroup2" or "" not in own:
            continue
        here = _inside(root, point, own[""])
        # A group with processes cannot have limited children, so its parent is the other candidate.
        for base in dict.fromkeys([here, here.parent]):
            if str(base).startswith(point) and _v2_works(base):
                return CgroupLayout(2, dict.fromkeys(WANTED, base))
    return None


def _v2_works(base: Path) -> bool:
    _write(base / "cgroup.subtree_control", "+memory +pids")
    _write(base / "cgroup.subtree_control", "+cpu")
    probe = base / f"{PREFIX}probe-{os.getpid()}"
    try:
        probe.mkdir()
    except OSError:
        return False
    try:
        return (probe / "memory.max").exists() and os.access(probe / "cgroup.procs", os.W_OK)
    finally:
        probe.rmdir()


def _detect_v1(mounts: list[tuple[str, str, str, str]], own: dict[str, str]) -> CgroupLayout | None:
    parents: dict[str, Path] = {}
    for kind, root, point, options in mounts:
        if kind != "cgroup":
            continue
        for controller in set(options.split(",")) & set(WANTED):
            base = _inside(root, point, own.get(controller, "/"))
            if _groups_work(base):
                parents[controller] = base
    return CgroupLayout(1, parents) if parents else None


def _groups_work(base: Path) -> bool:
    probe = base / f"{PREFIX}probe-{os.getpid()}"
    try:
        probe.mkdir()
        probe.rmdir()
    except OSError:
        return False
    return True


def _inside(root: str, point: str, group: str) -> Path:
    """The folder of `group` below a mount whose root is the group `root`."""
    relative = group.removeprefix(root) if root != "/" else group
    return Path(point) / relative.strip("/")


def _mounts() -> list[tuple[str, str, str, str]]:
    """(type, root, mount point, super options) of every cgroup mount."""
    found = []
    for line in _read(Path("/proc/self/mountinfo")).splitlines():
        before, _, after = line.partition(" - ")
        fields, rest = before.split(), after.split()
        if rest and rest[0] in ("cgroup", "cgroup2"):
            found.append((rest[0], fields[3], fields[4], rest[2] if len(rest) > 2 else ""))
    return found


def groups_of_process(pid: int | str) -> dict[str, str]:
    """Controller -> the group of a process; the key of version 2 is empty."""
    groups = {}
    for line in _read(Path(f"/proc/{pid}/cgroup")).splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            groups[controller] = path
    return groups


def mount_points() -> dict[str, Path]:
    """Controller -> where its whole tree is mounted; the key of version 2 is empty."""
    found: dict[str, Path] = {}
    for kind, root, point, options in _mounts():
        if root == "/":
            found.update({name: Path(point) for name in ([""] if kind == "cgroup2" else options.split(","))})
    return found


def _pids(folder: Path) -> set[int]:
    return {int(word) for word in _read(folder / "cgroup.procs").split()}


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _write(path: Path, text: str) -> bool:
    try:
        path.write_text(text)
    except OSError:
        return False
    return True
