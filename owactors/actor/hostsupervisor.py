"""The first actor of a host that has one or several roles of a cluster: a supervisor below it for each.

It also asks controllers what a host that joins must know.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen
from thespian.actors import ActorAddress

from owactors.actor.conventionhints import CONVENTION_CAPABILITY, HOST_CAPABILITY
from owactors.actor.io import IoActor, on
from owactors.actor.rolesupervisor import RoleSupervisor
from owactors.message.node import (
    AskCluster,
    AskConvention,
    ClusterFacts,
    ConventionAt,
    GetNodeStatus,
    JoinConvention,
    Joined,
    NodeFailed,
    NodeStatus,
    NodeStopped,
    NodeUp,
    StartRole,
    StopNode,
)

ASK_AGAIN = 0.5
CONVENTION_AGAIN = 10.0
NOBODY = (
    "no controller answers at {}: see that one runs there, that this host reaches the address, and that the secret "
    "file is the same on both."
)


@frozen
class _AskAgain:
    """To self."""


@frozen
class _AskForConvention:
    """To self."""


@frozen
class _NobodyAnswered:
    """To self."""


class HostSupervisor(IoActor):
    """Asked from outside, one thing after the other: AskCluster, StartRole, GetNodeStatus, StopNode."""

    def __init__(self) -> None:
        super().__init__()
        #: by role, in the order of their start
        self._roles: dict[str, ActorAddress] = {}
        self._asker: Any = None
        self._question: AskCluster | None = None
        self._statuses: dict[str, NodeStatus] = {}
        #: host:port of the admin whose convention this system is in
        self._leader = ""

    # -- what the cluster is

    @on(AskCluster)
    def ask_cluster(self, message: AskCluster, sender: ActorAddress) -> None:
        self._asker, self._question = sender, message
        self.start_timer("nobody", message.seconds, _NobodyAnswered())
        self.ask_again(_AskAgain(), sender)

    @on(_AskAgain)
    def ask_again(self, message: _AskAgain, sender: ActorAddress) -> None:
        assert self._question is not None
        self.start_timer("ask", ASK_AGAIN, message)
        for entrance in self._question.entrances:
            self.tell(entrance, evolve(self._question, entrances=()))

    @on(ClusterFacts)
    def facts(self, message: ClusterFacts, sender: ActorAddress) -> None:
        """A question is asked several times, and a late answer may be one to the question before."""
        if self._question is None or (self._question.invoker and message.invoker < 0 and not message.refused):
            return
        self._answer(NodeFailed(message.refused) if message.refused else message)

    @on(_NobodyAnswered)
    def nobody_answered(self, message: _NobodyAnswered, sender: ActorAddress) -> None:
        assert self._question is not None
        self._answer(NodeFailed(NOBODY.format(self._question.shown)))

    def _answer(self, answer: ClusterFacts | NodeFailed) -> None:
        self._question = None
        self.cancel_timer("ask")
        self.cancel_timer("nobody")
        self.tell(self._asker, answer)

    # -- the convention: what comes of it are hints, so that nothing waits for it

    @on(JoinConvention)
    def join_convention(self, message: JoinConvention, sender: ActorAddress) -> None:
        self._convention = message
        host = message.host
        self.updateCapability(HOST_CAPABILITY, f"{host.name} {host.node} {host.boot}")
        self.ask_for_convention(_AskForConvention(), sender)
        self.tell(sender, Joined())

    @on(_AskForConvention)
    def ask_for_convention(self, message: _AskForConvention, sender: ActorAddress) -> None:
        """Again and again: started anew, the system there is at another port."""
        self.start_timer("convention", CONVENTION_AGAIN, message)
        for entrance in self._convention.entrances:
            self.tell(entrance, AskConvention())

    @on(ConventionAt)
    def convention_at(self, message: ConventionAt, sender: ActorAddress) -> None:
        if message.at and message.at != self._leader:
            self._leader = message.at
            self.updateCapability(CONVENTION_CAPABILITY, message.at)

    # -- its roles

    @on(StartRole)
    def start_role(self, message: StartRole, sender: ActorAddress) -> None:
        self._asker = sender
        self._roles[message.role] = self.create(RoleSupervisor)
        self.tell(self._roles[message.role], message)

    @on(NodeUp, NodeFailed)
    def role_answered(self, message: NodeUp | NodeFailed, sender: ActorAddress) -> None:
        self.tell(self._asker, message)

    @on(GetNodeStatus)
    def status(self, message: GetNodeStatus, sender: ActorAddress) -> None:
        self._asker, self._statuses = sender, {}
        for role in self._roles.values():
            self.tell(role, message)

    @on(NodeStatus)
    def role_status(self, message: NodeStatus, sender: ActorAddress) -> None:
        self._statuses.update(dict.fromkeys(message.restarts, message))
        if len(self._statuses) == len(self._roles):
            restarts = {role: count for each in self._statuses.values() for role, count in each.restarts.items()}
            ended = [each.ended for each in self._statuses.values()]
            self.tell(self._asker, NodeStatus(restarts, " ".join(ended) if all(ended) else ""))

    # -- end: the role that was started last goes first

    @on(StopNode)
    def stop_node(self, message: StopNode, sender: ActorAddress) -> None:
        self._asker = sender
        self._stop_next()

    @on(NodeStopped)
    def role_stopped(self, message: NodeStopped, sender: ActorAddress) -> None:
        self._roles = {role: address for role, address in self._roles.items() if address != sender}
        self._stop_next()

    def _stop_next(self) -> None:
        if self._roles:
            self.tell(list(self._roles.values())[-1], StopNode())
        else:
            self.tell(self._asker, NodeStopped())
