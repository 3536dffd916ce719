"""Lines of running activations from an invoker to the client of a controller elsewhere, message by message."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from owactors.actor.addresstable import AddressTable
from owactors.actor.bus import BusSettings
from owactors.actor.busmessaging import BusMessaging
from owactors.actor.containerproxy import ContainerProxy
from owactors.actor.followedcontainers import FollowedContainers
from owactors.actor.followedproxies import FollowedProxies
from owactors.actor.invokerlines import InvokerLines, InvokerLinesSetup
from owactors.actor.io import IoActor
from owactors.actor.linesender import REST, LineSender, LineSenderSetup
from owactors.actor.livelogs import LiveLogs
from owactors.actor.messaging import MESSAGING
from owactors.actor.recordfollowers import RecordFollowers
from owactors.actor.recordpolling import RecordPolling
from owactors.connector.memory.provider import MemoryMessaging
from owactors.connector.port import BrokerUnavailable, MessageTooLarge, Record
from owactors.connector.topics import Topics
from owactors.container.livelogs import LIVE, Subject
from owactors.entity.instance import ControllerInstanceId
from owactors.message.host import HostIdentity, Wanted
from owactors.message.livelogs import FollowLogs, PrintedLine, PrintedLines, RemoteFollower, UnfollowLogs
from owactors.store.clusterhosts import DOCUMENT, follows_of, take_place, want, wanted_of
from owactors.store.memory.store import MemoryStore
from tests.actor.harness import Bench, Work, named
from tests.contract.store.stores import activation_id, record

TOPICS, ZERO = Topics("p"), ControllerInstanceId("0")
FOLLOWER = RemoteFollower("0", "life", 7)


BENCHES: list[Bench] = []


def bench_of(cls: type[IoActor]) -> Bench:
    """It exits at the end of the test."""
    BENCHES.append(Bench(cls))
    return BENCHES[-1]


def lines(*texts: str, of: str = "1") -> tuple[PrintedLine, ...]:
    return tuple(PrintedLine(of * 32, "a", f"2026-07-29T08:00:00.371204518Z stdout: {text}") for text in texts)


def texts(found: tuple[PrintedLine, ...]) -> list[str]:
    return [line.text[31:] for line in found]


@pytest.fixture(autouse=True)
def messaging() -> Iterator[MemoryMessaging]:
    made = MemoryMessaging()
    MESSAGING.build = lambda settings: made
    yield made
    while BENCHES:
        BENCHES.pop().exit()
    MESSAGING.build = None
    MESSAGING._made.clear()


# -- in the invoker


class Followed(FollowedContainers):
    _pool = named("pool")


def test_containers_here_are_heard_here_and_the_pool_asks_others() -> None:
    bench = bench_of(Followed)
    bench.give(FollowLogs(1, "guest"), "controller")
    [child] = bench.created
    assert child.cls is LiveLogs
    wanted = FollowLogs(1, "guest", None, named("controller"), os.getpid())
    assert bench.sent_to(child.address) == [wanted] == bench.sent_to("pool")
    bench.take()
    bench.actor.follow_in(named("new pool"))
    assert bench.sent_to("new pool") == [wanted]
    bench.give(UnfollowLogs(1), "controller")
    assert bench.sent_to("pool") == [UnfollowLogs(1)]
    bench.take()
    bench.actor.follow_in(named("newer pool"))
    assert bench.sent_to("newer pool") == []


class Proxies(FollowedProxies):
    def __init__(self) -> None:
        super().__init__()
        self._proxies = AddressTable()
        self._proxies.add(1, named("first"))


def test_proxies_are_asked_also_those_that_come_later() -> None:
    bench = bench_of(Proxies)
    bench.actor.follow_new(named("first"))
    assert bench.sent == []
    wanted = FollowLogs(1, "guest", None, named("to"), 5)
    bench.give(wanted, "invoker")
    bench.actor.follow_new(named("second"))
    assert bench.sent_to("first") == [wanted] == bench.sent_to("second")
    bench.give(UnfollowLogs(1), "invoker")
    bench.give(UnfollowLogs(1), "invoker")
    assert bench.sent_to("first")[1:] == [UnfollowLogs(1)]
    bench.actor.follow_new(named("third"))
    assert bench.sent_to("third") == []


@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_proxy_in_another_process_tells_its_lines(elsewhere: bool) -> None:
    bench = bench_of(ContainerProxy)
    bench.give(FollowLogs(1, "guest", None, named("to"), os.getpid() + elsewhere), "pool")
    assert len(LIVE.followers) == elsewhere
    if elsewhere:
        LIVE.printed(Subject("1" * 32, "guest", "a"), "one")
        bench.works[-1].run()
        bench.give_own()
        assert bench.sent_to("to") == [PrintedLines(1, (PrintedLine("1" * 32, "a", "one"),))]
    bench.give(UnfollowLogs(1), "pool")
    assert not LIVE.followers


def sender() -> Bench:
    bench = bench_of(LineSender)
    bench.give(LineSenderSetup("settings", TOPICS), "invoker")
    bench.give(FollowLogs(FOLLOWER, "guest"), "invoker")
    return bench


def payload(work: Work) -> tuple[str, list[str]]:
    """Topic and lines of what is being sent."""
    value = json.loads(work.arguments["payload"])
    return work.arguments["topic"], texts(PrintedLines.from_json(value, "0").lines)


def test_one_message_is_under_way_and_lines_gather_behind_it() -> None:
    bench = sender()
    for text in ("one", "two", "three"):
        bench.give(PrintedLines(FOLLOWER, lines(text)), "live")
    [first] = bench.works
    assert payload(first) == ("plogLines0", ["stdout: one"])
    first.complete()
    bench.give_own()
    [second] = bench.works
    assert payload(second) == ("plogLines0", ["stdout: two", "stdout: three"])
    second.complete()
    bench.give_own()
    assert bench.works == []


@pytest.mark.parametrize("cause", [BrokerUnavailable("away"), MessageTooLarge("large")])
def test_what_did_not_get_onto_the_topic_is_counted(cause: Exception) -> None:
    bench = sender()
    bench.give(PrintedLines(FOLLOWER, lines("one", "two")), "live")
    bench.works[0].fail(cause)
    bench.give_own()
    bench.give(PrintedLines(FOLLOWER, lines("three")), "live")
    assert bench.works == []
    assert bench.timers == {str(FOLLOWER): REST}
    bench.fire(str(FOLLOWER))
    bench.give_own()
    assert payload(bench.works[0])[1] == ["stderr: 3 lines are left out here, the record has all."]


def test_who_left_is_sent_nothing() -> None:
    bench = sender()
    bench.give(PrintedLines(FOLLOWER, lines("one")), "live")
    bench.give(UnfollowLogs(FOLLOWER), "invoker")
    bench.give(PrintedLines(FOLLOWER, lines("two")), "live")
    bench.works[0].complete()
    bench.give_own()
    bench.give(PrintedLines(RemoteFollower("0", "other", 1), lines("three")), "live")
    assert bench.works == []


# -- in the controller


class Reader:
    """A bench of InvokerLines over a store in memory; works run when they are told to."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.bench = bench_of(InvokerLines)
        about = InvokerLinesSetup(named("controller"), self.store.entities, "settings", TOPICS, ZERO)
        self.bench.give(about, "controller")

    def run(self, name: str) -> None:
        self.bench.work(name).run()
        self.bench.give_own()

    @property
    def written(self) -> Any:
        return follows_of(asyncio.run(self.store.entities.get(DOCUMENT)))

    def followed(self) -> None:
        """Somebody follows, and that is said."""
        self.bench.give(FollowLogs(7, "guest", "a"), "controller")
        self.run("_opened")
        self.run("follow_lines")

    def came(self, value: PrintedLines | bytes) -> list[Any]:
        """What the controller hears of this message."""
        self.bench.take()
        payload = value if isinstance(value, bytes) else json.dumps(value.to_json()).encode()
        self.bench.work("_peek").complete([Record("plogLines0", 0, 0, 0, payload)])
        self.bench.give_own()
        return self.bench.sent_to("controller")


def test_the_wish_is_said_once_the_topic_is_read_and_taken_back() -> None:
    reader = Reader()
    reader.bench.give(FollowLogs(7, "guest", "a"), "controller")
    assert [work.name for work in reader.bench.works] == ["InvokerLines._opened"]
    reader.run("_opened")
    reader.run("follow_lines")
    follows = reader.written["0"]
    assert [(wish.number, wish.namespace, wish.action) for wish in follows.wishes] == [(7, "guest", "a")]
    assert "renew" in reader.bench.timers
    reader.bench.fire("renew")
    reader.bench.give_own()
    reader.run("follow_lines")
    assert (reader.written["0"].life, reader.written["0"].beat) == (follows.life, follows.beat + 1)
    reader.bench.give(UnfollowLogs(7), "controller")
    reader.run("follow_lines")
    assert reader.written == {}
    assert set(reader.bench.timers) == {"linger"}
    reader.bench.fire("linger")
    reader.bench.give_own()
    assert [work.name for work in reader.bench.works] == ["MemoryConsumer.close"]
    reader.followed()
    assert set(reader.written) == {"0"}


def test_lines_go_to_the_controller_unless_their_client_has_left_or_is_of_a_former_life() -> None:
    reader = Reader()
    reader.followed()
    life = reader.written["0"].life
    mine = lines("one")
    assert reader.came(PrintedLines(RemoteFollower("0", life, 7), mine)) == [PrintedLines(7, mine)]
    assert reader.came(PrintedLines(RemoteFollower("0", life, 8), mine)) == []
    assert reader.came(PrintedLines(RemoteFollower("0", "former", 7), mine)) == []
    assert reader.came(b"junk") == []
    assert reader.bench.work("_peek")


def test_a_store_or_a_topic_that_is_away_is_tried_again() -> None:
    reader = Reader()
    reader.bench.give(FollowLogs(7, "guest"), "controller")
    reader.bench.work("_opened").fail(BrokerUnavailable("away"))
    reader.bench.give_own()
    reader.bench.fire("read")
    reader.bench.give_own()
    reader.run("_opened")
    reader.bench.work("follow_lines").fail(BrokerUnavailable("away"))
    reader.bench.give_own()
    reader.bench.fire("renew")
    reader.bench.give_own()
    reader.run("follow_lines")
    assert set(reader.written) == {"0"}
    reader.bench.work("_peek").fail(BrokerUnavailable("away"))
    reader.bench.give_own()
    assert "read" in reader.bench.timers


def test_wishes_that_change_while_they_are_written_are_written_again() -> None:
    reader = Reader()
    reader.bench.give(FollowLogs(7, "guest"), "controller")
    reader.run("_opened")
    reader.bench.give(FollowLogs(8, "guest"), "controller")
    reader.bench.give(UnfollowLogs(7), "controller")
    reader.run("follow_lines")
    reader.run("follow_lines")
    assert [wish.number for wish in reader.written["0"].wishes] == [8]


def test_what_the_hosts_agree_on_besides_stays() -> None:
    reader = Reader()
    asyncio.run(want(reader.store.entities, "b", Wanted.DRAINED))
    asyncio.run(take_place(reader.store.entities, "invoker0", HostIdentity("b", "n", "x")))
    reader.followed()
    document = asyncio.run(reader.store.entities.get(DOCUMENT))
    assert wanted_of(document, "b") is Wanted.DRAINED
    assert set(document["holders"]) == {"invoker0"}
    assert follows_of({"follows": {"0": "junk"}}) == {}


def test_lines_go_to_the_hub_of_their_controller_only() -> None:
    bus = BusMessaging(BusSettings(TOPICS))
    bus.learn({"0": "hub 0", "1": "hub 1"})
    assert bus.of_topic("plogLines1") == {"1": "hub 1"}
    with pytest.raises(BrokerUnavailable):
        bus.of_topic("plogLines2")


# -- records in a store that others write


def test_records_are_found_that_began_while_somebody_follows_and_those_whose_lines_came() -> None:
    async def story() -> None:
        store, followers = MemoryStore(), RecordFollowers()
        polling = RecordPolling(store.activations, followers, lambda: 5000)
        await store.activations.store(record(1, start=4000))
        follower = followers.follow("guest", None, lines=True)
        polling.begin()
        followers.printed(PrintedLines(1, (PrintedLine(activation_id(2), "greet", "begun"),)))
        assert isinstance(await follower.next(), tuple)
        await polling.look()
        for number, start in ((2, 4500), (3, 6000), (4, 7000)):
            await store.activations.store(record(number, start=start))
        await store.activations.store(record(5, namespace="alice", start=6000))
        await polling.look()
        await polling.look()
        followers.close()
        seen = []
        while isinstance(found := await follower.next(), dict):
            seen.append(int(found["activationId"], 16))
        assert seen == [3, 4, 2]
        assert followers.running == {}

    asyncio.run(story())


def test_more_records_than_one_list_has_are_all_found() -> None:
    async def story() -> None:
        store, followers = MemoryStore(), RecordFollowers()
        follower = followers.follow("guest", None)
        polling = RecordPolling(store.activations, followers, lambda: 0)
        for number in range(450):
            await store.activations.store(record(number, start=number))
        await polling.look()
        followers.close()
        seen = []
        while isinstance(found := await follower.next(), dict):
            seen.append(int(found["activationId"], 16))
        assert seen == list(range(450))

    asyncio.run(story())


def test_nobody_is_looked_for_when_nobody_follows() -> None:
    async def story() -> None:
        followers = RecordFollowers()
        polling = RecordPolling(MemoryStore().activations, followers, lambda: 0)
        follower = followers.follow("guest", None)
        polling.begin()
        follower.close()
        async with asyncio.timeout(20):
            assert polling._task is not None
            await polling._task
        assert polling._since == {}

    asyncio.run(story())


def test_a_slow_client_is_told_what_it_missed() -> None:
    async def story() -> None:
        followers = RecordFollowers()
        follower = followers.follow("guest", None, lines=True)
        for number in range(10_003):
            followers.printed(PrintedLines(1, lines(str(number))))
        found: list[str] = []
        while len(found) <= 10_000:
            came = await follower.next()
            assert isinstance(came, tuple)
            found += texts(came)
        assert found[-1] == "stderr: 3 lines are left out here, the record has all."

    asyncio.run(story())
