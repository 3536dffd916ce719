"""How sandboxes are to be made here: what the operator wants, and what the machine was found to offer."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from attrs import frozen

from owactors.container.disk import protection
from owactors.container.network.guard import Guard
from owactors.container.port import MIB, Protection
from owactors.container.sandbox.bubblewrap import Bubblewrap
from owactors.container.sandbox.cgroup import CgroupLayout
from owactors.runtime import Launchers

NetworkMode = Literal["auto", "none", "host", "guarded", "private"]


@frozen
class SandboxSettings:
    """`data_dir` belongs to this node and others of the same machine; `kinds` are those of the manifest.

    `zygote`: fork sandboxes from a process that has the proxies loaded, where that works. `network`: "host" shares this
    machine's network; "guarded" too, but not what listens on this machine, `own_ports` (of the API) and `open_ports`
    excepted; "auto" is "guarded" where that works and "host" elsewhere; "none" leaves a sandbox alone with its own
    loopback (not for plain processes); "private" gives it an address of its own and a way out through this machine, but
    none to it: `dns` are the name servers there instead of this machine's, `open_ports` the ports of this machine that
    can be reached all the same.
    `disk`: bytes that a sandbox may write, 0 for any number.
    """

    data_dir: Path
    kinds: tuple[str, ...]
    node: str = "node"
    zygote: bool = True
    bubblewrap: bool = True
    cgroups: bool = True
    network: NetworkMode = "auto"
    dns: tuple[str, ...] = ()
    open_ports: tuple[int, ...] = ()
    own_ports: tuple[int, ...] = ()
    disk: int = 512 * MIB
    start_timeout: float = 10.0
    parallel_starts: int = 8


@frozen
class Means:
    """What the probes at the start found. `zygote_reason` says why there is none, empty if there is one."""

    launchers: Launchers
    bubblewrap: Bubblewrap | None
    bubblewrap_reason: str
    layout: CgroupLayout
    zygote_reason: str = "not tried"
    filter: bytes | None = None
    private: str = ""
    """What the private network is like; empty if there is none."""
    guard: Guard | None = None
    guard_reason: str = ""
    """Why there is none, where one was wanted."""

    @property
    def zygote(self) -> bool:
        """True if sandboxes are forked."""
        return not self.zygote_reason

    @property
    def wrapped(self) -> bool:
        """True if sandboxes have namespaces of their own."""
        return self.zygote or self.bubblewrap is not None

    def protections(self, network: NetworkMode, disk: int) -> tuple[Protection, ...]:
        """What holds a function back, and what does not, in the operator's words."""
        inside = self.wrapped
        why = self.bubblewrap_reason
        return (
            Protection("file system", inside, why if not inside else "system read-only, own /tmp, own /action"),
            Protection("processes", inside, why if not inside else "own process, IPC and host name namespaces"),
            Protection("user", self._own_user, why if not inside else self._user_detail()),
            Protection("capabilities", inside, why if not inside else "none, and none can be gained"),
            self._filtered(),
            self._network(network),
            self._controlled("memory", "address space limit per process; Node.js: heap limit", True),
            self._controlled("pids", "no control groups for it", False),
            protection(disk),
            self._controlled("freezer", "SIGSTOP to every process", True),
            Protection("kill", inside or self.layout.version > 0, self._kill_detail()),
            Protection("environment", True, "nothing of the node's environment or open files is passed on"),
            Protection("fast start", self.zygote, self._start_detail()),
        )

    @property
    def _own_user(self) -> bool:
        return self.zygote or (self.bubblewrap is not None and self.bubblewrap.user)

    def _user_detail(self) -> str:
        return "own user namespace" if self._own_user else "user namespaces are not allowed here"

    def _filtered(self) -> Protection:
        if self.filter is None:
            return Protection("system calls", False, "no filter is known for this processor")
        detail = "what no function needs is refused" if self.wrapped else self.bubblewrap_reason
        return Protection("system calls", self.wrapped, detail)

    def _start_detail(self) -> str:
        if self.zygote:
            return "forked from a zygote"
        return f"no zygote: {self.zygote_reason}"

    def _network(self, network: NetworkMode) -> Protection:
        if self.guard is not None:
            ports = ", ".join(map(str, self.guard.ports))
            detail = "this machine's, but what listens on it cannot be reached, except for names"
            detail += f" and port {ports}" if ports else ""
            silent = f"; a connection that is refused gets no answer ({self.guard.silent})" if self.guard.silent else ""
            return Protection("network", True, detail + silent)
        if network in ("auto", "guarded"):
            return Protection("network", False, f"shared with the host: {self.guard_reason}")
        if network == "host":
            return Protection("network", False, "shared with the host (setting)")
        if not self.wrapped:
            return Protection("network", False, self.bubblewrap_reason)
        return Protection("network", True, self.private or "own loopback only")

    def _controlled(self, controller: str, instead: str, on: bool) -> Protection:
        if self.layout.has(controller):
            return Protection(controller, True, f"control group version {self.layout.version}")
        return Protection(controller, on, f"{instead} (no writable control group)")

    def _kill_detail(self) -> str:
        if self.layout.version:
            return "the whole control group"
        return "the whole process namespace" if self.wrapped else "process tree and marked processes only"
