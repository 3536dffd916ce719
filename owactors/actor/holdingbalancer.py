"""The load balancer that keeps what it accepted while the broker or every invoker is away, and sends it afterwards.

Only what certainly has not left, or was claimed back, and whose caller has his 202; see `core.loadbalancer.outbox`.
"""

from __future__ import annotations

import random
import time

from attrs import frozen
from thespian.actors import ActorAddress

from owactors.actor.io import on
from owactors.actor.shardingbalancer import SendFailed, ShardingBalancer, ShardingSetup
from owactors.connector.port import NotSent
from owactors.core.loadbalancer.outbox import Outbox
from owactors.core.loadbalancer.slots import ActivationEntry
from owactors.message.activation import ActivationMessage
from owactors.message.loadbalancer import Accepting, BalancerSetup
from owactors.message.payload import to_payload
from owactors.observe.stories import STORIES

#: seconds between two tries of what waits
TRY_AGAIN = 1.0
FULL = "Too many accepted activations wait for the broker or for an invoker (kafka.hold_calls)."
TOO_LONG = "The activation waited for an invoker, and none was up in time. It has not run."


@frozen
class _TryAgain:
    """To self: what waits is tried again."""


@frozen
class _SentAtLast:
    """To self: an activation that had waited is on its topic."""

    activation_id: str


class HoldingBalancer(ShardingBalancer):
    """See the module's text. First message: ShardingSetup."""

    def __init__(self) -> None:
        super().__init__()
        self._outbox = Outbox()
        #: who asked last for what waits
        self._asker: ActorAddress | None = None

    @on(BalancerSetup)
    def setup(self, message: BalancerSetup, sender: ActorAddress) -> None:
        assert isinstance(message, ShardingSetup)
        self._outbox = Outbox(message.outbox)
        super().setup(message, sender)

    def _send(self, invoker: int, msg: ActivationMessage) -> None:
        """While one that waits is tried alone, the others are not even begun."""
        slot = self._slots.entries.get(msg.activation_id)
        if slot is None or not self._outbox.away or not self._hold(slot, "others wait already"):
            super()._send(invoker, msg)

    @on(SendFailed)
    def not_sent(self, message: SendFailed, sender: ActorAddress) -> None:
        slot, cause = self._slots.entries.get(message.activation_id), message.cause
        if slot is None or not isinstance(cause, NotSent) or not self._hold(slot, str(cause)):
            self._outbox.over(message.activation_id)
            super().not_sent(message, sender)
            self._say_whether_full()

    def _hold(self, slot: ActivationEntry, why: str) -> bool:
        """Whether it waits: not for a caller who waits, to whom 503 is an answer, too."""
        activation_id = slot.activation_id
        if slot.blocking or not self._outbox.failed(activation_id, time.monotonic()):
            return False
        _, self._asker = self._messages[activation_id]
        STORIES.note(activation_id, "load balancer", "is tried again in a moment: %s", why)
        self._say_whether_full()
        self._look_again()
        return True

    def _look_again(self) -> None:
        if self._outbox.idle and not self.has_timer("outbox"):
            self.start_timer("outbox", TRY_AGAIN, _TryAgain())

    @on(_TryAgain)
    def try_again(self, message: _TryAgain, sender: ActorAddress) -> None:
        for activation_id in self._outbox.due():
            slot = self._slots.entries.get(activation_id)
            if slot is None:
                self._outbox.over(activation_id)
            else:
                self._try(slot)
        self._look_again()

    def _try(self, slot: ActivationEntry) -> None:
        """To the same invoker, if it is up; the time of its slot begins anew."""
        invoker = self._still_up(slot)
        if invoker is not None:
            self._slots.move(slot.activation_id, invoker, time.monotonic())
            msg, _ = self._messages[slot.activation_id]
            self._send_waiting(invoker, msg)
        elif not self._hold(slot, "no invoker is up"):
            self._end(slot, TOO_LONG)

    def _still_up(self, slot: ActivationEntry) -> int | None:
        """The invoker of a slot, or another one in its place; None while there is none."""
        if self._sharding.invokers[slot.invoker].usable:
            return slot.invoker
        wanted = self._wanted[slot.activation_id]
        chosen = self._sharding.choose(wanted, random.getrandbits(30))
        if chosen is None:
            return None
        self._sharding.release(slot.invoker, wanted)
        return chosen.invoker

    def _send_waiting(self, invoker: int, msg: ActivationMessage) -> None:
        assert self._producer is not None
        activation_id = msg.activation_id
        self.spawn(
            self._producer.send(self._topics.invoker(invoker).name, to_payload(msg.to_json())),
            done=lambda _: _SentAtLast(activation_id),
            failed=lambda cause: SendFailed(activation_id, cause),
        )

    @on(_SentAtLast)
    def sent_at_last(self, message: _SentAtLast, sender: ActorAddress) -> None:
        """The broker is back: the next ones follow at once."""
        self._outbox.sent(message.activation_id)
        self.try_again(_TryAgain(), sender)
        self._say_whether_full()

    def _say_whether_full(self) -> None:
        turned = self._outbox.turned()
        if turned is not None:
            self.log.warning("the outbox is full" if turned else "the outbox has room again")
            self.tell(self._asker, Accepting(FULL if turned else ""))

    def _end(self, slot: ActivationEntry, reason: str) -> None:
        """What waits here has not been with the invoker that fell silent."""
        if not self._outbox.waits(slot.activation_id):
            super()._end(slot, reason)
