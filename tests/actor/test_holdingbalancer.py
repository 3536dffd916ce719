"""The broker is away: what was accepted and certainly not sent waits, everything else ends as it must."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import orjson
import pytest

import owactors.actor.holdingbalancer as module
from owactors.actor.holdingbalancer import FULL, TOO_LONG, HoldingBalancer
from owactors.actor.messaging import MESSAGING
from owactors.actor.shardingbalancer import NOT_SENT, ShardingSetup
from owactors.connector.memory.provider import MemoryMessaging
from owactors.connector.port import BrokerUnavailable, MessageTooLarge, NotSent
from owactors.connector.topics import Topics
from owactors.core.loadbalancer.outbox import OutboxSettings
from owactors.message.ack import CombinedCompletionAndResultMessage
from owactors.message.container import StoreActivation
from owactors.message.loadbalancer import Accepting, Freed, InvokerGone, Refused
from tests.actor.harness import Bench, named
from tests.actor.test_loadbalancer import MSG, UUID
from tests.actor.test_shardingbalancer import FIRST, SECOND, from_topic, publish, sends, states, topics

AWAY = NotSent("away")


@pytest.fixture
def bench() -> Iterator[Bench]:
    MESSAGING.build = lambda settings: MemoryMessaging()
    made = Bench(HoldingBalancer)
    outbox = OutboxSettings(most=2, patience=60.0)
    setup = ShardingSetup(named("store"), supervision=named("supervision"), topics=Topics("dev-"), outbox=outbox)
    made.give(setup, "controller")
    states(made, "up", "up")
    yield made
    made.exit()
    MESSAGING.build = None
    MESSAGING._made.clear()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets time pass for the balancer."""
    begun = module.time.monotonic()
    return lambda seconds: monkeypatch.setattr(module.time, "monotonic", lambda: begun + seconds)


def accept(bench: Bench, letter: str) -> int:
    """A call that was answered 202, and could not be sent; the number of its invoker."""
    publish(bench, letter * 32, blocking=False, memory=128)
    for work in sends(bench):
        work.fail(AWAY)
    return bench.actor._slots.entries[letter * 32].invoker


def ended(bench: Bench) -> list[object]:
    return [each.activation.response.result["error"] for each in bench.messages(StoreActivation)]


def test_an_accepted_call_waits_and_is_sent_when_the_broker_is_back(bench: Bench) -> None:
    home = accept(bench, "a")
    for _ in range(3):
        bench.fire("outbox")
        assert topics(bench) == [f"dev-invoker{home}"]
        sends(bench)[-1].fail(AWAY)
    bench.fire("outbox")
    assert orjson.loads(sends(bench)[-1].arguments["payload"])["activationId"] == "a" * 32
    sends(bench)[-1].complete()
    assert not bench.actor.has_timer("outbox")
    assert bench.sent_to("api") == []
    instance = (FIRST, SECOND)[home]
    from_topic(bench, CombinedCompletionAndResultMessage(MSG.transid, "a" * 32, False, instance))
    assert bench.sent_to("api") == [Freed("a" * 32, UUID)]
    assert ended(bench) == []


def test_who_waits_for_a_result_is_refused(bench: Bench) -> None:
    publish(bench, "a" * 32)
    sends(bench)[-1].fail(AWAY)
    assert bench.sent_to("api") == [Refused("a" * 32, f"{NOT_SENT}: the broker is away.", UUID)]
    assert not bench.actor.has_timer("outbox")


@pytest.mark.parametrize("cause", [BrokerUnavailable("no answer"), MessageTooLarge("too large")])
def test_what_may_have_left_or_cannot_be_sent_does_not_wait(bench: Bench, cause: Exception) -> None:
    publish(bench, "a" * 32, blocking=False)
    sends(bench)[-1].fail(cause)
    [refused] = bench.sent_to("api")
    assert ended(bench) == [refused.reason]
    assert ("It may run" in refused.reason) == isinstance(cause, BrokerUnavailable)
    assert not bench.actor.has_timer("outbox")


def test_what_leaves_at_the_second_try_without_an_answer_is_not_tried_a_third_time(bench: Bench) -> None:
    accept(bench, "a")
    bench.fire("outbox")
    sends(bench)[-1].fail(BrokerUnavailable("no answer"))
    [error] = ended(bench)
    assert "It may run" in error
    assert not bench.actor.has_timer("outbox")
    assert bench.actor._slots.total == 0


def test_when_its_time_is_over_it_ends_with_a_record(bench: Bench, later: Callable[[float], None]) -> None:
    accept(bench, "a")
    bench.fire("outbox")
    later(59)
    sends(bench)[-1].fail(AWAY)
    assert ended(bench) == []
    bench.fire("outbox")
    later(61)
    sends(bench)[-1].fail(AWAY)
    assert ended(bench) == [f"{NOT_SENT}: the broker is away."]
    assert bench.actor._slots.total == 0


def test_what_is_accepted_meanwhile_is_not_begun_and_follows_the_first_that_is_sent(bench: Bench) -> None:
    for letter in "abcde":
        accept(bench, letter)
    bench.fire("outbox")
    went = []
    while sends(bench):
        went.append([orjson.loads(work.arguments["payload"])["activationId"][0] for work in sends(bench)])
        sends(bench)[0].complete()
    assert went == [["a"], ["b", "c"], ["c", "d", "e"], ["d", "e"], ["e"]]
    publish(bench, "f" * 32, blocking=False, memory=128)
    assert len(sends(bench)) == 1


def test_its_slot_has_its_time_from_when_it_is_sent(bench: Bench, later: Callable[[float], None]) -> None:
    accept(bench, "a")
    deadline = bench.actor._slots.entries["a" * 32].deadline
    later(50)
    bench.fire("outbox")
    assert bench.actor._slots.entries["a" * 32].deadline >= deadline + 49


def test_beyond_the_bound_no_more_is_accepted_until_some_are_gone(bench: Bench) -> None:
    for letter in "abc":
        accept(bench, letter)
    assert bench.sent_to("api") == [Accepting(FULL)]
    bench.fire("outbox")
    while sends(bench):
        sends(bench)[0].complete()
    assert bench.sent_to("api") == [Accepting(FULL), Accepting("")]
    assert ended(bench) == []


def test_what_waits_here_goes_elsewhere_when_its_invoker_falls_silent(bench: Bench) -> None:
    home = accept(bench, "a")
    states(bench, *(("down", "up") if home == 0 else ("up", "down")))
    bench.give(InvokerGone(home, "silence"), "supervision")
    assert ended(bench) == []
    bench.fire("outbox")
    assert topics(bench)[-1] == f"dev-invoker{1 - home}"
    sends(bench)[-1].complete()
    states(bench, "up", "up")
    assert [each.slots.available for each in bench.actor._sharding.invokers] == [
        512 - 128 * home,
        512 - 128 * (1 - home),
    ]


def test_without_any_invoker_it_waits_on(bench: Bench, later: Callable[[float], None]) -> None:
    accept(bench, "a")
    states(bench, "down", "down")
    bench.fire("outbox")
    assert sends(bench) == []
    assert ended(bench) == []
    later(61)
    bench.fire("outbox")
    assert ended(bench) == [TOO_LONG]
    assert bench.actor._slots.total == 0
