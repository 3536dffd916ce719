"""The balancer of a cluster as an actor: to topics, from topics, and what it tells the supervision."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from attrs import evolve
from prometheus_client.parser import text_string_to_metric_families

from owactors.actor.messagefeed import FeedSetup
from owactors.actor.messaging import MESSAGING
from owactors.actor.shardingbalancer import NOT_IN_TIME, NOT_SENT, ShardingBalancer, ShardingSetup
from owactors.connector.http.provider import HttpFirstMessaging
from owactors.connector.memory.provider import MemoryMessaging
from owactors.connector.port import BrokerUnavailable
from owactors.connector.topics import Topics
from owactors.core.requestseal import RequestSeal
from owactors.entity.instance import InvokerInstanceId
from owactors.entity.size import ByteSize
from owactors.entity.transaction import TransactionId
from owactors.message.ack import CombinedCompletionAndResultMessage, CompletionMessage, ResultMessage
from owactors.message.activation import ActivationMessage
from owactors.message.container import StoreActivation
from owactors.message.feed import Handle, Processed
from owactors.message.loadbalancer import Answer, Freed, InvokerGone, Publish, Refused
from owactors.message.member import ClusterSize
from owactors.message.supervision import InvocationReport, InvokerStates
from owactors.observe.metrics import Metrics, expose
from owactors.observe.tokens import unreadable_message
from tests.actor.harness import Bench, Work, named
from tests.actor.test_loadbalancer import MSG, UUID

FIRST, SECOND = InvokerInstanceId(0, ByteSize.mb(512)), InvokerInstanceId(1, ByteSize.mb(512))


@pytest.fixture
def bench() -> Iterator[Bench]:
    MESSAGING.build = lambda settings: MemoryMessaging()
    made = Bench(ShardingBalancer)
    setup = ShardingSetup(named("store"), supervision=named("supervision"), topics=Topics("dev-"))
    made.give(setup, "controller")
    states(made, "up", "up")
    yield made
    made.exit()
    MESSAGING.build = None
    MESSAGING._made.clear()


def states(bench: Bench, first: str, second: str) -> None:
    bench.give(InvokerStates(((FIRST, first), (SECOND, second))), "supervision")


def publish(bench: Bench, name: str = "a" * 32, *, blocking: bool = True, memory: int = 256) -> ActivationMessage:
    msg = evolve(MSG, activation_id=name, blocking=blocking)
    bench.give(Publish(msg, 60_000, memory), "api")
    return msg


def sends(bench: Bench) -> list[Work]:
    return [work for work in bench.works if work.name.endswith("send")]


def topics(bench: Bench) -> list[str]:
    return [work.arguments["topic"] for work in sends(bench)]


def from_topic(bench: Bench, ack: Any) -> None:
    bench.give(Handle(orjson.dumps(ack.to_json())), "feed")


def reports(bench: Bench) -> list[InvocationReport]:
    return [each for each in bench.sent_to("supervision") if isinstance(each, InvocationReport)]


def test_it_reads_the_acknowledgements_of_its_controller(bench: Bench) -> None:
    [setup] = bench.messages(FeedSetup)
    consumer = setup.consumer._consumer
    assert (consumer.topic, consumer.group) == ("dev-completed0", "dev-completed0")
    assert consumer.instance == "controller0"


@pytest.mark.scenario("L10")
def test_an_activation_goes_to_a_topic_and_its_answer_comes_from_one(bench: Bench) -> None:
    msg = publish(bench)
    [work] = sends(bench)
    home = int(work.arguments["topic"][-1])
    assert json.loads(work.arguments["payload"]) == msg.to_json()
    work.complete()
    from_topic(bench, ResultMessage(msg.transid, msg.activation_id))
    assert [type(each) for each in bench.sent_to("api")] == [Answer]
    from_topic(bench, CompletionMessage(msg.transid, msg.activation_id, False, (FIRST, SECOND)[home]))
    assert bench.sent_to("api")[-1] == Freed(msg.activation_id, UUID)
    assert bench.sent_to("feed") == [Processed(1), Processed(1)]
    assert reports(bench) == [InvocationReport(home, "success")]


def test_a_full_invoker_hands_over_to_the_next_and_gets_work_when_it_has_room(bench: Bench) -> None:
    first, *_ = (publish(bench, letter * 32) for letter in "abc")
    home, again, other = topics(bench)
    assert home == again != other
    instance = (FIRST, SECOND)[int(home[-1])]
    from_topic(bench, CombinedCompletionAndResultMessage(first.transid, first.activation_id, False, instance))
    publish(bench, "d" * 32)
    assert topics(bench)[-1] == home


@pytest.mark.scenario("L02")
def test_without_a_usable_invoker_it_refuses_and_records_what_was_accepted(bench: Bench) -> None:
    states(bench, "unhealthy", "down")
    publish(bench, "a" * 32)
    publish(bench, "b" * 32, blocking=False)
    assert [each.activation_id for each in bench.sent_to("api") if isinstance(each, Refused)] == ["a" * 32, "b" * 32]
    [stored] = bench.messages(StoreActivation)
    assert stored.activation.activation_id == "b" * 32
    assert sends(bench) == []


def test_what_cannot_be_sent_is_refused_and_its_place_is_free(bench: Bench) -> None:
    publish(bench, "a" * 32, memory=512)
    home = topics(bench)[0]
    sends(bench)[0].fail(BrokerUnavailable("away"))
    [refused] = bench.sent_to("api")
    assert refused == Refused("a" * 32, f"{NOT_SENT}: the broker did not confirm it. It may run.", UUID)
    publish(bench, "b" * 32, memory=512)
    assert topics(bench) == [home]
    assert reports(bench) == []


@pytest.mark.scenario("L12")
def test_a_completion_that_does_not_come_frees_the_slot_with_a_record(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    import owactors.actor.loadbalancer as module

    msg = publish(bench, blocking=False)
    home = int(topics(bench)[0][-1])
    now = module.time.monotonic()
    monkeypatch.setattr(module.time, "monotonic", lambda: now + 179)
    bench.fire("sweep")
    assert bench.sent_to("api") == []
    monkeypatch.setattr(module.time, "monotonic", lambda: now + 181)
    bench.fire("sweep")
    assert bench.sent_to("api") == [Freed(msg.activation_id, UUID)]
    [stored] = bench.messages(StoreActivation)
    assert stored.activation.response.result == {"error": NOT_IN_TIME}
    assert reports(bench) == [InvocationReport(home, "timeout")]
    from_topic(bench, CompletionMessage(msg.transid, msg.activation_id, False, FIRST))
    assert len(reports(bench)) == 1


def test_what_ran_on_a_silent_invoker_ends_with_the_cause_and_says_nothing_of_it(bench: Bench) -> None:
    waiting, accepted = publish(bench, "a" * 32), publish(bench, "b" * 32, blocking=False)
    home = int(topics(bench)[0][-1])
    bench.give(InvokerGone(home, "silence"), "supervision")
    answer, *freed = bench.sent_to("api")
    assert answer.response.response.result == {"error": "silence"}
    assert freed == [Freed(waiting.activation_id, UUID), Freed(accepted.activation_id, UUID)]
    assert [each.activation.activation_id for each in bench.messages(StoreActivation)] == ["a" * 32, "b" * 32]
    assert reports(bench) == []
    publish(bench, "c" * 32, memory=512)
    assert topics(bench)[-1][-1] == str(home)


@pytest.mark.parametrize(("is_error", "result"), [(False, "success"), (True, "systemError")])
def test_the_ack_of_a_test_action_is_for_the_supervision(bench: Bench, is_error: bool, result: str) -> None:
    transid = TransactionId.system("invokerHealth", 5)
    from_topic(bench, CompletionMessage(transid, "e" * 32, is_error, SECOND))
    assert reports(bench) == [InvocationReport(1, result)]


@pytest.mark.scenario("L06")
def test_several_controllers_share_the_room(bench: Bench) -> None:
    bench.give(ClusterSize(2), "membership")
    publish(bench, "a" * 32)
    publish(bench, "b" * 32)
    first, second = topics(bench)
    assert first != second


def test_an_unreadable_acknowledgement_is_passed_over(bench: Bench) -> None:
    msg = publish(bench)
    bench.give(Handle(b'{"transid": ["x", 1], "response": 5}'), "feed")
    bench.give(Handle(b"nonsense"), "feed")
    assert bench.sent_to("feed") == [Processed(1), Processed(1)]
    from_topic(bench, CombinedCompletionAndResultMessage(msg.transid, msg.activation_id, False, FIRST))
    assert len(bench.sent_to("api")) == 2


@pytest.mark.parametrize("form", ["completion", "combined", "result"])
@pytest.mark.parametrize("blocking", [True, False])
def test_an_acknowledgement_that_cannot_be_read_frees_its_slot_if_it_says_which(
    bench: Bench, form: str, blocking: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenWhisk drops it: the slot stays taken for minutes, the caller waits as long as it may."""
    counts = Metrics()
    monkeypatch.setattr("owactors.actor.topicreader.METRICS", counts)
    msg = publish(bench, blocking=blocking)
    ack: dict[str, Any] = {"transid": msg.transid.to_json(), "instance": {"instance": 0}}
    if form == "completion":
        ack["activationId"] = msg.activation_id
    else:
        ack["response"] = {"activationId": msg.activation_id, "name": 5}
    if form == "result":
        del ack["instance"]
    bench.give(Handle(orjson.dumps(ack)), "feed")
    answers = [each for each in bench.sent_to("api") if isinstance(each, Answer)]
    assert [answer.response for answer in answers] == ([msg.activation_id] if blocking and form != "completion" else [])
    freed = [each for each in bench.sent_to("api") if isinstance(each, Freed)]
    assert len(freed) == (form != "result")
    token = unreadable_message("dev-completed0")
    assert counts.snapshot().counters == {(token.metric, token.tags): 1}


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> Metrics:
    made = Metrics()
    for module in ("loadbalancer", "shardingbalancer", "balancerreports"):
        monkeypatch.setattr(f"owactors.actor.{module}.METRICS", made)
    return made


def shown(metrics: Metrics) -> dict[str, float]:
    """What a Prometheus server reads, by name, the labels behind it in braces."""
    return {
        sample.name + "".join(f"{{{value}}}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(expose([metrics.snapshot()]).decode())
        for sample in family.samples
    }


def test_figures_of_the_balancer_are_those_of_openwhisk(metrics: Metrics, bench: Bench) -> None:
    first, second = publish(bench, "a" * 32), publish(bench, "b" * 32)
    bench.give(Publish(evolve(MSG, activation_id="c" * 32), 60_000, 128, pull=True), "api")
    states(bench, "up", "unhealthy")
    bench.fire("report")
    figures = shown(metrics)
    assert figures["gauge_loadbalancer_activationsInflight_counter{0}"] == 3
    assert figures["gauge_loadbalancer_memoryInflight_counter{0}"] == 640
    assert figures["gauge_loadbalancer_memoryManagedInflight_counter{0}"] == 512
    assert figures["gauge_loadbalancer_memoryBlackboxInflight_counter{0}"] == 128
    # both are for managed runtimes, the second for pulled images as well
    assert figures["gauge_loadbalancer_totalCapacityManaged_counter"] == 512
    assert figures["gauge_loadbalancer_totalCapacityBlackBox_counter"] == 0
    assert figures["gauge_loadbalancer_totalHealthyInvokerManaged_counter"] == 1
    assert figures["gauge_loadbalancer_totalUnhealthyInvokerManaged_counter"] == 1
    assert figures["gauge_loadbalancer_totalUnhealthyInvokerBlackBox_counter"] == 1
    assert figures["gauge_loadbalancer_totalOfflineInvokerBlackBox_counter"] == 0
    assert figures["gauge_loadbalancer_totalUnresponsiveInvokerBlackBox_counter"] == 0
    assert figures["counter_loadbalancer_activations_counter_total"] == 3
    for msg in (first, second, second):
        from_topic(bench, CombinedCompletionAndResultMessage(msg.transid, msg.activation_id, False, FIRST))
    bench.fire("report")
    figures = shown(metrics)
    assert figures["gauge_loadbalancer_activationsInflight_counter{0}"] == 1
    assert figures["counter_loadbalancer_completionAck_counter_total{0}{regular}"] == 2
    assert figures["counter_loadbalancer_completionAck_counter_total{0}{regularAfterForced}"] == 1


def test_a_choice_by_chance_is_counted(metrics: Metrics, bench: Bench) -> None:
    for letter in "abcde":
        publish(bench, letter * 32)
    assert shown(metrics)["counter_controller_managedInvokerSystemOverload_counter_total"] == 1


def test_which_way_calls_go_is_in_the_log_when_it_changes(caplog: pytest.LogCaptureFixture) -> None:
    messaging = HttpFirstMessaging(MemoryMessaging(), RequestSeal(b"k" * 32), calls="dev-invoker")
    MESSAGING.build = lambda settings: messaging
    bench = Bench(ShardingBalancer)
    bench.give(ShardingSetup(named("store"), supervision=named("supervision"), topics=Topics("dev-")), "controller")
    messaging.ways.went("dev-invoker0", "unreachable", "no connection")
    for _ in range(2):
        with caplog.at_level("INFO"):
            bench.fire("report")
    assert [record.getMessage() for record in caplog.records if "HTTP" in record.getMessage()] == [
        "calls to dev-invoker0 go by the topic and not over HTTP, all of the last 1: no connection"
    ]
    bench.exit()
    MESSAGING.build = None
    MESSAGING._made.clear()
