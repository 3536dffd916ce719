"""The node under measurement: its start, its CPU and memory, its end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType

GUEST = "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"
TICK = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def authorization() -> str:
    """The header of the guest."""
    import base64

    return f"Authorization: Basic {base64.b64encode(GUEST.encode()).decode()}\r\n"


class Node:
    """`owactors standalone` on a free port with a data folder of its own; stopped on exit.

    `program` is what Python runs in the place of the command `owactors`.
    """

    def __init__(self, *settings: str, program: tuple[str, ...] = ("-m", "owactors.cli")) -> None:
        self._program = program
        self.port = free_port()
        self.folder = tempfile.TemporaryDirectory(prefix="owactors-bench-")
        self.log = Path(self.folder.name) / "node.log"
        self._settings = settings
        self.start_seconds = 0.0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Node:
        limits = {
            "LIMITS_ACTIONS_INVOKES_PERMINUTE": "10000000",
            "LIMITS_ACTIONS_INVOKES_CONCURRENT": "100000",
            "LIMITS_TRIGGERS_FIRES_PERMINUTE": "10000000",
        }
        command = [sys.executable, *self._program, "standalone", "--port", str(self.port)]
        command += ["--data-dir", str(Path(self.folder.name) / "data")]
        for setting in self._settings:
            command += ["--set", setting]
        begun = time.perf_counter()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env={**os.environ, **limits}, stdout=log, stderr=log)
        self._wait_until_it_answers(begun + 30)
        self.start_seconds = time.perf_counter() - begun
        return self

    def _wait_until_it_answers(self, deadline: float) -> None:
        while True:
            try:
                urllib.request.urlopen(f"http://{self.address}/ping", timeout=1).read()
                return
            except OSError:
                if self.process.poll() is not None or time.perf_counter() > deadline:
                    raise SystemExit(f"the node did not start:\n{self.log.read_text()}") from None
                time.sleep(0.01)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.folder.cleanup()

    def deploy(self, name: str, code: str, kind: str = "python:default", memory: int = 256) -> None:
        """Create or replace an action."""
        body = {"exec": {"kind": kind, "code": code}, "limits": {"memory": memory}}
        url = f"http://{self.address}/api/v1/namespaces/_/actions/{name}?overwrite=true"
        header = authorization().split(":", 1)
        request = urllib.request.Request(url, json.dumps(body).encode(), method="PUT")
        request.add_header(header[0], header[1].strip())
        request.add_header("Content-Type", "application/json")
        urllib.request.urlopen(request, timeout=10).read()

    def processes(self) -> list[int]:
        """The node's processes, which carry its data folder in their command line, and everything below them."""
        mark = str(Path(self.folder.name) / "data").encode()
        parents: dict[int, int] = {}
        found: set[int] = set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                    if mark in (entry / "cmdline").read_bytes():
                        found.add(int(entry.name))
                except (OSError, IndexError):
                    continue
        grew = True
        while grew:
            below = {pid for pid, parent in parents.items() if parent in found}
            grew = not below <= found
            found |= below
        return sorted(found)

    def cpu_seconds(self) -> float:
        """User and system time of all processes so far."""
        total = 0
        for pid in self.processes():
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            total += int(fields[11]) + int(fields[12])
        return total / TICK

    def memory_mb(self) -> float:
        """Proportional memory of all processes, in MB."""
        total = 0
        for pid in self.processes():
            try:
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
        return total / 1024
