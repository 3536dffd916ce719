"""The load balancer that hands on what waited for an invoker that fell silent.

It takes the invoker's place in the group of its topic, claims by a commit what the invoker has not claimed, and sends
it elsewhere. The invoker, should it live, is fenced by that and cannot claim the same. See docs/cluster.md.
"""

from __future__ import annotations

import asyncio
import random
import time

from attrs import field, frozen
from thespian.actors import ActorAddress

from owactors.actor.holdingbalancer import HoldingBalancer
from owactors.actor.io import on
from owactors.actor.messaging import MESSAGING
from owactors.actor.shardingbalancer import ShardingSetup
from owactors.connector.http.settings import underlying
from owactors.connector.port import ConnectorError
from owactors.core.loadbalancer.handover import Drop, GiveBack, SendElsewhere, Waited, claims, handed_over
from owactors.core.loadbalancer.sharding import Wanted
from owactors.message.activation import ActivationMessage
from owactors.message.invoke import was_sent_before
from owactors.message.loadbalancer import BalancerSetup, CameBack, ClaimEnded, InvokerGone, InvokerLeft
from owactors.message.member import ClusterSize
from owactors.message.payload import from_payload, to_payload
from owactors.observe.stories import STORIES

#: records of one poll
PEEK = 128
#: all of it may take so long; a poll waits so long for its turn in the group (seconds)
CLAIM_SECONDS, TURN_SECONDS = 20.0, 1.0
#: until another controller must have given back what it claimed, if it says nothing (seconds)
GRACE = 30.0
#: then this controller has heard itself of an invoker's silence (seconds)
TRUST_SECONDS = 15.0
NO_OTHER = "The activation waited for an invoker that fell silent, and there is no other. It has not run."


@frozen(eq=False)
class HandingOverSetup(ShardingSetup):
    """The first message. `shared_topic`: all controllers write to an invoker's topic, as with Kafka."""

    shared_topic: bool = False


@frozen(eq=False)
class _Claimed:
    """To self: these waited for the invoker, and are ours now. `ends`: all else that was under way there ends."""

    gone: InvokerGone
    under_way: frozenset[str]
    ends: bool
    payloads: tuple[bytes, ...] = field(repr=False)


@frozen(eq=False)
class _EndRest:
    """To self: what was not given back may have run."""

    gone: InvokerGone
    under_way: frozenset[str]


@frozen
class _Trust:
    """To self."""


class HandingOverBalancer(HoldingBalancer):
    """See the module's text. First message: HandingOverSetup."""

    def __init__(self) -> None:
        super().__init__()
        self._members: frozenset[str] = frozenset()
        #: by invoker, what this controller ends when another one has claimed
        self._rests: dict[int, _EndRest] = {}

    @on(BalancerSetup)
    def setup(self, message: BalancerSetup, sender: ActorAddress) -> None:
        assert isinstance(message, HandingOverSetup)
        self._about = message
        super().setup(message, sender)

    @on(ClusterSize)
    def cluster_is(self, message: ClusterSize, sender: ActorAddress) -> None:
        self._members = frozenset(message.members)
        super().cluster_is(message, sender)

    # -- an invoker fell silent

    @on(InvokerGone)
    def invoker_gone(self, message: InvokerGone, sender: ActorAddress) -> None:
        under_way = frozenset(slot.activation_id for slot in self._slots.of_invoker(message.instance))
        if not claims(self._controller, self._members, shared_topic=self._about.shared_topic):
            rest = self._rests[message.instance] = _EndRest(message, under_way)
            self.start_timer(f"rest of {message.instance}", GRACE, rest)
            return
        self.spawn(
            self._claim(message.instance),
            done=lambda found: _Claimed(message, under_way, True, tuple(found)),
            failed=lambda cause: self._not_claimed(message, under_way, cause),
            name="claim",
        )

    @on(InvokerLeft)
    def invoker_left(self, message: InvokerLeft, sender: ActorAddress) -> None:
        """What it left on its topic runs elsewhere; what it had taken it has ended itself."""
        under_way = frozenset(slot.activation_id for slot in self._slots.of_invoker(message.instance))
        shared = self._about.shared_topic
        if (under_way or shared) and claims(self._controller, self._members, shared_topic=shared):
            gone = InvokerGone(message.instance, "")
            self.spawn(
                self._claim(message.instance, copies_stay=True),
                done=lambda found: _Claimed(gone, under_way, False, tuple(found)),
                failed=lambda cause: None,
                name="claim",
            )

    async def _claim(self, instance: int, *, copies_stay: bool = False) -> list[bytes]:
        """What runs elsewhere: nothing that the invoker may have taken over HTTP.

        `copies_stay`: an invoker that is back soon knows whether it took those, and finds them on its topic again.
        """
        claimed = await self._take_all(instance)
        if copies_stay:
            await self._put_back(instance, list(filter(was_sent_before, claimed)))
        return [payload for payload in claimed if not was_sent_before(payload)]

    async def _put_back(self, instance: int, payloads: list[bytes]) -> None:
        assert self._producer is not None
        try:
            for payload in payloads:
                await self._producer.send(self._topics.invoker(instance).name, payload)
        except ConnectorError as problem:
            self.log.warning("not all that invoker%d may have was left for it: %r", instance, problem)

    async def _take_all(self, instance: int) -> list[bytes]:
        """What the invoker's group has not committed; committed here, and ours."""
        topic = self._topics.invoker(instance)
        found: list[bytes] = []
        messaging = MESSAGING.get(underlying(self._about.messaging))
        consumer = messaging.consumer(topic.name, str(topic.group), PEEK, f"invoker{instance}")
        try:
            async with asyncio.timeout(CLAIM_SECONDS):
                while await consumer.lag():
                    records = await consumer.peek(timeout=TURN_SECONDS)
                    await consumer.commit()
                    found += [record.payload for record in records]
        except (ConnectorError, TimeoutError) as problem:
            self.log.warning("not all that waits for invoker%d could be claimed: %r", instance, problem)
        finally:
            await consumer.close()
        return found

    def _not_claimed(self, gone: InvokerGone, under_way: frozenset[str], cause: BaseException) -> _EndRest:
        self.log.warning("what waits for invoker%d is not known: %r", gone.instance, cause)
        return _EndRest(gone, under_way)

    @on(_Claimed)
    def claimed(self, message: _Claimed, sender: ActorAddress) -> None:
        by_id: dict[str, ActivationMessage] = {}
        for payload in message.payloads:
            msg = _read(payload)
            if msg is None:
                self._pass_on(payload)
            else:
                by_id[msg.activation_id] = msg
        waited = [Waited(key, msg.root_controller_index.as_string) for key, msg in by_id.items()]
        if waited:
            self.log.warning("%d activations waited for invoker%d", len(waited), message.gone.instance)
        back = []
        for what in handed_over(self._controller, self._members, message.under_way, waited):
            match what:
                case SendElsewhere(key):
                    self._send_elsewhere(key, message.gone.instance)
                case GiveBack(key, controller):
                    back.append(CameBack(key, controller, message.gone.instance))
                case Drop():
                    pass
                case _:
                    self._send_for_another(by_id[what.activation_id])
        if self._about.shared_topic:
            self.spawn(self._tell_others(back, message), name="give back")
        if message.ends:
            self.end_rest(_EndRest(message.gone, message.under_way), sender)

    async def _tell_others(self, back: list[CameBack], claimed: _Claimed) -> None:
        """What is theirs, and then that this was all. Of an invoker that stopped they end nothing."""
        assert self._producer is not None
        said: list[CameBack | ClaimEnded] = [*back]
        if claimed.ends:
            said.append(ClaimEnded(claimed.gone.instance))
        for each in said:
            await self._producer.send(self._topics.hosts().name, to_payload(each.to_json()))

    @on(ClaimEnded)
    def claim_ended(self, message: ClaimEnded, sender: ActorAddress) -> None:
        """The others need not wait longer."""
        rest = self._rests.pop(message.invoker, None)
        if rest is not None:
            self.cancel_timer(f"rest of {message.invoker}")
            self.end_rest(rest, sender)

    @on(_EndRest)
    def end_rest(self, message: _EndRest, sender: ActorAddress) -> None:
        """What is under way there since then was with the invoker: it may have run."""
        for slot in self._slots.of_invoker(message.gone.instance):
            if slot.activation_id in message.under_way:
                self._end(slot, message.gone.reason)

    # -- to another invoker

    @on(CameBack)
    def came_back(self, message: CameBack, sender: ActorAddress) -> None:
        """Another controller claimed it, and knows that the invoker is silent; this one may hear so later."""
        if self._sharding.invokers[message.invoker].usable:
            self.trust_all_but(message.invoker)
            self.start_timer("trust", TRUST_SECONDS, _Trust())
        self._send_elsewhere(message.activation_id, message.invoker)

    @on(_Trust)
    def trust(self, message: _Trust, sender: ActorAddress) -> None:
        """What this controller hears itself holds again."""
        self.trust_all_but(None)

    def _send_elsewhere(self, activation_id: str, former: int) -> None:
        slot, wanted = self._slots.entries.get(activation_id), self._wanted.get(activation_id)
        if slot is None or wanted is None or slot.invoker != former:
            return
        chosen = self._sharding.choose(wanted, random.getrandbits(30))
        if chosen is None:
            if not self._hold(slot, NO_OTHER):
                self._end(slot, NO_OTHER)
            return
        self._sharding.release(former, wanted)
        self._slots.move(activation_id, chosen.invoker, time.monotonic())
        msg, _ = self._messages[activation_id]
        STORIES.note(activation_id, "load balancer", "invoker%s fell silent; sent to invoker%s", former, chosen.invoker)
        self._send(chosen.invoker, msg)

    def _send_for_another(self, msg: ActivationMessage) -> None:
        """Without a slot here; how much room its action needs is not known."""
        action = msg.action
        wanted = Wanted(msg.user.namespace.name, action.doc_id, str(action.version or ""), self._about.memory_min)
        chosen = self._any(wanted)
        if chosen is None:
            self.log.error("activation %s is lost: %s", msg.activation_id, NO_OTHER)
        else:
            self._send(chosen, msg)

    def _pass_on(self, payload: bytes) -> None:
        """What cannot be read is answered by an invoker, as far as it says for whom it was."""
        chosen = self._any(Wanted("", "", "", self._about.memory_min))
        if chosen is None:
            self.log.error("a message that cannot be read is lost: %s: %.300r", NO_OTHER, payload)
            return
        assert self._producer is not None
        self.spawn(self._producer.send(self._topics.invoker(chosen).name, payload), name="pass on")

    def _any(self, wanted: Wanted) -> int | None:
        """An invoker that is up."""
        chosen = self._sharding.choose(wanted, random.getrandbits(30))
        if chosen is None:
            return None
        self._sharding.release(chosen.invoker, wanted)
        return chosen.invoker


def _read(payload: bytes) -> ActivationMessage | None:
    """None: it cannot be read."""
    try:
        return ActivationMessage.from_json(from_payload(payload))
    except ValueError:
        return None
