"""Two hosts as network namespaces, joined by a cable; needs root. Everything is removed at the end."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.actorbase.running import alive, eventually

PORT = 1900


class NoHosts(Exception):
    """This machine gives us no network namespaces; says why."""


def ip(*words: str) -> str:
    """Runs `ip`. NoHosts when it fails."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        raise NoHosts(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


class Agent:
    """A process on a host that starts an actor system and does there what it is asked."""

    def __init__(self, namespace: str, log: Path) -> None:
        self._log = log.open("ab")
        self._process = subprocess.Popen(
            ["ip", "netns", "exec", namespace, sys.executable, "-m", "tests.actorbase.host_agent"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, "PYTHONPATH": os.getcwd()},
        )

    def ask(self, do: str, **arguments: Any) -> Any:
        """The answer; AssertionError with what went wrong over there."""
        self.begin(do, **arguments)
        return self.answer()

    def begin(self, do: str, **arguments: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the agent is gone: {Path(self._log.name).read_text()[-3000:]}"
        answer = json.loads(line)
        assert "failed" not in answer, answer["failed"]
        return answer["value"]

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout, self._log):
            assert stream is not None
            try:
                stream.close()
            except OSError:
                pass  # the agent was killed
        self._process.wait(30)


class Host:
    """One namespace with one actor system."""

    def __init__(self, namespace: str, device: str, address: str, folder: Path, capabilities: dict[str, Any]) -> None:
        self.namespace, self._device, self.address = namespace, device, address
        self._folder, self._capabilities = folder, capabilities
        self.agent: Agent | None = None

    def start(self) -> None:
        self.agent = Agent(self.namespace, self._folder / f"{self.namespace}.log")
        self.agent.ask("start", folder=str(self._folder / self.namespace), more=self._capabilities)

    def ask(self, do: str, **arguments: Any) -> Any:
        assert self.agent is not None
        return self.agent.ask(do, **arguments)

    def call(self, target: str, what: str, argument: Any = None, name: str = "") -> Any:
        """Call an actor by the name that it got here; an address that comes back is called `name`."""
        return self.ask("call", target=target, what=what, argument=argument, name=name)

    def processes(self) -> list[int]:
        return [int(pid) for pid in ip("netns", "pids", self.namespace).split()]

    def signal(self, number: int) -> None:
        """To every process here, as fast as possible."""
        for pid in self.processes():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass  # ended by itself

    def crash(self) -> None:
        """kill -9 of everything."""
        while pids := [pid for pid in self.processes() if alive(pid)]:
            self.signal(signal.SIGKILL)
            eventually(lambda pids=pids: not any(alive(pid) for pid in pids), "end of all processes")  # type: ignore[misc]
        if self.agent is not None:
            self.agent.close()
            self.agent = None

    def link(self, state: str) -> None:
        """ "down" cuts the cable, "up" heals it."""
        ip("-n", self.namespace, "link", "set", self._device, state)


@contextmanager
def two_hosts(folder: Path) -> Iterator[tuple[Host, Host]]:
    """A leader, and a member with the capability Special, not started yet. NoHosts."""
    if os.geteuid():
        raise NoHosts("network namespaces need root")
    if shutil.which("ip") is None:
        raise NoHosts("there is no program `ip`")
    mark, net = secrets.token_hex(3), f"10.213.{secrets.randbelow(250)}"
    names, devices = [f"owactors-{mark}-{n}" for n in "ab"], [f"oa{mark}{n}" for n in "ab"]
    common = {"Actor Key File": str(folder / "common"), "Convention Address.IPv4": f"{net}.1:{PORT}"}
    with ExitStack() as stack:
        for name in names:
            ip("netns", "add", name)
            stack.callback(ip, "netns", "delete", name)
        ip("link", "add", devices[0], "netns", names[0], "type", "veth", "peer", "name", devices[1], "netns", names[1])
        for number, (name, device) in enumerate(zip(names, devices, strict=True), 1):
            ip("-n", name, "address", "add", f"{net}.{number}/24", "dev", device)
            ip("-n", name, "link", "set", device, "up")
            ip("-n", name, "link", "set", "lo", "up")
        member = {**common, "Special": True}
        hosts = [
            Host(name, device, f"{net}.{number}", folder, more)
            for number, (name, device, more) in enumerate(zip(names, devices, (common, member), strict=True), 1)
        ]
        for host in hosts:
            stack.callback(host.crash)
        yield hosts[0], hosts[1]


class Clock:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def __call__(self) -> float:
        return time.monotonic() - self._begun
