"""The supervision of invokers and the membership of controllers as actors."""

from __future__ import annotations

import json
from collections.abc import Iterator

import orjson
import pytest

from owactors.actor.cacheinvalidation import CacheInvalidation, InvalidationSetup
from owactors.actor.clustermembership import ClusterMembership, MembershipSetup
from owactors.actor.invokersupervision import Supervision, SupervisionSetup
from owactors.actor.messagefeed import FeedSetup
from owactors.actor.messaging import MESSAGING
from owactors.connector.memory.provider import MemoryMessaging
from owactors.connector.port import BrokerUnavailable, NoSuchTopic
from owactors.connector.topics import Topics
from owactors.entity.instance import ControllerInstanceId, InvokerInstanceId
from owactors.entity.size import ByteSize
from owactors.message.cache import CacheInvalidationMessage, CacheKey
from owactors.message.feed import Handle
from owactors.message.health import PingMessage
from owactors.message.loadbalancer import InvokerGone
from owactors.message.member import (
    BusTick,
    ChangesSaid,
    ClusterSize,
    ControllerHeartbeat,
    ControllersKnown,
    DocumentChanged,
    DocumentsDoubted,
    HearsOthers,
    Leave,
)
from owactors.message.supervision import CacheInvalid, InvocationReport, InvokerStates
from owactors.message.topic import Write
from tests.actor.harness import Bench, named
from tests.message.recordings import recorded

ZERO, ONE = ControllerInstanceId("0"), ControllerInstanceId("1")
SHARED = ("settings", Topics(), ZERO)


@pytest.fixture(autouse=True)
def messaging() -> Iterator[None]:
    MESSAGING.build = lambda settings: MemoryMessaging()
    yield
    MESSAGING.build = None
    MESSAGING._made.clear()


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(Supervision)
    made.give(SupervisionSetup(named("balancer"), named("controller"), *SHARED), "controller")
    yield made
    made.exit()


def ping(bench: Bench, number: int = 0, *, enabled: bool = True, name: str | None = None) -> None:
    instance = InvokerInstanceId(number, ByteSize.mb(1024), unique_name=name)
    bench.give(Handle(orjson.dumps(PingMessage(instance, enabled).to_json())), "feed")


def under_test(bench: Bench) -> list[str]:
    """Topics of the test actions that are being sent."""
    return [work.arguments["topic"] for work in bench.works]


def states(bench: Bench) -> list[str]:
    told = [each for each in bench.sent_to("controller") if isinstance(each, InvokerStates)]
    assert told == [each for each in bench.sent_to("balancer") if isinstance(each, InvokerStates)]
    return [state for _, state in told[-1].states]


@pytest.mark.scenario("L14")
def test_the_first_ping_of_invoker_two_shows_three_and_tests_it(bench: Bench) -> None:
    ping(bench, 2)
    assert states(bench) == ["down", "down", "unhealthy"]
    assert under_test(bench) == ["invoker2"]


def test_the_test_is_the_message_that_openwhisk_sends(bench: Bench) -> None:
    ping(bench)
    theirs = next(m.value for m in recorded("invoker") if m.value["transid"][0] == "sid_invokerHealth")
    mine = json.loads(bench.works[0].arguments["payload"])
    own = ("transid", "activationId", "user")
    assert {k: v for k, v in mine.items() if k not in own} == {k: v for k, v in theirs.items() if k not in own}
    assert list(mine) == list(theirs)
    assert mine["transid"][0] == "sid_invokerHealth"
    uuid = mine["user"]["namespace"]["uuid"]
    assert mine["user"]["authkey"]["api_key"].startswith(f"{uuid}:")
    assert {**mine["user"], "authkey": 0, "namespace": 0} == {**theirs["user"], "authkey": 0, "namespace": 0}


def test_every_test_of_a_life_has_the_same_transaction(bench: Bench) -> None:
    ping(bench, 0)
    ping(bench, 1)
    first, second = (json.loads(work.arguments["payload"]) for work in bench.works)
    assert first["transid"] == second["transid"]
    assert first["activationId"] != second["activationId"]


def test_a_test_that_cannot_be_sent_is_tried_again_soon(bench: Bench) -> None:
    ping(bench)
    bench.works[0].fail(NoSuchTopic("not yet"))
    bench.fire("test 0")
    assert under_test(bench) == ["invoker0"]
    bench.give(InvocationReport(0, "success"), "balancer")
    bench.works[0].fail(BrokerUnavailable("away"))
    bench.fire("test 0")
    assert under_test(bench) == []


@pytest.mark.scenario("L15")
def test_a_good_test_makes_it_usable_and_four_errors_do_not(bench: Bench) -> None:
    ping(bench)
    bench.give(InvocationReport(0, "success"), "balancer")
    assert states(bench) == ["up"]
    for _ in range(4):
        bench.give(InvocationReport(0, "systemError"), "balancer")
    assert states(bench) == ["unhealthy"]


@pytest.mark.scenario("L16")
def test_ten_seconds_of_silence_end_what_runs_there(bench: Bench) -> None:
    ping(bench)
    bench.give(InvocationReport(0, "success"), "balancer")
    bench.give(BusTick(9.0), "membership")
    assert states(bench) == ["up"]
    bench.give(BusTick(10.0), "membership")
    assert states(bench) == ["down"]
    [gone] = [each for each in bench.sent_to("balancer") if isinstance(each, InvokerGone)]
    assert gone.instance == 0
    assert "10 s" in gone.reason
    ping(bench)
    assert states(bench) == ["unhealthy"]


def test_an_invoker_that_wants_no_work_keeps_what_it_has(bench: Bench) -> None:
    ping(bench)
    bench.give(InvocationReport(0, "success"), "balancer")
    ping(bench, enabled=False)
    assert states(bench) == ["down"]
    assert not [each for each in bench.sent_to("balancer") if isinstance(each, InvokerGone)]


def test_while_the_broker_is_away_nobody_dies(bench: Bench) -> None:
    """The ticks come with heartbeats that came back: there are none."""
    ping(bench)
    bench.give(InvocationReport(0, "success"), "balancer")
    assert bench.timers == {}
    assert states(bench) == ["up"]


@pytest.mark.scenario("L17")
def test_a_restarted_invoker_may_have_another_name(bench: Bench) -> None:
    ping(bench, name="old")
    ping(bench, name="new")
    [(instance, state)] = bench.messages(InvokerStates)[-1].states
    assert (str(instance), state) == ("invoker0/new", "unhealthy")


# -- the other controllers


@pytest.fixture
def member() -> Bench:
    made = Bench(ClusterMembership)
    listeners = (named("balancer"), named("controller"))
    about = MembershipSetup(listeners, named("supervision"), named("writer"), *SHARED, named("cache"), "life")
    made.give(about, "controller")
    return made


def beat(bench: Bench, controller: ControllerInstanceId, leaving: bool = False) -> None:
    bench.give(Handle(orjson.dumps(ControllerHeartbeat(controller, leaving).to_json())), "feed")


def test_it_says_each_second_that_it_is_there_until_it_leaves(member: Bench) -> None:
    member.fire("beat")
    said = [ControllerHeartbeat.from_json(each.value) for each in member.sent_to("writer") if isinstance(each, Write)]
    assert said == [ControllerHeartbeat(ZERO, said=ChangesSaid("life"))] * 2
    assert member.timers == {"beat": 1.0}
    member.give(Leave(), "controller")
    assert member.sent_to("writer")[-1].value["leaving"] is True
    assert member.timers == {}


def test_the_bus_has_time_while_its_own_heartbeats_come_back(member: Bench) -> None:
    beat(member, ZERO)
    beat(member, ZERO)
    beat(member, ONE)
    assert [type(each) for each in member.sent_to("supervision")] == [BusTick, BusTick]


def test_balancer_and_controller_hear_how_many_there_are(member: Bench) -> None:
    beat(member, ONE)
    beat(member, ONE)
    beat(member, ONE, leaving=True)
    sizes = [ClusterSize(2, ("0", "1")), ClusterSize(1, ("0",))]
    assert (member.sent_to("balancer"), member.sent_to("controller")) == (sizes, sizes)


def said(bench: Bench) -> list[ChangesSaid]:
    values = [each.value for each in bench.sent_to("writer") if isinstance(each, Write)]
    return [ControllerHeartbeat.from_json(value).said for value in values]


def test_heartbeats_name_the_documents_that_were_changed_also_while_it_leaves(member: Bench) -> None:
    member.give(DocumentChanged("guest/x"), "controller")
    member.fire("beat")
    member.give(Leave(), "controller")
    member.give(DocumentChanged("guest/y"), "controller")
    assert said(member) == [
        ChangesSaid("life"),
        *[ChangesSaid("life", 1, ("guest/x",))] * 2,
        ChangesSaid("life", 2, ("guest/x", "guest/y")),
    ]


def test_what_got_lost_of_another_ones_changes_is_doubted(member: Bench) -> None:
    """Nothing of it was heard on the topic of changes: its heartbeats say it."""
    other = Bench(ClusterMembership)
    other.give(MembershipSetup((), named("s"), named("writer"), "settings", Topics(), ONE, named("cache"), "a"), "one")
    for doc_id in ("guest/x", "guest/y", "guest/y"):
        other.give(DocumentChanged(doc_id), "one")
        other.fire("beat")
        member.give(Handle(orjson.dumps(other.sent_to("writer")[-1].value)), "feed")
    doubts = [DocumentsDoubted(), DocumentsDoubted(("guest/y",)), DocumentsDoubted(("guest/y",))]
    assert member.sent_to("cache") == doubts


def test_it_is_sure_once_it_hears_itself_and_all_that_the_store_knows(member: Bench) -> None:
    member.give(ControllersKnown(frozenset({"0", "1"})), "controller")
    beat(member, ZERO)
    assert member.sent_to("cache") == []
    beat(member, ONE)
    assert member.sent_to("cache") == [DocumentsDoubted(), HearsOthers(True)]


@pytest.mark.scenario("L18")
def test_what_another_controller_changed_is_told_and_its_own_is_not() -> None:
    bench = Bench(CacheInvalidation)
    bench.give(InvalidationSetup(named("controller"), *SHARED), "controller")
    [setup] = bench.messages(FeedSetup)
    assert setup.consumer._consumer.group == "cacheInvalidationcontroller0"
    for controller in ("controller0", "controller1"):
        message = CacheInvalidationMessage(CacheKey("guest/hello"), controller)
        bench.give(Handle(orjson.dumps(message.to_json())), "feed")
    assert bench.sent_to("controller") == [CacheInvalid("guest/hello")]
