"""The API's way to the load balancer: futures in, messages out; answers resolve the futures."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping

from owactors.entity.action import WhiskAction
from owactors.entity.activation import WhiskActivation
from owactors.entity.exec import BlackBoxExec
from owactors.entity.identity import Identity
from owactors.message.activation import ActivationMessage
from owactors.message.loadbalancer import Accepting, Answer, Freed, Publish, Refused
from owactors.rest.ports import LoadBalancerRefused

#: seconds that a call waits for an invoker to come
PATIENCE = 5.0
Waiter = asyncio.Future[WhiskActivation | None]


class ActorPublisher:
    """Fills `rest.ports.Publisher`. `send` hands a message to the load balancer, from any coroutine of the loop."""

    def __init__(self, send: Callable[[Publish], None]) -> None:
        self._send = send
        self._waiters: dict[str, tuple[Waiter, Identity]] = {}
        self._active: dict[str, str] = {}
        self._in_flight: Counter[str] = Counter()
        self._states: dict[str, str] = {}
        self._up = asyncio.Event()
        #: why nothing is accepted that nobody waits for
        self._full = ""

    def publish(self, message: ActivationMessage, action: WhiskAction, blocking: bool) -> Waiter:
        """As the port says. LoadBalancerRefused when no invoker is there, or too much waits for the broker."""
        if self._full and not blocking:
            raise LoadBalancerRefused(self._full)
        if self._up.is_set():
            return self._publish(message, action, blocking)
        return asyncio.ensure_future(self._publish_later(message, action, blocking))

    async def _publish_later(
        self, message: ActivationMessage, action: WhiskAction, blocking: bool
    ) -> WhiskActivation | None:
        await self._wait_for_an_invoker()
        return await self._publish(message, action, blocking)

    def _publish(self, message: ActivationMessage, action: WhiskAction, blocking: bool) -> Waiter:
        waiter: Waiter = asyncio.get_running_loop().create_future()
        if blocking:
            self._waiters[message.activation_id] = (waiter, message.user)
        else:
            waiter.set_result(None)
        self._active[message.activation_id] = str(message.action)
        self._in_flight[message.user.namespace.uuid] += 1
        self._send(_order(message, action))
        return waiter

    def in_flight(self, namespace_uuid: str) -> int:
        """Activations of a namespace under way."""
        return self._in_flight[namespace_uuid]

    def invoker_states(self) -> Mapping[str, str]:
        """What the API shows of the invokers."""
        return self._states

    def invoker_is(self, instance: int, state: str) -> None:
        """An invoker is `up` or `down`."""
        self.invokers_are({**self._states, f"invoker{instance}": state})

    def invokers_are(self, states: Mapping[str, str]) -> None:
        """All invokers by their shown names, with their states."""
        self._states = dict(states)
        if "up" in self._states.values():
            self._up.set()
        else:
            self._up.clear()

    def accepting(self, message: Accepting) -> None:
        """Whether calls are accepted that nobody waits for."""
        self._full = message.refused

    async def _wait_for_an_invoker(self) -> None:
        """An invoker that ended is soon replaced: better a short wait than a refusal."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._up.wait()
        except TimeoutError:
            raise LoadBalancerRefused(f"no invoker is up, for {PATIENCE:g} s already") from None

    def active(self) -> Mapping[str, str]:
        """Activation id to action, of what is under way."""
        return self._active

    def answered(self, message: Answer) -> Identity | None:
        """A blocking activation has its record, or only its id. The caller, if it still waits."""
        waiter, user = self._waiters.pop(message.activation_id, (None, None))
        if waiter is None or waiter.done():
            return None
        waiter.set_result(None if isinstance(message.response, str) else message.response)
        return user

    def refused(self, message: Refused) -> None:
        """Nobody took it."""
        waiter, _ = self._waiters.pop(message.activation_id, (None, None))
        if waiter is not None and not waiter.done():
            waiter.set_exception(LoadBalancerRefused(message.reason))
        self.freed(Freed(message.activation_id, message.namespace_uuid))

    def freed(self, message: Freed) -> None:
        """It is over; what its namespace has under way goes down by one."""
        if self._active.pop(message.activation_id, None) is None:
            return
        self._in_flight[message.namespace_uuid] -= 1
        if self._in_flight[message.namespace_uuid] <= 0:
            del self._in_flight[message.namespace_uuid]


def _order(message: ActivationMessage, action: WhiskAction) -> Publish:
    pull = isinstance(action.exec, BlackBoxExec) and not action.exec.native
    limits = action.limits
    return Publish(message, limits.timeout, limits.memory, limits.concurrency, pull)
