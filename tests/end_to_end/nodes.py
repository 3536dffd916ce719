"""A real node in a process of its own, for tests: started, called, hurt, stopped, and looked after."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

from attrs import frozen

from owactors.container.sandbox.leftovers import dead_boots, remove_boot

GUEST = "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"
START_SECONDS, STOP_SECONDS, CALL_SECONDS = 60.0, 30.0, 90.0
LIMITS = {
    "LIMITS_ACTIONS_INVOKES_PERMINUTE": "10000000",
    "LIMITS_ACTIONS_INVOKES_CONCURRENT": "100000",
    "LIMITS_TRIGGERS_FIRES_PERMINUTE": "10000000",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@frozen
class Reply:
    """An HTTP answer."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class LiveNode:
    """`owactors standalone` with a data folder of its own; the rate limits are lifted unless `limits` says else."""

    role = "standalone"
    #: where it is called, and what its command begins with
    host, prefix = "127.0.0.1", ()
    #: where it speaks HTTPS
    tls: ssl.SSLContext | None = None

    def __init__(self, *options: str, limits: Mapping[str, str] = LIMITS, folder: Path | None = None) -> None:
        self.port = free_port()
        self._own_folder = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="ow-e2e-"))
        self.data = self.folder / "data"
        self.log = self.folder / "node.log"
        self.options, self.limits = options, limits
        self.process: subprocess.Popen[bytes] | None = None

    # -- life

    def start(self) -> LiveNode:
        self.launch()
        self.wait_until(lambda: self._answers() or self._ended(), "answers", START_SECONDS)
        return self

    def launch(self) -> None:
        """Starts its process and does not wait."""
        command = [*self.prefix, sys.executable, "-m", "owactors.cli", self.role, "--port", str(self.port)]
        command += ["--data-dir", str(self.data), *self.options]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OWACTORS_")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env={**environment, **self.limits}, stdout=log, stderr=log, start_new_session=True
            )

    def _answers(self) -> bool:
        try:
            return self.request("GET", "/ping", seconds=2).status == 200
        except OSError:
            return False

    def _ended(self) -> bool:
        assert self.process is not None
        if self.process.poll() is None:
            return False
        raise AssertionError(f"the node ended with code {self.process.returncode}:\n{self.log_text()}")

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def close(self) -> None:
        """Whatever state it is in: nothing of it stays."""
        if self.process is not None and self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        # Paused sandboxes of a node that was killed wait for its next start, which never comes.
        for boot in dead_boots(self.data, ""):
            remove_boot(boot)
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> LiveNode:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- looking at it

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")[-8000:]

    def processes(self) -> list[int]:
        """Its processes, which carry its data folder in their command line, and those in its control groups."""
        mark = str(self.data).encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if mark in (entry / "cmdline").read_bytes():
                        found.append(int(entry.name))
                except OSError:
                    continue
        return sorted(found)

    def sandboxes(self) -> list[int]:
        """Processes of its actions, and what makes them: everything below its own processes."""
        own, parents = set(self.processes()), _parents()
        below: set[int] = set()
        while grown := {pid for pid, parent in parents.items() if parent in own | below} - own - below:
            below |= grown
        return sorted(below)

    def actors(self) -> dict[str, int]:
        """Its actor processes by the name of their actor, as the process title of the system says."""
        return {_title(pid): pid for pid in self.processes()}

    def wait_until(self, holds: Callable[[], object], what: str, seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds:g} s: {what}\n{self.log_text()}")
            time.sleep(0.05)

    # -- speaking to it

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://{self.host}:{self.port}"

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        auth: str | None = GUEST,
        headers: Mapping[str, str] | None = None,
        seconds: float = CALL_SECONDS,
    ) -> Reply:
        """`body` is sent as JSON, bytes as they are. OSError when there is no whole answer."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        if auth is not None:
            request.add_header("Authorization", "Basic " + base64.b64encode(auth.encode()).decode())
        if data is not None:
            request.add_header("Content-Type", "application/json")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=seconds, context=self.tls) as answer:
                return Reply(answer.status, answer.read(), dict(answer.headers))
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, error.read(), dict(error.headers))
        except HTTPException as broken:
            raise ConnectionError(f"the answer broke off: {broken!r}") from broken

    def api(self, method: str, path: str, body: Any = None, **more: Any) -> Reply:
        """A path below the caller's namespace."""
        return self.request(method, f"/api/v1/namespaces/_{path}", body, **more)

    def deploy(self, name: str, code: str, kind: str = "python:default", **limits: int) -> None:
        body = {"exec": {"kind": kind, "code": code}, "limits": limits}
        reply = self.api("PUT", f"/actions/{name}?overwrite=true", body)
        assert reply.status == 200, reply.body

    def invoke(self, name: str, payload: Any = None, query: str = "blocking=true") -> Reply:
        return self.api("POST", f"/actions/{name}?{query}", payload or {})

    def record(self, activation_id: str, seconds: float = 30.0) -> Any:
        """The record, which may come a moment after the answer."""
        found: list[Any] = []

        def there() -> bool:
            reply = self.api("GET", f"/activations/{activation_id}")
            if reply.status == 200:
                found.append(reply.json)
            return bool(found)

        self.wait_until(there, f"record of {activation_id}", seconds)
        return found[0]


def refusal(role: str, *options: str, code: int = 1) -> str:
    """What this role says, which does not start and ends with this code."""
    node = LiveNode(*options)
    node.role = role
    try:
        node.launch()
        assert node.process is not None
        assert node.process.wait(START_SECONDS) == code
        return node.log_text()
    finally:
        node.close()


def _parents() -> dict[int, int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
    return parents


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return f"gone-{pid}"


def kill_at_once(pids: Collection[int]) -> None:
    """SIGKILL to all; none of them sees another one die and does something about it."""
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
