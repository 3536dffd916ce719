"""What is said with the load balancer of a controller."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from owactors.entity.jsonfields import JsonObject, as_int, as_object, as_string, need
from owactors.message.ack import Response
from owactors.message.activation import ActivationMessage


@frozen(eq=False)
class Publish:
    """From the API: run this. Answered by Answer when it is blocking, by Refused when nobody can run it.

    `time_limit` in ms and `memory` in MB are the action's; `pull` is true for a user's own image.
    """

    msg: ActivationMessage
    time_limit: int
    memory: int
    max_concurrent: int = 1
    pull: bool = False


@frozen(eq=False)
class Answer:
    """To the API: the record of a blocking activation, or its id when the record must be looked up."""

    activation_id: str
    response: Response


@frozen
class Refused:
    """To the API: the activation was not taken, and why."""

    activation_id: str
    reason: str
    namespace_uuid: str = ""


@frozen
class Accepting:
    """To the API: `refused` says why no call is accepted that nobody waits for, "" when they are accepted again."""

    refused: str


@frozen
class Freed:
    """To the API: the slot of an activation is free."""

    activation_id: str
    namespace_uuid: str


@frozen
class InvokerUp:
    """An invoker takes work: `address` is its actor."""

    instance: int
    address: Any


@frozen
class InvokerGone:
    """An invoker ended; what was under way there is lost."""

    instance: int
    reason: str


@frozen
class InvokerLeft:
    """An invoker stopped: all that it had taken is acknowledged, or will be in a moment."""

    instance: int


@frozen
class CameBack:
    """An activation of this controller waited for an invoker that fell silent, and was claimed: it has not run.

    Said by the controller that claimed it, among the heartbeats of the hosts.
    """

    activation_id: str
    controller: str
    invoker: int

    def to_json(self) -> JsonObject:
        """`{cameBack, controller, invoker}`."""
        return {"cameBack": self.activation_id, "controller": self.controller, "invoker": self.invoker}

    @classmethod
    def from_json(cls, value: object) -> CameBack | None:
        """Reads the object; None if it is something else."""
        source = as_object(value)
        if "cameBack" not in source:
            return None
        return cls(
            need(source, "cameBack", as_string), need(source, "controller", as_string), need(source, "invoker", as_int)
        )


@frozen
class ClaimEnded:
    """All that waited for this invoker was claimed, and what is others' was given back before: said as `CameBack`."""

    invoker: int

    def to_json(self) -> JsonObject:
        """`{claimEnded}`."""
        return {"claimEnded": self.invoker}

    @classmethod
    def from_json(cls, value: object) -> ClaimEnded | None:
        """Reads the object; None if it is something else."""
        source = as_object(value)
        return cls(need(source, "claimEnded", as_int)) if "claimEnded" in source else None


@frozen
class BalancerSetup:
    """The first message to a load balancer: where records of lost activations go, and the timer's numbers."""

    store: Any
    timeout_factor: float = 2.0
    timeout_addon: float = 60.0
