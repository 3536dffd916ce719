"""Processes of a sandbox: starting the first one, finding, stopping and killing all the others."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from attrs import define, field

MARKER = "OWACTORS_SANDBOX"
OPEN_FILES = 1024
DEATH_SCORE = 500
"""When the machine runs out of memory, sandboxes go before the node."""


class FirstProcess(Protocol):
    """The process that everything in a sandbox comes from."""

    @property
    def pid(self) -> int:
        """Its process id; 0 if it does not exist (yet)."""
        ...

    @property
    def exit_code(self) -> int | None:
        """Negative or above 128 for who was killed; None while it lives."""
        ...

    async def settled(self, seconds: float) -> bool:
        """Wait until `pid` is known; False after `seconds`."""
        ...

    async def ended(self, seconds: float) -> bool:
        """Wait for its end; False after `seconds`."""
        ...


@define(eq=False)
class SandboxProcess:
    """The first process of a sandbox, watched through a descriptor so that no signal handler is needed."""

    popen: subprocess.Popen[bytes]
    _pidfd: int
    _done: asyncio.Event = field(factory=asyncio.Event)

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        *,
        join: Sequence[str],
        address_space: int | None,
        file_size: int = 0,
        environment: Mapping[str, str],
        folder: Path,
        descriptors: Sequence[int],
        output: tuple[int, int],
        open_files: int | None = OPEN_FILES,
    ) -> SandboxProcess:
        """Run `command` with nothing inherited but `descriptors`. Raises OSError.

        A shell joins the cgroups and sets the limits before anything else runs, so no child can be outside.
        `join`: files to write 0 into; `address_space`, `file_size`: bytes, 0 for files of any size.
        """
        popen = subprocess.Popen(
            ["/bin/sh", "-c", _prelude(join, address_space, file_size, open_files), "sh", *command],
            stdin=subprocess.DEVNULL,
            stdout=output[0],
            stderr=output[1],
            pass_fds=tuple(descriptors),
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )
        process = cls(popen, os.pidfd_open(popen.pid))
        asyncio.get_running_loop().add_reader(process._pidfd, process._on_exit)
        return process

    @property
    def pid(self) -> int:
        """Its process id, which is its session and process group too."""
        return self.popen.pid

    @property
    def exit_code(self) -> int | None:
        """As Popen.returncode; None while it lives."""
        return self.popen.returncode if self._done.is_set() else None

    async def settled(self, seconds: float) -> bool:
        """See FirstProcess: it is from the start."""
        return True

    async def ended(self, seconds: float) -> bool:
        """Wait for its end; False after `seconds`."""
        try:
            await asyncio.wait_for(self._done.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def _on_exit(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self.popen.wait()
        self._done.set()


def _prelude(join: Sequence[str], address_space: int | None, file_size: int, open_files: int | None) -> str:
    lines = [f"echo 0 > {shlex.quote(path)} || exit 125" for path in join]
    lines.append("ulimit -c 0")
    if open_files is not None:
        lines.append(f"ulimit -n {open_files}; {{ echo {DEATH_SCORE} > /proc/self/oom_score_adj; }} 2> /dev/null")
    if file_size:
        lines.append(f"ulimit -f {file_size // 512}")
    if address_space is not None:
        lines.append(f"ulimit -v {address_space // 1024}")
    lines.append('exec "$@"')
    return "\n".join(lines)


def zygote_marker(boot: str) -> str:
    """What marks the zygote of this life of a node."""
    return f"zygote-{boot}"


def start_time(pid: int) -> int | None:
    """The kernel's start time of a living process, which with its id names it for all times; None if dead."""
    fields = _stat(pid)
    return None if fields is None or fields[0] in ("Z", "X") else int(fields[19])


def descendants(pid: int) -> set[int]:
    """`pid` and every living process below it."""
    children: dict[int, list[int]] = {}
    for other in _every_pid():
        fields = _stat(other)
        if fields is not None:
            children.setdefault(int(fields[1]), []).append(other)
    found, open_ends = {pid}, [pid]
    while open_ends:
        below = [child for child in children.get(open_ends.pop(), ()) if child not in found]
        found.update(below)
        open_ends += below
    return found


def marked(marker: str) -> set[int]:
    """Every process that was started with this marker in its environment, wherever it has gone since."""
    wanted = f"{MARKER}={marker}".encode()
    return {pid for pid in _every_pid() if wanted in _environment(pid)}


def session_of(pid: int) -> set[int]:
    """Every living process in the session that `pid` leads."""
    return {other for other in _every_pid() if (_stat(other) or ("", "", "", "-1"))[3] == str(pid)}


def signal_all(pids: Callable[[], set[int]], number: int, rounds: int = 5) -> set[int]:
    """Signal what `pids()` finds, again until nothing new appears; returns all that were signalled."""
    seen: set[int] = set()
    for _ in range(rounds):
        fresh = pids() - seen
        if not fresh:
            return seen
        for pid in fresh:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        seen |= fresh
    return seen


def kill_all(pids: Callable[[], set[int]]) -> set[int]:
    """SIGKILL, as `signal_all`."""
    return signal_all(pids, signal.SIGKILL)


def _every_pid() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat from the state on: state, parent, group, session, …"""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text[text.rindex(")") + 2 :].split()


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
