"""How sandboxes are to be made here: what the operator wants, and what the machine was found to offer."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from owactors.container.port import Protection
from owactors.container.sandbox.bubblewrap import Bubblewrap
from owactors.container.sandbox.cgroup import CgroupLayout
from owactors.runtime import Launchers


@frozen
class SandboxSettings:
    """`data_dir` belongs to this node and others of the same machine; `kinds` are those of the manifest.

    `network` True shares the host's network, False leaves a sandbox alone with its own loopback (bubblewrap
    only).
    """

    data_dir: Path
    kinds: tuple[str, ...]
    node: str = "node"
    bubblewrap: bool = True
    cgroups: bool = True
    network: bool = True
    start_timeout: float = 10.0
    parallel_starts: int = 8


@frozen
class Means:
    """What the probes at the start found."""

    launchers: Launchers
    bubblewrap: Bubblewrap | None
    bubblewrap_reason: str
    layout: CgroupLayout

    def protections(self, network: bool) -> tuple[Protection, ...]:
        """What holds a function back, and what does not, in the operator's words."""
        inside = self.bubblewrap is not None
        why = self.bubblewrap_reason
        return (
            Protection("file system", inside, why if not inside else "system read-only, own /tmp, own /action"),
            Protection("processes", inside, why if not inside else "own process namespace"),
            Protection("user", inside and self._own_user, why if not inside else self._user_detail()),
            Protection("network", inside and not network, self._network_detail(network)),
            self._controlled("memory", "address space limit per process; Node.js: heap limit", True),
            self._controlled("pids", "no control groups for it", False),
            self._controlled("freezer", "SIGSTOP to every process", True),
            Protection("kill", inside or self.layout.version > 0, self._kill_detail()),
            Protection("environment", True, "nothing of the node's environment or open files is passed on"),
            Protection("system calls", False, "no filter; use the Docker back end for code you do not trust"),
        )

    @property
    def _own_user(self) -> bool:
        return self.bubblewrap is not None and self.bubblewrap.user

    def _user_detail(self) -> str:
        return "own user namespace" if self._own_user else "user namespaces are not allowed here"

    def _network_detail(self, network: bool) -> str:
        if self.bubblewrap is None:
            return self.bubblewrap_reason
        return "shared with the host (setting)" if network else "own loopback only"

    def _controlled(self, controller: str, instead: str, on: bool) -> Protection:
        if self.layout.has(controller):
            return Protection(controller, True, f"control group version {self.layout.version}")
        return Protection(controller, on, f"{instead} (no writable control group)")

    def _kill_detail(self) -> str:
        if self.layout.version:
            return "the whole control group"
        return "the whole process namespace" if self.bubblewrap else "process tree and marked processes only"
