"""An invoker falls silent: what it has not claimed runs elsewhere, what it has ends with the cause."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from attrs import evolve

from owactors.actor.handingover import NO_OTHER, HandingOverBalancer, HandingOverSetup
from owactors.actor.hostbeat import HostReader, HostReaderSetup
from owactors.actor.messaging import MESSAGING
from owactors.connector.memory.provider import MemoryMessaging
from owactors.connector.port import Consumer, FencedInstance, Record
from owactors.connector.topics import Topics
from owactors.core.loadbalancer.hosts import Hosts
from owactors.entity.instance import ControllerInstanceId
from owactors.message.ack import CompletionMessage
from owactors.message.activation import ActivationMessage
from owactors.message.container import StoreActivation
from owactors.message.feed import Handle
from owactors.message.loadbalancer import Answer, CameBack, ClaimEnded, InvokerGone, InvokerLeft
from owactors.message.member import ClusterSize
from tests.actor.harness import Bench, Work, named
from tests.actor.test_loadbalancer import MSG
from tests.actor.test_shardingbalancer import FIRST, SECOND, publish, sends, states, topics
from tests.core.test_hosts import beat

TOPICS = Topics("dev-")


class World:
    """A balancer, and a broker in memory of which the invokers read."""

    def __init__(self, *, shared_topic: bool = False) -> None:
        self.broker = MemoryMessaging()
        MESSAGING.build = lambda settings: self.broker
        self.bench = Bench(HandingOverBalancer)
        setup = HandingOverSetup(
            named("store"), supervision=named("supervision"), topics=TOPICS, shared_topic=shared_topic
        )
        self.bench.give(setup, "controller")
        states(self.bench, "up", "up")
        for number in (0, 1):
            asyncio.run(self.broker.ensure_topic(TOPICS.invoker(number).name, TOPICS.invoker(number).config))
        asyncio.run(self.broker.ensure_topic(TOPICS.hosts().name, TOPICS.hosts().config))

    def send(self, name: str, **more: Any) -> ActivationMessage:
        """A call that is on its invoker's topic."""
        msg = publish(self.bench, name * 32, **more)
        self.home = int(topics(self.bench)[-1][-1])
        sends(self.bench)[-1].run()
        return msg

    def consumer(self, instance: int) -> Consumer:
        topic = TOPICS.invoker(instance)
        return self.broker.consumer(topic.name, str(topic.group), 8, f"invoker{instance}")

    def home_is_down(self) -> None:
        """The other one is up."""
        states(self.bench, *(("down", "up") if self.home == 0 else ("up", "down")))

    def takes(self, invoker: Consumer, letter: str) -> None:
        """The invoker claims this call, the next one on its topic."""

        async def take() -> None:
            assert ids(await invoker.peek(1)) == [letter]
            await invoker.commit()

        asyncio.run(take())

    def gone(self, instance: int) -> None:
        self.bench.give(InvokerGone(instance, "silence"), "supervision")

    def claim(self) -> None:
        self.work("_claim").run()

    def work(self, name: str) -> Work:
        return self.bench.work(name)

    def ended(self) -> list[Any]:
        """What became a record here: activation id and result."""
        stored = [each.activation for each in self.bench.messages(StoreActivation)]
        return [(record.activation_id[0], record.response.result) for record in stored]


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.bench.exit()
    MESSAGING.build = None
    MESSAGING._made.clear()


def ids(records: list[Record]) -> list[str]:
    return [orjson.loads(record.payload)["activationId"][0] for record in records]


def test_what_the_invoker_claimed_ends_with_the_cause_and_what_waited_runs_elsewhere(world: World) -> None:
    world.send("a", blocking=True, memory=128)
    home = world.home
    invoker = world.consumer(home)
    world.takes(invoker, "a")
    world.send("b", memory=128)
    world.send("c", blocking=False, memory=128)
    assert world.home == home
    world.home_is_down()
    world.gone(home)
    assert world.ended() == []
    world.claim()
    assert world.ended() == [("a", {"error": "silence"})]
    assert topics(world.bench) == [f"dev-invoker{1 - home}"] * 2
    for work in sends(world.bench):
        work.run()

    async def reads() -> list[str]:
        with pytest.raises(FencedInstance):
            await invoker.peek(timeout=0)
        return ids(await world.consumer(1 - home).peek(timeout=0))

    assert asyncio.run(reads()) == ["b", "c"]


def test_an_invoker_that_comes_back_cannot_claim_what_went_elsewhere(world: World) -> None:
    world.send("a", memory=128)
    home = world.home
    invoker = world.consumer(home)

    async def peeks() -> None:
        assert ids(await invoker.peek(1)) == ["a"]  # and is cut off before its commit

    asyncio.run(peeks())
    world.home_is_down()
    world.gone(home)
    world.claim()
    assert topics(world.bench) == [f"dev-invoker{1 - home}"]

    async def comes_back() -> list[Record]:
        with pytest.raises(FencedInstance):
            await invoker.commit()
        return await world.consumer(home).peek(timeout=0)

    assert asyncio.run(comes_back()) == []
    states(world.bench, "up", "up")
    slot = world.bench.actor._slots.entries["a" * 32]
    assert slot.invoker == 1 - home
    instance = (FIRST, SECOND)[1 - home]
    ack = CompletionMessage(MSG.transid, "a" * 32, False, instance)
    world.bench.give(Handle(orjson.dumps(ack.to_json())), "feed")
    world.bench.actor._slots.validate()
    assert world.bench.actor._slots.total == 0


def test_without_another_invoker_it_ends_and_says_that_it_has_not_run(world: World) -> None:
    world.send("a", memory=128)
    states(world.bench, "down", "down")
    world.gone(world.home)
    world.claim()
    assert world.ended() == [("a", {"error": NO_OTHER})]
    [answer] = [each for each in world.bench.sent_to("api") if isinstance(each, Answer)]
    assert answer.response.response.result == {"error": NO_OTHER}


def test_an_accepted_call_waits_until_an_invoker_is_up_again(world: World) -> None:
    world.send("a", memory=128, blocking=False)
    home = world.home
    states(world.bench, "down", "down")
    world.gone(home)
    world.claim()
    assert world.ended() == []
    world.bench.fire("outbox")
    assert topics(world.bench) == []
    world.home_is_down()
    world.bench.fire("outbox")
    assert topics(world.bench) == [f"dev-invoker{1 - home}"]
    sends(world.bench)[-1].run()
    assert world.ended() == []


def test_what_an_invoker_left_on_its_topic_runs_elsewhere_and_the_rest_it_ends_itself(world: World) -> None:
    world.send("a", memory=128)
    home = world.home
    invoker = world.consumer(home)
    world.takes(invoker, "a")
    world.send("b", memory=128)
    world.home_is_down()
    world.bench.give(InvokerLeft(home), "reader")
    world.claim()
    assert world.ended() == []
    assert topics(world.bench) == [f"dev-invoker{1 - home}"]
    assert world.bench.actor._slots.entries["a" * 32].invoker == home


def test_what_came_back_does_not_go_to_the_silent_invoker_again_though_it_is_not_known_here_yet(world: World) -> None:
    world.send("a", memory=128, blocking=False)
    home = world.home
    world.bench.give(CameBack("a" * 32, "0", home), "reader")
    assert topics(world.bench) == [f"dev-invoker{1 - home}"]
    world.bench.fire("trust")
    assert all(each.usable for each in world.bench.actor._sharding.invokers)


@pytest.fixture
def shared() -> Iterator[World]:
    made = World(shared_topic=True)
    made.bench.give(ClusterSize(2, ("0", "1")), "membership")
    yield made
    made.bench.exit()
    MESSAGING.build = None
    MESSAGING._made.clear()


def test_what_cannot_be_read_goes_to_an_invoker_that_answers_it(shared: World) -> None:
    topic = TOPICS.invoker(0).name
    spoilt = [b'{"activationId":"broken off', b"nonsense"]
    for payload in spoilt:
        asyncio.run(shared.broker.producer().send(topic, payload))
    states(shared.bench, "down", "up")
    shared.gone(0)
    shared.claim()
    for work in sends(shared.bench):
        work.run()
    received = asyncio.run(shared.consumer(1).peek(timeout=0))
    assert [record.payload for record in received] == spoilt


def test_the_first_controller_gives_others_back_what_is_theirs(shared: World) -> None:
    shared.send("a", memory=128)
    home = shared.home
    theirs = evolve(MSG, activation_id="b" * 32, root_controller_index=ControllerInstanceId("1"))
    foreign = evolve(MSG, activation_id="c" * 32, root_controller_index=ControllerInstanceId("7"))

    async def others_send() -> None:
        for msg in (theirs, foreign):
            await shared.broker.producer().send(TOPICS.invoker(home).name, orjson.dumps(msg.to_json()))

    asyncio.run(others_send())
    shared.home_is_down()
    shared.gone(home)
    shared.claim()
    assert topics(shared.bench) == [f"dev-invoker{1 - home}"] * 2
    shared.work("_tell_others").run()

    async def said() -> list[Any]:
        records = await shared.broker.consumer(TOPICS.hosts().name, "test").peek(timeout=0)
        return [orjson.loads(record.payload) for record in records]

    back, ended = CameBack("b" * 32, "1", home), ClaimEnded(home)
    assert asyncio.run(said()) == [back.to_json(), ended.to_json()]
    assert (CameBack.from_json(back.to_json()), ClaimEnded.from_json(ended.to_json())) == (back, ended)
    assert (CameBack.from_json(ended.to_json()), ClaimEnded.from_json(back.to_json())) == (None, None)
    assert shared.ended() == []


@pytest.mark.parametrize("told", [True, False])
def test_the_others_wait_for_what_comes_back_and_end_the_rest(shared: World, told: bool) -> None:
    shared.bench.give(ClusterSize(2, ("-", "0")), "membership")
    first, second = shared.send("a", memory=128), shared.send("b", memory=128)
    home = shared.home
    shared.home_is_down()
    shared.gone(home)
    assert [work for work in shared.bench.works if work.name.endswith("_claim")] == []
    shared.bench.give(CameBack(first.activation_id, "0", home), "reader")
    shared.bench.give(CameBack(first.activation_id, "0", home), "reader")
    assert topics(shared.bench) == [f"dev-invoker{1 - home}"]
    if told:
        shared.bench.give(ClaimEnded(1 - home), "reader")
        assert shared.ended() == []
        shared.bench.give(ClaimEnded(home), "reader")
        assert f"rest of {home}" not in shared.bench.timers
    else:
        shared.bench.fire(f"rest of {home}")
    assert shared.ended() == [(second.activation_id[0], {"error": "silence"})]


def test_what_comes_back_and_who_leaves_is_told_to_the_balancer() -> None:
    MESSAGING.build = lambda settings: MemoryMessaging()
    bench = Bench(HostReader)
    bench.give(HostReaderSetup(Hosts(), named("balancer"), "broker", TOPICS, ControllerInstanceId("0")), "controller")
    mine, theirs = CameBack("a" * 32, "0", 1), CameBack("b" * 32, "1", 1)
    for back in (mine, theirs, ClaimEnded(5)):
        bench.give(Handle(orjson.dumps(back.to_json())), "feed")
    for state in ("enabled", "stopping", "stopped"):
        bench.give(Handle(orjson.dumps(beat("a", "invoker3", state).to_json())), "feed")
    bench.give(Handle(orjson.dumps(beat("a", "controllera", "stopped").to_json())), "feed")
    assert bench.sent_to("balancer") == [mine, ClaimEnded(5), InvokerLeft(3)]
    bench.exit()
    MESSAGING.build = None
    MESSAGING._made.clear()
