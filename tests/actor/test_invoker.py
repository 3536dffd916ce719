"""The invoker's actor on the bench: its pool and feed are addresses, its store answers by hand."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from attrs import evolve

from owactors.actor.containerpool import PoolSetup
from owactors.actor.invoker import BLACKLIST, PING, Invoker, InvokerSetup
from owactors.actor.messagefeed import FeedSetup
from owactors.core.containerpool.settings import PoolSettings
from owactors.core.invoker.fallback import ACTION_REMOVED, INVOKER_STOPS, NAMESPACES_BLACKLISTED, POOL_ENDED
from owactors.core.storepolicy import StoreLevel, StorePolicy
from owactors.entity.activation import ActivationResponse
from owactors.entity.exec import CodeExec
from owactors.entity.ids import DocRevision
from owactors.entity.manifest import ExecManifest, ImageName, RuntimeManifest
from owactors.message.ack import CombinedCompletionAndResultMessage, CompletionMessage, ResultMessage
from owactors.message.activation import ActivationMessage
from owactors.message.container import ProxySettings, Run, SendAck, StoreActivation
from owactors.message.feed import FeedStopped, Handle, Processed, StopFeed
from owactors.message.health import PingMessage
from owactors.message.pool import Drain, Drained, GetPoolStatus, PoolStatus
from owactors.message.store import NoDocument, StoreRecords
from tests.actor.harness import Bench, named
from tests.actor.pooling import INSTANCE
from tests.core.pool_bench import KIND, action, run_of

MANIFEST = ExecManifest({KIND: RuntimeManifest(KIND, ImageName("image"))}, {})
POOL, FEED = "ContainerPool-0", "MessageFeed-1"


class Topic:
    max_peek = 4


class InvokerBench(Bench):
    """An invoker that got its setup; acknowledgements go to "controller"."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(Invoker)
        about = InvokerSetup(
            INSTANCE,
            PoolSettings(1024),
            ProxySettings(INSTANCE),
            MANIFEST,
            store=named("store"),
            controller=named("controller"),
            **settings,
        )
        self.give(about, "node")

    def fetched(self, what: Any = None) -> None:
        """The store has the action."""
        self.work("fetch_action").complete(what or action(revision=DocRevision("1-a")))

    @property
    def runs(self) -> list[Run]:
        return self.messages(Run)

    @property
    def acks(self) -> list[Any]:
        return self.sent_to("controller")

    def records(self) -> list[dict[str, Any]]:
        """What was handed to the store, once its batch is due."""
        if self.actor.has_timer("store records"):
            self.fire("store records")
        return [orjson.loads(entry.record) for batch in self.messages(StoreRecords) for entry in batch.entries]

    def ended(self, msg: ActivationMessage, blocking: bool = False) -> None:
        """The proxy's last acknowledgement of an activation."""
        ack = CompletionMessage(msg.transid, msg.activation_id, False, INSTANCE)
        self.give(SendAck(ack, msg.root_controller_index, blocking, msg.user), "proxy")


def message(**fields: Any) -> ActivationMessage:
    return evolve(run_of().msg, **{"revision": DocRevision("1-a"), **fields})


def test_the_pool_gets_what_it_needs_and_reports_here() -> None:
    bench = InvokerBench(factory="a factory")
    [setup] = bench.sent_to(POOL)
    assert isinstance(setup, PoolSetup)
    assert (setup.acks, setup.store, setup.feed) == (named("self"), named("self"), None)
    assert setup.factory == "a factory"


def test_a_message_becomes_a_run_and_the_next_needs_no_fetch() -> None:
    bench = InvokerBench()
    first, second = message(), message()
    bench.give(first)
    assert bench.runs == []
    bench.fetched()
    bench.give(second)
    assert [run.msg for run in bench.runs] == [first, second]
    assert bench.runs[0].action is bench.runs[1].action


@pytest.mark.scenario("IN-07")
def test_a_missing_action_ends_with_one_ack_and_one_record() -> None:
    bench = InvokerBench(consumer=Topic())
    msg = message(blocking=True)
    bench.give(Handle(orjson.dumps(msg.to_json())), FEED)
    bench.work("fetch_action").fail(NoDocument("guest/hello"))
    [ack] = bench.acks
    assert isinstance(ack, CombinedCompletionAndResultMessage)
    assert ack.response.response == ActivationResponse.application_error(ACTION_REMOVED)
    [record] = bench.records()
    assert record["response"]["result"] == {"error": ACTION_REMOVED}
    assert {"key": "kind", "value": "unknown"} in record["annotations"]
    assert [m for m in bench.sent_to(FEED) if isinstance(m, Processed)] == [Processed(1)]


@pytest.mark.scenario("IN-06")
@pytest.mark.scenario("IN-04")
def test_a_blacklisted_namespace_gets_a_shrunk_ack_and_no_record() -> None:
    bench = InvokerBench()
    bench.work("blocked_namespaces").complete(frozenset({"guest"}))
    msg = message(blocking=True)
    bench.give(msg)
    [ack] = bench.acks
    assert ack.response == msg.activation_id
    assert not ack.is_system_error
    assert bench.runs == []
    assert bench.records() == []
    assert NAMESPACES_BLACKLISTED


def test_a_blacklist_that_cannot_be_read_stays_as_it_was() -> None:
    bench = InvokerBench(blacklist_interval=60.0)
    bench.work("blocked_namespaces").complete(frozenset({"bad"}))
    assert bench.timers[BLACKLIST] == 60.0
    bench.fire(BLACKLIST)
    bench.work("blocked_namespaces").fail(ConnectionError("away"))
    bench.give(evolve(run_of(namespace="bad").msg, revision=DocRevision("1-a")))
    assert len(bench.acks) == 1


@pytest.mark.scenario("IN-05")
def test_unreadable_bytes_return_their_credit_and_end_if_the_caller_is_known() -> None:
    bench = InvokerBench(consumer=Topic())
    bench.give(Handle(b"nonsense"), FEED)
    assert bench.acks == []
    spoiled = {**message(blocking=True).to_json(), "content": 5}
    bench.give(Handle(orjson.dumps(spoiled)), FEED)
    [ack] = bench.acks
    assert "content" in ack.response.response.result["error"]
    assert [m for m in bench.sent_to(FEED) if isinstance(m, Processed)] == [Processed(1), Processed(1)]


@pytest.mark.scenario("IN-11")
def test_an_ack_for_a_call_nobody_waits_for_carries_only_the_id() -> None:
    bench = InvokerBench()
    msg = message()
    record = bench_record(msg)
    ack = CombinedCompletionAndResultMessage.of(msg.transid, record, INSTANCE)
    bench.give(SendAck(ack, msg.root_controller_index, False, msg.user), "proxy")
    bench.give(SendAck(ack, msg.root_controller_index, True, msg.user), "proxy")
    assert [sent.response for sent in bench.acks] == [msg.activation_id, record]


def bench_record(msg: ActivationMessage, response: ActivationResponse | None = None) -> Any:
    from owactors.core.invoker.fallback import fallback_activation

    return fallback_activation(msg, response or ActivationResponse.success({}), 5)


def test_acks_go_to_the_controller_they_are_for() -> None:
    bench = InvokerBench(acks={"0": named("zero")})
    msg = message()
    ack = ResultMessage(msg.transid, msg.activation_id)
    bench.give(SendAck(ack, msg.root_controller_index, False, msg.user), "proxy")
    assert bench.sent_to("zero") == [ack]
    assert bench.acks == []


def test_records_are_kept_as_the_policy_says() -> None:
    bench = InvokerBench(policy=StorePolicy(non_blocking=StoreLevel.FAILURES))
    good, bad = message(), message()
    for msg, response in ((good, ActivationResponse.success({})), (bad, ActivationResponse.whisk_error("why"))):
        bench.give(StoreActivation(msg.transid, bench_record(msg, response), msg.user, False), "proxy")
    assert [record["activationId"] for record in bench.records()] == [bad.activation_id]
    [batch] = bench.messages(StoreRecords)
    assert batch.dismissed == (("guest", good.activation_id),)


def test_messages_before_the_setup_wait() -> None:
    bench = Bench(Invoker)
    bench.give(message())
    assert bench.sent == []
    assert bench.works == []


def test_with_a_consumer_the_feed_polls_for_as_many_as_fit() -> None:
    bench = InvokerBench(consumer=Topic())
    [setup] = [m for m in bench.sent_to(FEED) if isinstance(m, FeedSetup)]
    assert (setup.settings.capacity, setup.settings.max_peek) == (8, 4)
    assert bench.sent_to(POOL)[0].feed == named("self")
    bench.give(Processed(2), POOL)
    assert bench.sent_to(FEED)[-1] == Processed(2)


def test_pings_say_that_the_invoker_lives_and_when_it_stops() -> None:
    bench = InvokerBench(health=named("health"))
    bench.fire(PING)
    bench.give(Drain(), "node")
    bench.fire(PING)
    assert bench.sent_to("health") == [PingMessage(INSTANCE), PingMessage(INSTANCE), PingMessage(INSTANCE, False)]


def test_when_the_pool_dies_what_was_under_way_ends_and_a_new_pool_takes_over() -> None:
    bench = InvokerBench()
    done, lost, fetching = message(), message(), message(revision=DocRevision("2-b"))
    bench.give(done)
    bench.fetched()
    bench.ended(done)
    bench.give(lost)
    bench.give(fetching)
    bench.sent.clear()
    bench.child_exited(bench.created[0])
    assert [ack.activation_id for ack in bench.acks] == [lost.activation_id]
    assert bench.records()[0]["response"]["result"] == {"error": POOL_ENDED}
    bench.fetched(action(revision=DocRevision("2-b")))
    assert [run.msg for run in bench.runs] == [fetching]
    assert bench.sent_to("ContainerPool-1")[0].acks == named("self")


def test_an_exiting_invoker_does_not_make_a_new_pool() -> None:
    bench = InvokerBench()
    bench.exit()
    bench.child_exited(bench.created[0])
    assert len(bench.created) == 1


def test_draining_waits_for_fetches_then_the_pool_then_the_store() -> None:
    bench = InvokerBench()
    msg = message()
    bench.give(msg)
    bench.give(Drain(), "node")
    late = message()
    bench.give(late)
    assert [ack.activation_id for ack in bench.acks] == [late.activation_id]
    assert INVOKER_STOPS in bench.records()[0]["response"]["result"]["error"]
    assert Drain() not in bench.sent_to(POOL)
    bench.fetched()
    assert bench.sent_to(POOL)[-1] == Drain()
    bench.ended(msg)
    bench.give(Drained(), POOL)
    assert bench.sent_to("node") == []
    bench.work("flush").complete()
    assert bench.sent_to("node") == [Drained()]


def test_draining_a_fed_invoker_stops_the_feed_first() -> None:
    bench = InvokerBench(consumer=Topic())
    bench.give(Drain(), "node")
    assert bench.sent_to(FEED)[-1] == StopFeed()
    assert Drain() not in bench.sent_to(POOL)
    bench.give(FeedStopped(), FEED)
    assert bench.sent_to(POOL)[-1] == Drain()


def test_a_pool_that_dies_while_draining_does_not_hold_the_node_up() -> None:
    bench = InvokerBench()
    bench.give(Drain(), "node")
    bench.child_exited(bench.created[0])
    bench.work("flush").fail(ConnectionError("store away"))
    assert bench.sent_to("node") == [Drained()]
    assert len(bench.created) == 1


def test_the_status_of_the_pool_goes_to_whoever_asked() -> None:
    bench = InvokerBench()
    status = PoolStatus(*range(12))
    bench.give(GetPoolStatus(), "node")
    bench.give(status, POOL)
    assert bench.sent_to("node") == [status]


def test_an_action_that_is_no_code_is_fetched_with_its_attachment() -> None:
    from owactors.actor.actionfetch import fetch_action

    class Store:
        async def get(self, doc_id: str) -> dict[str, Any]:
            document = action().to_document()
            pointer = {"attachmentName": "couch:code", "attachmentType": "text/plain"}
            return {**document, "exec": {**document["exec"], "code": pointer}}

        async def attachment(self, doc_id: str, name: str) -> tuple[str, bytes]:
            assert (doc_id, name) == ("guest/hello", "code")
            return "text/plain", b"the code"

    import asyncio

    found = asyncio.run(fetch_action(Store(), MANIFEST, "guest/hello"))
    assert isinstance(found.exec, CodeExec)
    assert found.exec.code == "the code"
