"""Starts one role of a cluster in a process of its own, and starts it again when it ends."""

from __future__ import annotations

from attrs import evolve, frozen
from thespian.actors import ActorAddress, ActorExitRequest

from owactors.actor.clustercontroller import ClusterController
from owactors.actor.clusterinvoker import LAST_MESSAGES, LEAVE_SECONDS, ClusterInvoker
from owactors.actor.io import IoActor, on
from owactors.actor.supervisor import CALM, FIRST_PAUSE, LAST_PAUSE, STOP_GRACE
from owactors.message.node import (
    ControllerUp,
    GetNodeStatus,
    InvokerReady,
    NodeFailed,
    NodeStatus,
    NodeStopped,
    NodeUp,
    RoleFailed,
    RoleReplaced,
    RoleStopped,
    StartRole,
    StopNode,
    StopRole,
)

ROLES: dict[str, type[IoActor]] = {"controller": ClusterController, "invoker": ClusterInvoker}
#: what a role may take to stop beyond its drain
STOP_SECONDS = LAST_MESSAGES + LEAVE_SECONDS + STOP_GRACE + 1


@frozen
class _StartAgain:
    """To self."""


@frozen
class _Calm:
    """To self: nothing has ended for a while."""


@frozen
class _TimeIsUp:
    """To self: the role did not drain in time."""


class RoleSupervisor(IoActor):
    """First message: StartRole, from outside."""

    def __init__(self) -> None:
        super().__init__()
        self._role: ActorAddress | None = None
        self._restarts = 0
        self._pause = FIRST_PAUSE
        self._asker: ActorAddress | None = None
        self._stopper: ActorAddress | None = None
        self._reason = ""
        #: why the role ends for good
        self._replaced = ""

    # -- start

    @on(StartRole)
    def start_role(self, message: StartRole, sender: ActorAddress) -> None:
        self._order, self._asker = message, sender
        self._start()

    def _start(self) -> None:
        order = self._order
        self._role = self.create(ROLES[order.role], colocate=False, requirements=order.requirements)
        self.tell(self._role, order.setup)

    @on(ControllerUp)
    def controller_up(self, message: ControllerUp, sender: ActorAddress) -> None:
        self._up(message.port, ())

    @on(InvokerReady)
    def invoker_ready(self, message: InvokerReady, sender: ActorAddress) -> None:
        self._up(message.port, message.report, f"invoker{message.instance}")

    def _up(self, port: int, report: tuple[str, ...], name: str = "") -> None:
        """Started again, it listens where it listened before."""
        self._order = evolve(self._order, setup=evolve(self._order.setup, port=port))
        self.start_timer("calm", CALM, _Calm())
        self._answer(NodeUp(port, report, name))

    def _answer(self, answer: NodeUp | NodeFailed) -> None:
        if self._asker is not None:
            self.tell(self._asker, answer)
            self._asker = None

    @on(RoleFailed)
    def role_failed(self, message: RoleFailed, sender: ActorAddress) -> None:
        """At the first start the node gives up; later the role's end starts it again."""
        self._reason = message.reason
        self.log.error("the %s failed: %s", self._order.role, message.reason)
        self._answer(NodeFailed(message.reason))

    @on(RoleReplaced)
    def role_replaced(self, message: RoleReplaced, sender: ActorAddress) -> None:
        """It finishes what runs, then it is not started again."""
        self._replaced = message.reason
        self.log.error("%s", message.reason)
        self._stop_role()

    # -- the role ended

    def on_child_exited(self, address: ActorAddress) -> None:
        self._role = None
        if self._stopper is not None:
            self.tell(self._stopper, NodeStopped())
        elif self._replaced:
            self.cancel_timer("stop")
        elif self._asker is not None:
            self._answer(
                NodeFailed(self._reason or f"the process of the {self._order.role} ended at once; see the log")
            )
        else:
            self._again()

    def _again(self) -> None:
        self.log.error("the process of the %s ended; starting it again in %.2f s", self._order.role, self._pause)
        self._restarts += 1
        self.start_timer("start", self._pause, _StartAgain())
        self._pause = min(self._pause * 2, LAST_PAUSE)

    @on(_StartAgain)
    def start_again(self, message: _StartAgain, sender: ActorAddress) -> None:
        if self._stopper is None and self._role is None:
            self._start()

    @on(_Calm)
    def calm(self, message: _Calm, sender: ActorAddress) -> None:
        self._pause = FIRST_PAUSE

    # -- status and stop

    @on(GetNodeStatus)
    def status(self, message: GetNodeStatus, sender: ActorAddress) -> None:
        ended = self._replaced if self._role is None else ""
        self.tell(sender, NodeStatus({self._order.role: self._restarts}, ended))

    @on(StopNode)
    def stop_node(self, message: StopNode, sender: ActorAddress) -> None:
        if self._stopper is not None:
            return
        self._stopper = sender
        if self._role is None:
            self.tell(sender, NodeStopped())
            return
        if not self._replaced:
            self._stop_role()

    def _stop_role(self) -> None:
        self.start_timer("stop", self._order.drain_timeout + STOP_SECONDS, _TimeIsUp())
        self.tell(self._role, StopRole(self._order.drain_timeout))

    @on(RoleStopped)
    def role_stopped(self, message: RoleStopped, sender: ActorAddress) -> None:
        if message.left:
            self.log.warning("stopping with %d activations unfinished", message.left)
        self._end()

    @on(_TimeIsUp)
    def time_is_up(self, message: _TimeIsUp, sender: ActorAddress) -> None:
        self.log.warning("the %s did not stop in time", self._order.role)
        self._end()

    def _end(self) -> None:
        self.cancel_timer("stop")
        if self._role is not None:
            self.tell(self._role, ActorExitRequest())
