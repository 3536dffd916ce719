"""The invoker and the controller of a cluster that sends over HTTP first, on the bench."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from attrs import evolve

from owactors.actor.factories import FACTORIES
from owactors.actor.hostbeat import HostReader, HostReaderSetup
from owactors.actor.journalingconsumer import JournalingConsumer
from owactors.actor.messaging import MESSAGING
from owactors.connector.http.provider import HttpFirstMessaging
from owactors.connector.memory.provider import MemoryMessaging
from owactors.connector.topics import TopicConfig, Topics
from owactors.container.port import StartReport
from owactors.core.loadbalancer.hosts import Hosts
from owactors.core.requestseal import RequestSeal
from owactors.entity.instance import ControllerInstanceId
from owactors.message.ack import CompletionMessage, ResultMessage
from owactors.message.activation import ActivationMessage
from owactors.message.container import SendAck
from owactors.message.feed import Handle
from owactors.message.host import HostHeartbeat, HostIdentity
from owactors.message.invoke import sent_before, was_sent_before
from owactors.message.loadbalancer import InvokerLeft
from owactors.rest.invokeroute import Exchange, Refused
from tests.actor.harness import Bench, named
from tests.actor.pooling import INSTANCE
from tests.actor.test_clusterinvoker import ClusterBench, message
from tests.actor.test_handingover import World
from tests.actor.test_shardingbalancer import sends, topics

OWN = f"dev-invoker{INSTANCE.instance}"


@pytest.fixture(autouse=True)
def messaging() -> Iterator[HttpFirstMessaging]:
    made = HttpFirstMessaging(MemoryMessaging(), RequestSeal(b"k" * 32))
    MESSAGING.build = lambda settings: made
    FACTORIES.reports["factory"] = StartReport("memory", ())
    yield made
    MESSAGING.build = None
    MESSAGING._made.clear()
    del FACTORIES.reports["factory"]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ClusterBench]:
    made = ClusterBench(tmp_path).up()
    yield made
    made.exit()


def took(bench: ClusterBench, msg: Any) -> Exchange:
    """It came over HTTP and is with the actor."""
    payload = orjson.dumps(msg.to_json())
    exchange: Exchange = bench.actor._door.take(payload, each=True)
    bench.give(Handle(payload), "feed")
    return exchange


def acks(bench: ClusterBench, msg: Any, *acks: Any) -> None:
    for ack in acks:
        bench.give(SendAck(ack, msg.root_controller_index, msg.blocking, msg.user), "proxy")


def completed(bench: ClusterBench, msg: Any) -> list[Any]:
    """What went by the topic of its controller."""
    return bench.writes(f"dev-completed{msg.root_controller_index.as_string}")


def both(msg: Any) -> tuple[Any, Any]:
    transid, key = msg.transid, msg.activation_id
    return ResultMessage(transid, key), CompletionMessage(transid, key, False, INSTANCE)


def test_what_came_over_http_is_written_down_first_and_answered_there(bench: ClusterBench) -> None:
    msg = message(blocking=True)
    exchange = took(bench, msg)
    assert bench.left() == [msg.activation_id]
    result, completion = both(msg)
    acks(bench, msg, result, completion)
    assert [orjson.loads(line) for line in exchange._lines] == [result.to_json(), completion.to_json()]
    assert completed(bench, msg) == []
    bench.actor._door.received([msg.activation_id])
    bench.fire("settle")
    bench.work("flush").complete()
    assert bench.left() == []


def test_without_a_word_from_the_controller_the_answer_goes_by_the_topic(
    bench: ClusterBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    import owactors.actor.httpinvoker as module

    msg = message(blocking=True)
    took(bench, msg)
    result, completion = both(msg)
    acks(bench, msg, result, completion)
    bench.fire("settle")
    assert completed(bench, msg) == []
    now = module.time.monotonic()
    monkeypatch.setattr(module.time, "monotonic", lambda: now + 10)
    bench.fire("settle")
    bench.fire("settle")
    assert completed(bench, msg) == [result.to_json(), completion.to_json()]
    assert bench.left() == [msg.activation_id]


def test_a_caller_that_left_is_answered_by_the_topic(bench: ClusterBench) -> None:
    msg = message(blocking=True)
    exchange = took(bench, msg)
    result, completion = both(msg)
    acks(bench, msg, result)
    bench.actor._door.left(exchange)
    acks(bench, msg, completion)
    bench.fire("settle")
    assert sorted(map(str, completed(bench, msg))) == sorted(map(str, [completion.to_json(), result.to_json()]))


def test_what_came_by_the_topic_is_answered_there(bench: ClusterBench) -> None:
    msg = message(blocking=False)
    bench.arrives(msg)
    completion = both(msg)[1]
    acks(bench, msg, completion)
    assert completed(bench, msg) == [completion.to_json()]


def test_nothing_is_taken_twice_nor_after_the_end(bench: ClusterBench) -> None:
    msg = message()
    took(bench, msg)
    door = bench.actor._door
    for payload, status in ((msg, 409), (message(activation_id="f" * 32), 503)):
        if status == 503:
            bench.actor.close_door()
        with pytest.raises(Refused) as refused:
            door.take(orjson.dumps(payload.to_json()), each=True)
        assert refused.value.status == status


def test_what_is_just_being_claimed_from_the_topic_is_not_taken_as_well(bench: ClusterBench) -> None:
    """The invoker stood still: it finds the request, and the copy that was sent because it did not answer."""
    msg, door, journal = message(), bench.actor._door, bench.actor._journal
    payload = orjson.dumps(msg.to_json())

    async def story() -> None:
        broker = MemoryMessaging()
        await broker.ensure_topic(OWN, TopicConfig(3_600_000))
        await broker.producer().send(OWN, sent_before(payload))
        consumer = JournalingConsumer(broker.consumer(OWN, OWN), journal)
        assert len(await consumer.peek(timeout=20)) == 1
        with pytest.raises(Refused, match="by the topic already") as refused:
            door.take(payload, each=True)
        assert refused.value.status == 503
        await consumer.commit()
        with pytest.raises(Refused) as refused:
            door.take(payload, each=True)
        assert refused.value.status == 409
        await broker.producer().send(OWN, sent_before(payload))
        assert list(await consumer.peek(timeout=0)) == []

    asyncio.run(story())
    assert door.messaging.waiting(OWN) == 0


def test_a_full_disk_leaves_the_call_to_the_topic(bench: ClusterBench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    msg = message()
    monkeypatch.setattr(type(bench.actor._journal), "_append", full)
    with pytest.raises(Refused, match="No space") as refused:
        bench.actor._door.take(orjson.dumps(msg.to_json()), each=True)
    assert refused.value.status == 503
    assert not bench.actor._journal.knows(msg.activation_id)


# -- where the controller finds it


def beat(invoke: str, state: str = "enabled", role: str = "invoker3") -> HostHeartbeat:
    return HostHeartbeat(HostIdentity("h", "n", "b"), role, state, 0, 1, 1, "1", "c", invoke=invoke)


def test_a_controller_learns_from_heartbeats_where_calls_are_taken(messaging: HttpFirstMessaging) -> None:
    bench = Bench(HostReader)
    bench.give(
        HostReaderSetup(Hosts(), named("balancer"), "broker", Topics("dev-"), ControllerInstanceId("0")), "controller"
    )

    def hears(heartbeat: HostHeartbeat) -> dict[str, tuple[str, int]]:
        bench.give(Handle(orjson.dumps(heartbeat.to_json())), "feed")
        return {topic: (each.host, each.port) for topic, each in messaging._endpoints.items()}

    assert hears(beat("10.0.0.2:8080")) == {"dev-invoker3": ("10.0.0.2", 8080)}
    assert hears(beat("10.0.0.2:8081")) == {"dev-invoker3": ("10.0.0.2", 8081)}
    assert hears(beat("10.0.0.9:1", role="controller0")) == {"dev-invoker3": ("10.0.0.2", 8081)}
    assert hears(beat("10.0.0.7:1", "replaced")) == {"dev-invoker3": ("10.0.0.2", 8081)}
    assert hears(beat("10.0.0.2:8081", "stopping")) == {}
    assert hears(beat("nowhere")) == {}
    bench.exit()


def test_an_address_is_part_of_the_heartbeat_only_where_there_is_one() -> None:
    for heartbeat in (beat(""), beat("10.0.0.2:8080")):
        assert ("invoke" in heartbeat.to_json()) == bool(heartbeat.invoke)
        assert HostHeartbeat.from_json(heartbeat.to_json()) == heartbeat
    assert evolve(beat(""), role="invokers").invoker is None


# -- an invoker falls silent, or leaves


def one_copy_and_another() -> tuple[World, ActivationMessage, ActivationMessage]:
    """On the topic of an invoker that is down: a call that it may have over HTTP, and one that it has not."""
    world = World()
    first, second = world.send("a", blocking=False, memory=128), world.send("b", blocking=False, memory=128)
    log = world.broker.log(f"dev-invoker{world.home}")
    log.records[0] = evolve(log.records[0], payload=sent_before(log.records[0].payload))
    world.home_is_down()
    return world, first, second


def test_what_a_stopped_invoker_may_have_over_http_waits_for_its_next_start() -> None:
    world, first, second = one_copy_and_another()
    world.bench.give(InvokerLeft(world.home), "reader")
    world.claim()
    assert topics(world.bench) == [f"dev-invoker{1 - world.home}"]
    assert orjson.loads(sends(world.bench)[0].arguments["payload"])["activationId"] == second.activation_id
    log = world.broker.log(f"dev-invoker{world.home}")
    assert (len(log.records), was_sent_before(log.records[-1].payload)) == (3, True)
    assert first.activation_id in world.bench.actor._slots.entries
    assert world.ended() == []
    world.bench.exit()


def test_what_it_may_have_over_http_runs_nowhere_else() -> None:
    world, first, second = one_copy_and_another()
    world.gone(world.home)
    world.claim()
    assert world.ended() == [(first.activation_id[0], {"error": "silence"})]
    assert topics(world.bench) == [f"dev-invoker{1 - world.home}"]
    assert sends(world.bench)[0].arguments["payload"] == orjson.dumps(second.to_json(), option=orjson.OPT_SORT_KEYS)
    world.bench.exit()
