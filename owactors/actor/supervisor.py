"""Starts a node's roles, each in a process of its own, and starts them again when one ends.

The controller's end takes the invoker with it: acknowledgements would have nowhere to go. Calls that were accepted
and lost get their record when the controller starts again. The invoker's end leaves the controller serving: what was
under way there is answered with the cause, and a new invoker takes its place.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen
from thespian.actors import ActorAddress, ActorExitRequest

from owactors.actor.controller import Controller
from owactors.actor.io import IoActor, on
from owactors.actor.leancontroller import LeanController, LeanControllerSetup
from owactors.actor.localinvoker import LocalInvoker
from owactors.message.loadbalancer import InvokerGone, InvokerUp
from owactors.message.node import (
    ControllerUp,
    GetNodeStatus,
    InvokerReady,
    NodeFailed,
    NodeStatus,
    NodeStopped,
    NodeUp,
    RoleFailed,
    RoleStopped,
    StartNode,
    StopNode,
    StopRole,
)

CONTROLLER, INVOKER = "controller", "invoker"
#: seconds before a role that ended is started again, doubled each time up to the last, reset by a calm minute
FIRST_PAUSE, LAST_PAUSE, CALM = 0.05, 5.0, 60.0
#: for the invoker, to remove its containers
STOP_GRACE = 2.0
INVOKER_ENDED = "The process of the invoker ended while the activation was under way. A new invoker was started."


@frozen
class _StartRole:
    """To self: start a role again."""

    role: str


@frozen
class _Calm:
    """To self: nothing has ended for a while."""


@frozen
class _TimeIsUp:
    """To self: a role did not drain in time."""


class Supervisor(IoActor):
    """See the module's text. Started from outside with StartNode."""

    def __init__(self) -> None:
        super().__init__()
        self._roles: dict[str, ActorAddress] = {}
        self._restarts = {CONTROLLER: 0, INVOKER: 0}
        self._pause = FIRST_PAUSE
        self._asker: ActorAddress | None = None
        self._stopper: ActorAddress | None = None
        self._up: ControllerUp | None = None
        self._reason = ""

    # -- start

    @on(StartNode)
    def start_node(self, message: StartNode, sender: ActorAddress) -> None:
        self._order, self._asker = message, sender
        self._start_controller()

    def _start_controller(self) -> None:
        setup = self._order.controller
        kind = LeanController if isinstance(setup, LeanControllerSetup) else Controller
        self._start(CONTROLLER, kind, setup, self._order.requirements)

    def _start(self, role: str, cls: type[IoActor], setup: Any, requirements: dict[str, Any] | None = None) -> None:
        self._roles[role] = self.create(cls, colocate=False, requirements=requirements)
        self.tell(self._roles[role], setup)

    @on(ControllerUp)
    def controller_up(self, message: ControllerUp, sender: ActorAddress) -> None:
        self._up = message
        # started again, it listens where it listened before
        self._order = evolve(self._order, controller=evolve(self._order.controller, port=message.port))
        self._start_invoker()

    def _start_invoker(self) -> None:
        assert self._up is not None
        setup = evolve(self._order.invoker, controller=self._up.balancer, store=self._up.store)
        self._start(INVOKER, LocalInvoker, setup)

    @on(InvokerReady)
    def invoker_ready(self, message: InvokerReady, sender: ActorAddress) -> None:
        if sender != self._roles.get(INVOKER):
            return
        self.tell(self._roles[CONTROLLER], InvokerUp(message.instance, sender))
        self.start_timer("calm", CALM, _Calm())
        if self._asker is not None and self._up is not None:
            self.tell(self._asker, NodeUp(self._up.port, message.report))
            self._asker = None

    @on(RoleFailed)
    def role_failed(self, message: RoleFailed, sender: ActorAddress) -> None:
        """At the first start the node gives up; later the role's end starts it again."""
        self._reason = message.reason
        self.log.error("a role failed: %s", message.reason)
        if self._asker is not None:
            self.tell(self._asker, NodeFailed(message.reason))
            self._asker = None
            self._end_roles()

    # -- a role ended

    def on_child_exited(self, address: ActorAddress) -> None:
        role = next((name for name, known in self._roles.items() if known == address), None)
        if role is None:
            return
        del self._roles[role]
        if self._stopper is not None:
            return self._stopped_if_all_ended()
        if self._asker is not None:
            self.tell(self._asker, NodeFailed(self._reason or f"the process of the {role} ended at once; see the log"))
            self._asker = None
            return self._end_roles()
        self._role_ended(role)

    def _role_ended(self, role: str) -> None:
        self.log.error("the process of the %s ended; starting it again in %.2f s", role, self._pause)
        self._restarts[role] += 1
        if role == CONTROLLER:
            self._up = None
            self._end(INVOKER)
        elif CONTROLLER in self._roles:
            self.tell(self._roles[CONTROLLER], InvokerGone(self._instance, INVOKER_ENDED))
        self.start_timer(f"start {role}", self._pause, _StartRole(role))
        self._pause = min(self._pause * 2, LAST_PAUSE)

    @property
    def _instance(self) -> int:
        number: int = self._order.invoker.instance.instance
        return number

    @on(_StartRole)
    def start_role(self, message: _StartRole, sender: ActorAddress) -> None:
        if self._stopper is not None or message.role in self._roles:
            return
        if message.role == CONTROLLER:
            self._start_controller()
        elif self._up is not None:
            self._start_invoker()

    @on(_Calm)
    def calm(self, message: _Calm, sender: ActorAddress) -> None:
        self._pause = FIRST_PAUSE

    # -- status and stop

    @on(GetNodeStatus)
    def status(self, message: GetNodeStatus, sender: ActorAddress) -> None:
        self.tell(sender, NodeStatus(dict(self._restarts)))

    @on(StopNode)
    def stop_node(self, message: StopNode, sender: ActorAddress) -> None:
        """First the controller lets what is under way finish, then the invoker removes its containers."""
        if self._stopper is not None:
            return
        self._stopper = sender
        self.start_timer("stop", self._order.drain_timeout + STOP_GRACE + 1, _TimeIsUp())
        if CONTROLLER in self._roles:
            self.tell(self._roles[CONTROLLER], StopRole(self._order.drain_timeout))
        else:
            self._drain_invoker()

    @on(RoleStopped)
    def role_stopped(self, message: RoleStopped, sender: ActorAddress) -> None:
        if message.left:
            self.log.warning("stopping with %d activations unfinished", message.left)
        if sender == self._roles.get(CONTROLLER):
            self._drain_invoker()
        else:
            self._end_roles()

    def _drain_invoker(self) -> None:
        if INVOKER in self._roles:
            self.start_timer("stop", STOP_GRACE + 1, _TimeIsUp())
            self.tell(self._roles[INVOKER], StopRole(STOP_GRACE))
        else:
            self._end_roles()

    @on(_TimeIsUp)
    def time_is_up(self, message: _TimeIsUp, sender: ActorAddress) -> None:
        self._end_roles()

    def _end_roles(self) -> None:
        self.cancel_timer("stop")
        for role in list(self._roles):
            self._end(role)
        self._stopped_if_all_ended()

    def _end(self, role: str) -> None:
        if role in self._roles:
            self.tell(self._roles[role], ActorExitRequest())

    def _stopped_if_all_ended(self) -> None:
        if not self._roles and self._stopper is not None:
            self.tell(self._stopper, NodeStopped())
