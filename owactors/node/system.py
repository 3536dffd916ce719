"""The actor system of a node, as the outside sees it: started, asked, ended."""

from __future__ import annotations

import logging
import shutil
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from thespian.actors import ActorAddress, ActorExitRequest, ActorSystem, ActorSystemException

from owactors import actorbase
from owactors.actor.io import IoActor
from owactors.actor.openfiles import user_of
from owactors.actor.supervisor import Supervisor
from owactors.message.node import (
    GetNodeStatus,
    NodeFailed,
    NodeStatus,
    NodeStopped,
    NodeUp,
    StartNode,
    StartRole,
    StopNode,
)
from owactors.node import bases, leftovers

logger = logging.getLogger(__name__)
#: for stopping, beyond what the roles themselves allow
START_SECONDS, STATUS_SECONDS, STOP_SECONDS = 60.0, 5.0, 12.0


class CannotStart(Exception):
    """The node cannot start; the message says why and what to do."""


#: the answer of the supervisor to a message, within so many seconds; CannotStart for NodeFailed or none
Ask = Callable[[object, float], Any]


class Plan(Protocol):
    """What is said to the supervisor one after the other, where one order does not do."""

    @property
    def drain_timeout(self) -> float:
        """Seconds that the roles may take to finish what runs."""

    def start(self, ask: Ask, admin: str) -> NodeUp:
        """Starts everything; `admin` is the host:port of the system's admin. CannotStart."""


Order = StartNode | StartRole | Plan


class NodeSystem:
    """Admin, supervisor and roles, with sockets in `folder`. `base` is "own" or the name of one of Thespian's.

    `supervisor` gets the order as its first message. `network` are further capabilities.
    """

    def __init__(
        self,
        base: str,
        folder: Path,
        order: Order,
        supervisor: type[IoActor] = Supervisor,
        network: Mapping[str, Any] | None = None,
    ) -> None:
        self._base, self._folder, self._order = base, folder, order
        self._class, self._network = supervisor, network
        self._system: ActorSystem | None = None
        self._supervisor: ActorAddress | None = None
        self._admin = ""

    def start(self) -> NodeUp:
        """Starts everything. CannotStart."""
        bases.prepare(self._base)
        try:
            self._system = self._begun()
        except (ActorSystemException, OSError) as problem:
            raise CannotStart(f"the actor system did not start: {problem}; see the log above") from problem
        return self._start_roles()

    def _begun(self) -> ActorSystem:
        if self._base != bases.OWN:
            return ActorSystem(self._base, {"Admin Port": _free_port()}, transientUnique=True)
        self._check_port()
        actorbase.install()
        return ActorSystem("owactorsBase", self._capabilities(), transientUnique=True)

    def _check_port(self) -> None:
        """The port at which other hosts look for the role must be free; nobody could say so later."""
        wanted = getattr(self._order, "requirements", {}).get(actorbase.PROCESS_PORT)
        host = (self._network or {}).get(actorbase.LISTEN)
        if not wanted or not host:
            return
        try:
            socket.create_server((host, wanted)).close()
        except OSError as problem:
            raise CannotStart(
                f"cannot listen on {host}:{wanted} for other hosts: {problem.strerror or problem}. It is used by "
                f"{user_of(wanted)}: stop that program, or choose another port with cluster.listen."
            ) from problem

    def _capabilities(self) -> dict[str, Any]:
        capabilities = actorbase.capabilities(str(self._folder), more=self._network)
        self._admin = f"{capabilities.get(actorbase.LISTEN, '127.0.0.1')}:{capabilities[actorbase.ADMIN_PORT]}"
        return capabilities

    def _start_roles(self) -> NodeUp:
        assert self._system is not None
        self._supervisor = self._system.createActor(self._class)
        if isinstance(self._order, StartNode | StartRole):
            return up_of(self._say(self._order, START_SECONDS))
        return self._order.start(self._say, self._admin)

    def _say(self, message: object, seconds: float) -> Any:
        assert self._system is not None
        answer = self._system.ask(self._supervisor, message, seconds)
        if isinstance(answer, NodeFailed):
            raise CannotStart(answer.reason)
        return answer

    def status(self) -> NodeStatus | None:
        """None when the supervisor or the admin is gone."""
        found: NodeStatus | None = self._ask(GetNodeStatus(), STATUS_SECONDS, NodeStatus)
        return found

    def _ask(self, question: object, seconds: float, kind: type) -> Any:
        """The first answer of this kind; late answers to earlier questions are passed over."""
        if self._system is None or self._supervisor is None:
            return None
        answer = self._system.ask(self._supervisor, question, seconds)
        while answer is not None and not isinstance(answer, kind):
            answer = self._system.listen(seconds)
        return answer

    def stop(self) -> None:
        """Lets running calls finish, ends all roles, leaves nothing behind."""
        seconds = self._order.drain_timeout + STOP_SECONDS
        try:
            self._ask(StopNode(), seconds, NodeStopped)
        finally:
            self.end()

    def end(self) -> None:
        """Ends the actor system at once."""
        if self._system is not None:
            if self._supervisor is not None:
                self._system.tell(self._supervisor, ActorExitRequest())
            self._system.shutdown()
            self._system = None
            if told := leftovers.end(leftovers.survivors(self._folder)):
                logger.warning("what did not end by itself: %s", told)
        shutil.rmtree(self._folder, ignore_errors=True)


def up_of(answer: object) -> NodeUp:
    """The answer to a start. CannotStart: it is another one."""
    if isinstance(answer, NodeUp):
        return answer
    raise CannotStart(f"the node did not start within {START_SECONDS:g} s (it said {answer!r}); see the log above")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
