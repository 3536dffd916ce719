"""A controller whose one invoker is beside it, and which nobody can join. (OpenWhisk, LeanBalancer.scala.)"""

from __future__ import annotations

from attrs import field, frozen
from thespian.actors import ActorAddress

from owactors.actor.controller import Controller
from owactors.actor.controllersetup import ControllerSetup
from owactors.actor.io import on
from owactors.message.bus import Hubs, JoinBus
from owactors.message.node import AskCluster, ClusterFacts

REFUSED = (
    "the controller there has the lean load balancer, which knows no invoker but its own: start it with "
    "controller.load_balancer = sharding, or join another one."
)


@frozen(eq=False, kw_only=True)
class LeanControllerSetup(ControllerSetup):
    """The first message. `operators_key` opens the operator's routes from other hosts, "" without a secret."""

    operators_key: str = field(default="", repr=False)


class LeanController(Controller):
    """It answers at the address of a cluster's controller, to say that it is none."""

    def _admin_keys(self) -> tuple[str, ...]:
        further = self._setup.operators_key if isinstance(self._setup, LeanControllerSetup) else ""
        return tuple(key for key in (*super()._admin_keys(), further) if key)

    @on(AskCluster)
    def ask_cluster(self, message: AskCluster, sender: ActorAddress) -> None:
        self.tell(sender, ClusterFacts(refused=REFUSED))

    @on(JoinBus)
    def join_bus(self, message: JoinBus, sender: ActorAddress) -> None:
        self.tell(sender, Hubs({}, REFUSED))
