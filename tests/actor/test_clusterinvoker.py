"""The invoker of a cluster on the bench: what goes to which topic, what outlives it, how it ends."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from attrs import evolve

from owactors.actor import journalinginvoker, switchedinvoker
from owactors.actor.beginnings import BEGINNINGS
from owactors.actor.clusterinvoker import STOPPED, ClusterInvoker
from owactors.actor.clustersetup import ClusterInvokerSetup, ClusterSettings
from owactors.actor.factories import FACTORIES
from owactors.actor.journalinginvoker import LOST, STRANDED, STRANDED_SECONDS
from owactors.actor.messagefeed import FeedSetup
from owactors.actor.messaging import MESSAGING
from owactors.actor.store import OpenStore, StoreNotOpened, StoreOpened
from owactors.actor.switchedinvoker import QUIET_SECONDS, _Wished
from owactors.connector.memory.provider import MemoryMessaging
from owactors.connector.topics import Topics
from owactors.container.port import StartReport
from owactors.core.containerpool.settings import PoolSettings
from owactors.entity.ids import DocRevision
from owactors.entity.instance import ControllerInstanceId
from owactors.entity.transaction import TransactionId
from owactors.message.ack import CombinedCompletionAndResultMessage, CompletionMessage, ResultMessage
from owactors.message.activation import ActivationMessage
from owactors.message.container import ProxySettings, Run, SendAck, StoreActivation
from owactors.message.feed import FeedStopped, Handle, Processed, StopFeed
from owactors.message.host import HostIdentity, Wanted
from owactors.message.node import InvokerReady, RoleFailed, RoleReplaced, RoleStopped, StopRole
from owactors.message.pool import Drain, Drained
from owactors.message.store import NoDocument, StoreRecords
from owactors.message.topic import Write, Written
from owactors.observe.metrics import Metrics
from owactors.observe.tokens import unreadable_message
from owactors.store.intakejournal import IntakeJournal
from tests.actor.harness import Bench
from tests.actor.pooling import INSTANCE
from tests.actor.test_invoker import MANIFEST, bench_record
from tests.core.pool_bench import action, run_of
from tests.message.defects import defects
from tests.message.recordings import recorded

STORE, WRITER, POOL, FEED = "StoreActor-0", "TopicWriter-1", "ContainerPool-2", "MessageFeed-3"


class Factory:
    resizes = True

    async def sweep(self) -> list[str]:
        return []


class ClusterBench(Bench):
    """A cluster's invoker that is up."""

    def __init__(self, folder: Path, **cluster: Any) -> None:
        super().__init__(ClusterInvoker)
        self.journal = folder / "taken.journal"
        setup = ClusterInvokerSetup(
            instance=INSTANCE,
            pool=PoolSettings(1024),
            proxies=ProxySettings(INSTANCE),
            manifest=MANIFEST,
            store=None,
            factory_settings="factory",
            cluster=ClusterSettings(messaging="broker", topics=Topics("dev-", "usr-"), **cluster),
            open_store=OpenStore("memory", ""),
            host="127.0.0.1",
            port=0,
            journal=str(self.journal),
        )
        self.give(setup, "supervisor")
        self.work("_topics").run()

    def up(self) -> ClusterBench:
        self.give(StoreOpened(), STORE)
        self.work("get").complete(Factory())
        self.work("look_up").complete(_Wished(Wanted.ENABLED, None))
        return self

    def writes(self, topic: str) -> list[Any]:
        """What was to get onto a topic."""
        return [each.value for each in self.sent_to(WRITER) if isinstance(each, Write) and each.topic == topic]

    def arrives(self, msg: ActivationMessage) -> None:
        self.give(Handle(orjson.dumps(msg.to_json())), FEED)

    def records(self) -> list[dict[str, Any]]:
        if self.actor.has_timer("store records"):
            self.fire("store records")
        return [orjson.loads(entry.record) for batch in self.messages(StoreRecords) for entry in batch.entries]

    def left(self) -> list[str]:
        """What the next process would find."""
        copy = self.journal.with_suffix(".copy")
        shutil.copy(self.journal, copy)
        return list(IntakeJournal.open(copy).unfinished)


@pytest.fixture(autouse=True)
def messaging() -> Iterator[None]:
    MESSAGING.build = lambda settings: MemoryMessaging()
    FACTORIES.reports["factory"] = StartReport("memory", ())
    yield
    MESSAGING.build = None
    MESSAGING._made.clear()
    del FACTORIES.reports["factory"]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ClusterBench]:
    made = ClusterBench(tmp_path).up()
    yield made
    made.exit()


def message(**fields: Any) -> ActivationMessage:
    transid = TransactionId.fresh(int(time.time() * 1000))
    return evolve(run_of().msg, **{"revision": DocRevision("1-a"), "transid": transid, **fields})


def ack_of(msg: ActivationMessage) -> CombinedCompletionAndResultMessage:
    ack: CombinedCompletionAndResultMessage = CombinedCompletionAndResultMessage.of(
        msg.transid, bench_record(msg), INSTANCE
    )
    return ack


def test_it_takes_work_once_topic_store_and_containers_are_there(bench: ClusterBench) -> None:
    [setup] = bench.messages(FeedSetup)
    assert setup.consumer._consumer.topic == "dev-invoker0"
    assert setup.consumer._consumer._consumer._consumer.instance == "invoker0"
    assert (setup.settings.max_peek, setup.settings.pipeline_depth) == (2, 4)
    [ready] = bench.sent_to("supervisor")
    assert isinstance(ready, InvokerReady)
    assert ready.port > 0
    msg = message()
    bench.arrives(msg)
    bench.work("fetch_action").complete(action(revision=DocRevision("1-a")))
    assert [run.msg for run in bench.messages(Run)] == [msg]


def test_without_its_store_it_does_not_start(tmp_path: Path) -> None:
    bench = ClusterBench(tmp_path)
    bench.give(StoreNotOpened("CouchDB is away"), STORE)
    assert bench.sent_to("supervisor") == [RoleFailed("CouchDB is away")]


def test_acknowledgements_go_to_the_topic_of_the_controller_that_asked(bench: ClusterBench) -> None:
    msg = message(root_controller_index=ControllerInstanceId("7"))
    ack = ack_of(msg)
    bench.give(SendAck(ack, msg.root_controller_index, True, msg.user), "proxy")
    assert bench.writes("dev-completed7") == [ack.to_json()]
    [write] = [each for each in bench.sent_to(WRITER) if isinstance(each, Write) and each.token]
    assert (write.keep, write.smaller, write.token) == (True, ack.shrink().to_json(), msg.activation_id)


@pytest.mark.scenario("WIRE-07")
@pytest.mark.scenario("IN-11")
def test_nobody_waits_so_only_the_id_goes_out(bench: ClusterBench) -> None:
    msg = message()
    bench.give(SendAck(ack_of(msg), msg.root_controller_index, False, msg.user), "proxy")
    [sent] = bench.writes("dev-completed0")
    assert sent["response"] == msg.activation_id


@pytest.mark.scenario("IN-12")
def test_each_kind_of_acknowledgement_is_written_as_it_is_read(bench: ClusterBench) -> None:
    msg = message()
    record = bench_record(msg)
    acks = [
        ResultMessage(msg.transid, record),
        CompletionMessage(msg.transid, msg.activation_id, False, INSTANCE),
        ack_of(msg),
    ]
    for ack in acks:
        bench.give(SendAck(ack, msg.root_controller_index, True, msg.user), "proxy")
    assert bench.writes("dev-completed0") == [ack.to_json() for ack in acks]


def test_it_forgets_what_is_acknowledged_and_recorded(bench: ClusterBench) -> None:
    msg = message()
    bench.actor._journal.taken([msg.to_json()])
    bench.give(SendAck(ack_of(msg), msg.root_controller_index, False, msg.user), "proxy")
    bench.fire("settle")
    assert bench.left() == [msg.activation_id]
    bench.give(Written(msg.activation_id), WRITER)
    bench.fire("settle")
    assert bench.left() == [msg.activation_id]
    bench.work("flush").complete()
    assert bench.left() == []


def test_what_had_begun_in_a_dead_invoker_ends_with_the_cause(tmp_path: Path) -> None:
    lost = [message(blocking=True, content={"a": 1}), message()]
    leave(tmp_path, lost, claimed=True, begun=True)
    bench = ClusterBench(tmp_path).up()
    waiting, accepted = bench.writes("dev-completed0")
    assert waiting["response"]["response"]["result"] == {"error": LOST}
    assert (waiting["isSystemError"], accepted["response"]) == (True, lost[1].activation_id)
    assert [record["activationId"] for record in bench.records()] == [msg.activation_id for msg in lost]
    bench.exit()


def leave(folder: Path, messages: list[ActivationMessage], *, claimed: bool, begun: bool) -> None:
    """What a dead process left."""
    journal = IntakeJournal.open(folder / "taken.journal")
    journal.taken([msg.to_json() for msg in messages], claimed=claimed)
    for msg in messages if begun else []:
        journal.begun(msg.activation_id)
    journal.close()


def test_what_had_not_begun_in_a_dead_invoker_runs_unless_it_was_given_up(tmp_path: Path) -> None:
    given_up, waits = message(), message(content={"a": 1})
    leave(tmp_path, [given_up, waits], claimed=True, begun=False)
    bench = ClusterBench(tmp_path).up()
    first, second = (work for work in bench.works if work.name.endswith("record"))
    first.complete({"activationId": given_up.activation_id})
    second.fail(NoDocument("none"))
    bench.work("fetch_action").complete(action(revision=DocRevision("1-a")))
    assert [run.msg for run in bench.messages(Run)] == [waits]
    assert bench.left() == [waits.activation_id]
    assert bench.writes("dev-completed0") == []
    bench.exit()


def test_what_was_on_its_way_to_a_dead_invoker_comes_again_or_ends_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranded = message()
    leave(tmp_path, [stranded], claimed=False, begun=False)
    bench = ClusterBench(tmp_path).up()
    bench.fire("settle")
    assert bench.writes("dev-completed0") == []
    later = journalinginvoker.time.monotonic() + STRANDED_SECONDS
    monkeypatch.setattr(journalinginvoker.time, "monotonic", lambda: later)
    bench.fire("settle")
    bench.work("record").fail(NoDocument("none"))
    [answer] = bench.writes("dev-completed0")
    assert (answer["response"], bench.messages(Run)) == (stranded.activation_id, [])
    assert bench.records()[0]["response"]["result"] == {"error": STRANDED}
    bench.exit()


def test_that_a_call_begins_is_written_down_before_its_container_hears_of_it(bench: ClusterBench) -> None:
    msg = message()
    bench.actor._journal.taken([msg.to_json()], claimed=True)
    assert bench.actor._journal.unfinished[msg.activation_id].begun is False
    BEGINNINGS.note(msg.activation_id)
    assert bench.actor._journal.unfinished[msg.activation_id].begun is True


def test_at_most_once_the_commit_comes_before_the_run_and_nothing_outlives_the_process(tmp_path: Path) -> None:
    bench = ClusterBench(tmp_path, accepted_once=False).up()
    [setup] = bench.messages(FeedSetup)
    msg = message()

    async def read() -> tuple[list[bytes], int]:
        broker = MESSAGING.get("broker")
        await broker.producer().send("dev-invoker0", orjson.dumps(msg.to_json()))
        records = await setup.consumer.peek(timeout=10)
        await setup.consumer.commit()
        successor = broker.consumer("dev-invoker0", "dev-invoker0", instance="invoker0")
        return [record.payload for record in records], len(await successor.peek(timeout=0.1))

    [payload], left_on_the_topic = asyncio.run(read())
    bench.give(Handle(payload), FEED)
    bench.work("fetch_action").complete(action(revision=DocRevision("1-a")))
    assert [run.msg for run in bench.messages(Run)] == [msg]
    assert (left_on_the_topic, bench.journal.exists()) == (0, False)
    bench.exit()
    again = ClusterBench(tmp_path, accepted_once=False).up()
    assert (again.messages(Run), again.writes("dev-completed0"), again.records()) == ([], [], [])
    again.exit()


def test_an_old_message_that_has_a_record_is_not_run(bench: ClusterBench) -> None:
    old = message(transid=TransactionId.fresh(int(time.time() * 1000) - 20_000))
    bench.arrives(old)
    bench.work("record").complete({"activationId": old.activation_id})
    assert [each for each in bench.sent_to(FEED) if isinstance(each, Processed)] == [Processed(1)]
    assert (bench.messages(Run), bench.writes("dev-completed0")) == ([], [])
    bench.arrives(old)
    bench.work("record").fail(NoDocument("none"))
    bench.work("fetch_action").complete(action(revision=DocRevision("1-a")))
    assert len(bench.messages(Run)) == 1


@pytest.mark.scenario("IN-01")
def test_disabled_it_says_so_once_and_is_silent(bench: ClusterBench) -> None:
    bench.give_own()
    assert bench.actor.disable() == "invoker0 is now disabled."
    assert bench.actor.is_enabled() is False
    assert bench.actor.disable() == "invoker0 is already disabled."
    assert "ping" not in bench.timers
    assert bench.actor.enable() == "invoker0 is now enabled."
    assert bench.actor.enable() == "invoker0 is already enabled."
    bench.give_own()
    assert [ping["isEnabled"] for ping in bench.writes("dev-health")] == [True, True, False, False, True]
    assert "ping" in bench.timers


def test_events_are_sent_where_they_are_wanted(tmp_path: Path, bench: ClusterBench) -> None:
    msg = message()
    record = StoreActivation(msg.transid, bench_record(msg), msg.user, False)
    bench.give(record, "proxy")
    assert bench.writes("usr-events") == []
    wanted = ClusterBench(tmp_path / "other", user_events=True).up()
    wanted.give(record, "proxy")
    [event] = wanted.writes("usr-events")
    assert (event["source"], event["eventType"]) == ("invoker0", "Activation")
    assert event["body"]["activationId"] == msg.activation_id
    blocked = message()
    wanted.work("blocked_namespaces").complete(frozenset({blocked.user.namespace.name}))
    wanted.arrives(blocked)
    _, event = wanted.writes("usr-events")
    assert (event["body"]["activationId"], event["body"]["statusCode"]) == (blocked.activation_id, 1)
    wanted.exit()


def test_at_the_end_it_says_so_first_and_then_finishes_what_comes(bench: ClusterBench) -> None:
    bench.give(StopRole(20.0), "supervisor")
    assert [ping["isEnabled"] for ping in bench.writes("dev-health")][-1] is False
    assert StopFeed() not in bench.sent_to(FEED)
    bench.fire("last messages")
    assert bench.sent_to(FEED)[-1] == StopFeed()
    bench.give(FeedStopped(), FEED)
    assert bench.sent_to(POOL)[-1] == Drain()
    bench.give(Drained(), POOL)
    bench.work("flush").complete()
    bench.give_own()
    bench.work("_leave").complete()
    assert bench.sent_to("supervisor")[-1] == RoleStopped(0)


def test_what_does_not_finish_in_time_ends_with_the_cause(bench: ClusterBench) -> None:
    msg = message(blocking=True)
    bench.arrives(msg)
    bench.work("fetch_action").complete(action(revision=DocRevision("1-a")))
    bench.give(StopRole(20.0), "supervisor")
    bench.fire("last messages")
    bench.fire("stop")
    assert bench.writes("dev-completed0")[0]["response"]["response"]["result"] == {"error": STOPPED}
    assert bench.records()[0]["activationId"] == msg.activation_id
    bench.work("_leave").complete()
    assert isinstance(bench.sent_to("supervisor")[-1], RoleStopped)


@pytest.mark.scenario("WIRE-08")
@pytest.mark.scenario("IN-05")
def test_every_defective_message_of_the_recordings_is_answered(bench: ClusterBench) -> None:
    """OpenWhisk drops six of them, and their callers wait."""
    injected = [message.value for message in recorded("injected") if message.topic == "invoker"]
    assert len(injected) == 19
    for value in injected:
        bench.give(Handle(orjson.dumps(value)), FEED)
    for work in list(bench.works):
        if work.name.endswith("record"):
            work.fail(NoDocument("none"))
    for work in list(bench.works):
        if work.name.endswith("fetch_action"):
            work.fail(NoDocument("none"))
    answers = [ack.get("activationId") or ack["response"] for ack in bench.writes("dev-completed9")]
    answered = [each if isinstance(each, str) else each["activationId"] for each in answers]
    assert sorted(answered) == sorted(value["activationId"] for value in injected)
    credits = [each.count for each in bench.sent_to(FEED) if isinstance(each, Processed)]
    assert sum(credits) == len(injected)


@pytest.mark.scenario("WIRE-05")
def test_the_transaction_comes_back_as_it_came(bench: ClusterBench) -> None:
    """By it a controller knows its own test action again, the start time included."""
    tested = next(m.value for m in recorded("invoker") if m.value["transid"][0] == "sid_invokerHealth")
    chain = next(m.value for m in recorded("invoker") if len(m.value["transid"]) > 2)
    forms = [tested["transid"], chain["transid"], ["sid_invokerHealth", 5, True], ["x", 2**62, True, ["y", 1]]]
    for number, transid in enumerate(forms):
        value = {**tested, "transid": transid, "activationId": f"{number:032x}"}
        bench.give(Handle(orjson.dumps(value)), FEED)
    for name in ("record", "fetch_action"):
        for work in list(bench.works):
            if work.name.endswith(name):
                work.fail(NoDocument("none"))
    acks = {ack["response"]: ack["transid"] for ack in bench.writes("dev-completed0")}
    assert acks == {f"{number:032x}": transid for number, transid in enumerate(forms)}


@pytest.mark.parametrize("blocking", [True, False])
def test_whatever_is_wrong_with_a_message_it_is_answered_recorded_and_counted_as_far_as_it_can(
    bench: ClusterBench, blocking: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = Metrics()
    monkeypatch.setattr("owactors.actor.invoker.METRICS", metrics)
    good = message(blocking=blocking, content={"a": 1}, root_controller_index=ControllerInstanceId("9"))
    spoilt = list(defects(good.to_json()))
    for defect in spoilt:
        bench.give(Handle(defect.payload), FEED)
    for name in ("record", "fetch_action"):
        for work in list(bench.works):
            assert not work.name.endswith(name), "none of them is run"
    answers = {ack.get("activationId") or ack["response"] for ack in map(_bare, bench.writes("dev-completed9"))}
    assert answers == {defect.activation_id for defect in spoilt if defect.answered}
    assert all(ack["isSystemError"] for ack in bench.writes("dev-completed9"))
    records = {record["activationId"]: record for record in bench.records()}
    assert records.keys() == {defect.activation_id for defect in spoilt if defect.recorded}
    assert {record["namespace"] for record in records.values()} == {good.user.namespace.name}
    assert {record["response"]["statusCode"] for record in records.values()} == {3}
    token = unreadable_message("invoker0")
    counted = metrics.snapshot().counters[token.metric, token.tags]
    assert counted == len(spoilt) == sum(each.count for each in bench.sent_to(FEED) if isinstance(each, Processed))


def _bare(ack: dict[str, Any]) -> dict[str, Any]:
    """With only the id of a whole record."""
    response = ack.get("response")
    return {**ack, "response": response["activationId"]} if isinstance(response, dict) else ack


def test_a_drained_invoker_says_so_once_all_is_done(bench: ClusterBench, monkeypatch: pytest.MonkeyPatch) -> None:
    msg = message()
    bench.arrives(msg)
    bench.fire("look")
    bench.work("look_up").complete(_Wished(Wanted.DRAINED, None))
    assert bench.writes("dev-health")[-1]["isEnabled"] is False
    assert "ping" in bench.timers
    assert bench.actor._how() == ("draining", 1)
    bench.give(SendAck(ack_of(msg), msg.root_controller_index, False, msg.user), "proxy")
    assert bench.actor._how() == ("draining", 0)
    later = switchedinvoker.time.monotonic() + QUIET_SECONDS
    monkeypatch.setattr(switchedinvoker.time, "monotonic", lambda: later)
    assert bench.actor._how() == ("drained", 0)
    bench.fire("look")
    bench.work("look_up").complete(_Wished(None, None))
    assert bench.actor._how() == ("drained", 0)
    bench.fire("look")
    bench.work("look_up").complete(_Wished(Wanted.ENABLED, None))
    assert bench.actor._how() == ("enabled", 0)
    bench.give_own()
    assert bench.writes("dev-health")[-1]["isEnabled"] is True


def test_an_invoker_whose_number_another_host_has_is_silent_and_says_so(bench: ClusterBench) -> None:
    bench.give_own()
    pings = len(bench.writes("dev-health"))
    bench.fire("look")
    bench.work("look_up").complete(_Wished(Wanted.ENABLED, HostIdentity("thief", "folder", "life")))
    [replaced] = [each for each in bench.sent_to("supervisor") if isinstance(each, RoleReplaced)]
    assert "invoker0 was started on host thief, too" in replaced.reason
    assert bench.actor._how() == ("replaced", 0)
    bench.give(StopRole(20.0), "supervisor")
    bench.give_own()
    assert len(bench.writes("dev-health")) == pings
    assert "ping" not in bench.timers


def test_what_cannot_be_read_is_answered_by_the_next_process_if_the_first_one_did_not(tmp_path: Path) -> None:
    good = message(blocking=True)
    spoilt = [defect for defect in defects(good.to_json()) if defect.name in ("wrong content", "no user", "no action")]
    journal = IntakeJournal.open(tmp_path / "taken.journal")
    journal.taken([orjson.loads(defect.payload) for defect in spoilt], claimed=True)
    journal.close()
    bench = ClusterBench(tmp_path).up()
    answered = [_bare(ack)["response"] for ack in bench.writes("dev-completed0")]
    assert sorted(answered) == sorted(defect.activation_id for defect in spoilt)
    assert len(bench.records()) == 2
    bench.exit()


def test_a_transaction_that_cannot_be_read_begins_now(bench: ClusterBench) -> None:
    value = {**message().to_json(), "transid": {"id": 5}}
    bench.give(Handle(orjson.dumps(value)), FEED)
    bench.work("fetch_action").complete(action(revision=DocRevision("1-a")))
    [run] = bench.messages(Run)
    assert run.msg.transid.id == "sid_unknown"
    assert abs(run.msg.transid.start - time.time() * 1000) < 60_000
