"""HTTP first: when a send goes which way, what comes back when, and that nothing is lost between the two."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from attrs import define, field

from owactors.actor.commitbehind import CommitBehind
from owactors.actor.frontdoor import FrontDoor
from owactors.connector.http.connection import Connection
from owactors.connector.http.provider import HttpFirstMessaging
from owactors.connector.http.settings import HttpTimes
from owactors.connector.memory.provider import MemoryMessaging
from owactors.connector.port import DIRECT, BrokerUnavailable, FencedInstance, Record
from owactors.connector.topics import TopicConfig
from owactors.core.requestseal import LONGEST_AGE, RequestSeal
from owactors.message.invoke import INVOKE, LINES, RECEIVED, was_sent_before
from owactors.message.topic import Write
from owactors.rest.invokeroute import InvokeRoute
from owactors.store.recentids import RecentIds
from tests.connector.httpworld import SEAL, Served

OWN, ANSWERS = "invoker0", "completed0"
CONFIG = TopicConfig(3_600_000)
TIMES = HttpTimes(connect=20, accept=20, patience=5, rest=0.2)


class Pair:
    """A controller and an invoker with the broker between them, and a server for the invoker's door."""

    def __init__(self, most: int = 10, **controller: Any) -> None:
        self.broker = MemoryMessaging()
        self.controller = HttpFirstMessaging(self.broker, SEAL, ANSWERS, **{"times": TIMES, **controller})
        self.invoker = HttpFirstMessaging(self.broker, SEAL)
        self.confirmed: list[str] = []
        self.door = FrontDoor(OWN, self.invoker, RecentIds(), most, self.confirmed.append)

    async def start(self) -> None:
        for messaging, topic in ((self.invoker, OWN), (self.controller, ANSWERS)):
            await messaging.ensure_topic(topic, CONFIG)
        self.server = Served(self._answer)
        self.controller.learn(OWN, "127.0.0.1", self.server.port)
        self.producer = self.controller.producer()
        self.work = self.invoker.consumer(OWN, OWN)
        self.acks = self.controller.consumer(ANSWERS, ANSWERS)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        await InvokeRoute(self.door, SEAL, 100_000)(scope, receive, send)

    async def send(self, activation_id: str) -> int:
        return (await self.producer.send(OWN, message(activation_id))).partition

    def acknowledge(self, activation_id: str, value: Any, *, last: bool = True) -> bool:
        write = Write(ANSWERS, value, "an acknowledgement", keep=True, token=activation_id)
        return self.door.acknowledge(activation_id, write, last=last)

    async def at_broker(self, topic: str) -> list[bytes]:
        """What is on the broker's own topic."""
        return [record.payload for record in self.broker.log(topic).records]


def message(activation_id: str) -> bytes:
    return orjson.dumps({"activationId": activation_id, "content": {"a": 1}})


@asynccontextmanager
async def playing(pair: Pair) -> AsyncIterator[Pair]:
    await pair.start()
    try:
        yield pair
    finally:
        await pair.server.close()
        await pair.controller.close()
        await pair.invoker.close()


def play(act: Callable[[Pair], Awaitable[None]], pair: Pair | None = None) -> None:
    async def whole() -> None:
        async with asyncio.timeout(60), playing(pair or Pair()) as ready:
            await act(ready)

    asyncio.run(whole())


async def some(consumer: Any) -> list[Record]:
    """The next records, committed."""
    while not (records := await consumer.peek(timeout=1.0)):
        pass
    await consumer.commit()
    return list(records)


async def until(holds: Callable[[], Any]) -> None:
    while not holds():
        await asyncio.sleep(0.01)


def test_it_is_accepted_early_and_answered_late_line_by_line() -> None:
    async def act(pair: Pair) -> None:
        assert await pair.send("a1") == DIRECT
        [record] = await some(pair.work)
        assert (record.payload, record.partition) == (message("a1"), DIRECT)
        assert pair.acknowledge("a1", {"response": "result"}, last=False)
        assert orjson.loads((await some(pair.acks))[0].payload) == {"response": "result"}
        assert pair.acknowledge("a1", {"activationId": "a1", "instance": {}})
        assert orjson.loads((await some(pair.acks))[0].payload) == {"activationId": "a1", "instance": {}}
        await until(lambda: pair.confirmed == ["a1"])
        assert pair.door.overdue(float("inf")) == []
        assert await pair.at_broker(OWN) == await pair.at_broker(ANSWERS) == []
        assert pair.controller.ways.counts == {"sent": 1}

    play(act)


def test_a_full_door_sends_the_rest_to_the_broker_and_both_are_read() -> None:
    async def act(pair: Pair) -> None:
        ways = [await pair.send(f"a{number}") for number in range(4)]
        assert ways == [DIRECT, DIRECT, 0, 0]
        read: list[bytes] = []
        while len(read) < 4:
            read += [record.payload for record in await some(pair.work)]
        assert sorted(read) == [message(f"a{number}") for number in range(4)]
        assert pair.controller.ways.counts == {"sent": 2, "full": 2}
        assert await pair.send("a4") == DIRECT

    play(act, Pair(most=2))


def test_who_cannot_be_reached_is_left_alone_for_a_while() -> None:
    async def act(pair: Pair) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            pair.controller.learn(OWN, "127.0.0.1", taken.getsockname()[1])
            assert [await pair.send("a1"), await pair.send("a2")] == [0, 0]
        assert pair.controller.ways.counts == {"unreachable": 1, "resting": 1}

    play(act, Pair(times=HttpTimes(rest=60)))


def test_a_stopping_invoker_takes_nothing_and_answers_by_the_topic() -> None:
    async def act(pair: Pair) -> None:
        assert await pair.send("a1") == DIRECT
        pair.acknowledge("a1", {"response": "early"}, last=False)
        assert [write.value for write in pair.door.close()] == [{"response": "early"}]
        assert not pair.acknowledge("a1", {"activationId": "a1"})
        assert await pair.send("a2") == 0

    play(act)


def test_what_is_there_already_is_not_taken_twice() -> None:
    async def act(pair: Pair) -> None:
        assert await pair.send("a1") == DIRECT
        assert await pair.send("a1") == DIRECT
        assert len(await some(pair.work)) == 1
        assert pair.invoker.waiting(OWN) == 0
        assert await pair.at_broker(OWN) == []

    play(act)


def test_an_answer_that_was_broken_off_comes_by_the_topic() -> None:
    async def act(pair: Pair) -> None:
        assert await pair.send("a1") == DIRECT
        await pair.controller.close()
        await until(lambda: not pair.acknowledge("a1", {"response": "lost?"}, last=False))
        assert not pair.acknowledge("a1", {"activationId": "a1"})
        assert {write.value["response"] for write in pair.door.overdue(0)} <= {"lost?"}

    play(act)


def test_an_invoker_that_takes_nothing_more_still_answers() -> None:
    async def act(pair: Pair) -> None:
        assert await pair.send("a1") == DIRECT
        pair.controller.unlearn(OWN)
        assert await pair.send("a2") == 0
        assert pair.acknowledge("a1", {"activationId": "a1"})
        assert orjson.loads((await some(pair.acks))[0].payload) == {"activationId": "a1"}

    play(act)


def test_acknowledgements_that_nobody_confirms_go_by_the_topic_once() -> None:
    async def act(pair: Pair) -> None:
        assert await pair.send("a1") == DIRECT
        pair.acknowledge("a1", {"response": "x", "instance": {}})
        await some(pair.acks)
        later = time.monotonic() + 60
        assert [write.token for write in pair.door.overdue(later)] == ["a1"]
        assert pair.door.overdue(later) == []
        assert pair.confirmed == []

    play(act, Pair(times=HttpTimes(confirm=3600)))


@pytest.mark.parametrize(("resends", "at_broker"), [(True, 1), (False, 0)])
def test_what_may_have_arrived_is_sent_again_only_where_copies_are_known(resends: bool, at_broker: int) -> None:
    async def act(pair: Pair) -> None:
        async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(mute, "127.0.0.1", 0)
        pair.controller.learn(OWN, "127.0.0.1", server.sockets[0].getsockname()[1])
        if resends:
            assert await pair.send("a1") == 0
        else:
            with pytest.raises(BrokerUnavailable, match="broke off"):
                await pair.send("a1")
        assert len(await pair.at_broker(OWN)) == at_broker
        assert pair.controller.ways.counts == {"unsure": 1}
        server.close()

    play(act, Pair(resends=resends))


@pytest.mark.parametrize(
    ("answer", "way"),
    [
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "unsure"),
        (b"HTTP/1.1 302 There\r\nContent-Length: 0\r\n\r\n", "unsure"),
        (b"SSH-2.0-no such server\r\n", "unsure"),
        (b"", "unsure"),
        (b"HTTP/1.1 400 What\r\nContent-Length: 0\r\n\r\n", "refused"),
        (b"HTTP/1.1 404 Who\r\nContent-Length: 0\r\n\r\n", "refused"),
        (b"HTTP/1.1 429 Enough\r\nContent-Length: 0\r\n\r\n", "full"),
        (b"HTTP/1.1 503 Stops\r\nContent-Length: 0\r\n\r\n", "full"),
    ],
)
def test_whatever_else_is_answered_it_goes_by_the_topic(answer: bytes, way: str) -> None:
    """Marked as a copy where the invoker may have it. No answer at all is one, too."""

    async def act(pair: Pair) -> None:
        async def says(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await reader.read()
            writer.close()

        async with await asyncio.start_server(says, "127.0.0.1", 0) as server:
            pair.controller.learn(OWN, "127.0.0.1", server.sockets[0].getsockname()[1])
            assert await pair.send("a1") == 0
            await pair.controller.close()
        assert pair.controller.ways.counts == {way: 1}
        [payload] = await pair.at_broker(OWN)
        assert was_sent_before(payload) == (way == "unsure")

    play(act, Pair(times=HttpTimes(connect=20, accept=20 if answer else 0.2)))


def test_while_all_connections_are_in_use_it_goes_by_the_topic() -> None:
    async def act(pair: Pair) -> None:
        assert [await pair.send("a1"), await pair.send("a2")] == [DIRECT, 0]
        pair.acknowledge("a1", {"activationId": "a1"})
        await some(pair.acks)
        await until(lambda: pair.confirmed == ["a1"] and not pair.controller._endpoints[OWN].busy)
        assert await pair.send("a3") == DIRECT
        assert pair.controller.ways.counts == {"sent": 2, "full": 1}

    play(act, Pair(times=HttpTimes(connect=20, accept=20, patience=0.05, connections=1)))


def test_an_invoker_that_was_started_again_gets_calls_over_http_again() -> None:
    """At the same address after a rest; at another one as soon as its heartbeat says so."""

    async def act(pair: Pair) -> None:
        assert await pair.send("a1") == DIRECT
        await pair.server.close()
        assert await pair.send("a2") == 0
        assert not pair.controller._endpoints[OWN].ready
        pair.server = Served(pair._answer)
        pair.controller.learn(OWN, "127.0.0.1", pair.server.port)
        assert await pair.send("a3") == DIRECT
        endpoint = pair.controller._endpoints[OWN]
        endpoint._rest(60, "it was away")
        assert await pair.send("a4") == 0
        endpoint.rests_until = time.monotonic()
        assert await pair.send("a5") == DIRECT

    play(act, Pair(times=HttpTimes(connect=20, accept=20, patience=5, rest=60)))


def test_after_one_that_broke_no_waiting_connection_is_trusted() -> None:
    """A host that was cut off: who connects anew knows that nothing has arrived there."""

    async def act(pair: Pair) -> None:
        server = await asyncio.start_server(lambda _, writer: waiting.append(writer), "127.0.0.1", 0)
        waiting: list[asyncio.StreamWriter] = []
        pair.controller.learn(OWN, "127.0.0.1", server.sockets[0].getsockname()[1])
        endpoint = pair.controller._endpoints[OWN]
        for connection in (await endpoint._open(), await endpoint._open()):
            assert isinstance(connection, Connection)
            connection.idle_since = asyncio.get_running_loop().time()
            endpoint._idle.append(connection)
        await until(lambda: len(waiting) == 2)
        sending = asyncio.create_task(pair.send("a1"))
        await until(lambda: len(endpoint._idle) == 1)
        server.close()
        for writer in waiting:
            writer.close()
        assert (await sending, endpoint._idle) == (0, [])
        await until(lambda: endpoint.ready)
        assert await pair.send("a2") == 0
        assert pair.controller.ways.counts == {"unsure": 1, "unreachable": 1}

    play(act)


def test_work_goes_on_while_the_broker_is_away() -> None:
    async def act(pair: Pair) -> None:
        async def away(*_: Any, **__: Any) -> Any:
            raise BrokerUnavailable("away")

        pair.work._base.peek = away  # type: ignore[attr-defined]
        for number in range(3):
            assert await pair.send(f"a{number}") == DIRECT
            assert len(await some(pair.work)) == 1

    play(act)


def test_what_came_itself_is_not_lost_with_a_commit_of_the_broker_that_fails() -> None:
    async def act(pair: Pair) -> None:
        base = pair.work._base  # type: ignore[attr-defined]
        commit = base.commit

        async def away(*_: Any) -> None:
            raise BrokerUnavailable("away")

        base.commit = away
        await pair.broker.producer().send(OWN, b"by the broker")
        assert await pair.send("a1") == DIRECT
        seen: list[bytes] = []
        while len(seen) < 2:
            seen += [record.payload for record in await pair.work.peek(timeout=1)]
        assert sorted(seen) == sorted([b"by the broker", message("a1")])
        with pytest.raises(BrokerUnavailable):
            await pair.work.commit()
        base.commit = commit
        assert [record.payload for record in await pair.work.peek(timeout=5)] == [message("a1")]
        await pair.work.commit()
        assert pair.invoker.waiting(OWN) == 0

    play(act)


def test_what_comes_by_the_topic_is_read_at_once_also_while_the_last_of_it_is_not_committed() -> None:
    """Acknowledgements may come twice: their reader commits now and then, and reads on meanwhile."""

    async def act(pair: Pair) -> None:
        reader = CommitBehind(pair.acks, every=3600)
        for number in range(4):
            await pair.broker.producer().send(ANSWERS, str(number).encode())
            assert [record.payload for record in await reader.peek(timeout=20)] == [str(number).encode()]
            await reader.commit()

    play(act)


def test_a_commit_of_what_was_just_read_waits_for_no_poll() -> None:
    """An invoker commits before it runs anything."""

    async def act(pair: Pair) -> None:
        await pair.broker.producer().send(OWN, message("a1"))
        assert [record.payload for record in await pair.work.peek(timeout=20)] == [message("a1")]
        assert pair.work._base_poll is None  # type: ignore[attr-defined]
        await pair.work.commit()

    play(act)


def test_a_commit_and_a_poll_that_is_under_way_are_in_nobody_s_way() -> None:
    async def act(pair: Pair) -> None:
        calls, sent = Calls(pair.acks), pair.broker.producer()
        await sent.send(ANSWERS, b"1")
        assert [record.payload for record in await pair.acks.peek(timeout=20)] == [b"1"]
        assert await pair.acks.peek(timeout=0.01) == []
        await sent.send(ANSWERS, b"2")
        await pair.acks.commit()
        assert calls.overlapping == 0
        assert [record.payload for record in await pair.acks.peek(timeout=20)] == [b"2"]
        calls.fails = True
        await sent.send(ANSWERS, b"3")
        with pytest.raises(BrokerUnavailable):
            await pair.acks.commit()
        assert calls.overlapping == 0

    play(act)


def test_what_a_failed_commit_brings_again_comes_once() -> None:
    async def act(pair: Pair) -> None:
        base = Rewinding()
        pair.acks._base = base  # type: ignore[attr-defined]
        base.has += [b"1"]
        seen = [record.payload for record in await pair.acks.peek(timeout=20)]
        base.has += [b"2"]
        seen += [record.payload for record in await pair.acks.peek(timeout=20)]
        pair.acks._base_poll = asyncio.create_task(base.peek())  # type: ignore[attr-defined]
        base.has += [b"3"]
        with pytest.raises(BrokerUnavailable):
            await pair.acks.commit()
        again: list[bytes] = []
        while len(again) < 3:
            again += [record.payload for record in await pair.acks.peek(timeout=20)]
        assert (seen, again) == ([b"1", b"2"], [b"1", b"2", b"3"])

    play(act)


@define(eq=False)
class Rewinding:
    """A broker's consumer whose commits fail: then everything comes again."""

    has: list[bytes] = field(factory=list)
    topic: str = ANSWERS
    max_peek: int = 8
    _next: int = 0

    async def peek(self, max_records: int | None = None, timeout: float = 0.5) -> list[Record]:
        await asyncio.sleep(0.001)
        first, self._next = self._next, len(self.has)
        return [Record(ANSWERS, 0, number, 0, self.has[number]) for number in range(first, self._next)]

    async def commit(self, upto: Record | None = None) -> None:
        self._next = 0
        raise BrokerUnavailable("away")

    async def close(self) -> None:
        pass


class Calls:
    """Counts calls of the broker's consumer below that overlap."""

    def __init__(self, consumer: Any) -> None:
        self.overlapping, self.fails, self._under_way = 0, False, 0
        base = consumer._base
        self._peek, self._commit = base.peek, base.commit
        base.peek, base.commit = self.peek, self.commit

    async def peek(self, *arguments: Any) -> Any:
        return await self._one(self._peek(*arguments))

    async def commit(self, *arguments: Any) -> None:
        await self._one(self._commit(*arguments))
        if self.fails:
            raise BrokerUnavailable("away")

    async def _one(self, call: Awaitable[Any]) -> Any:
        self.overlapping += bool(self._under_way)
        self._under_way += 1
        try:
            return await call
        finally:
            self._under_way -= 1


def test_of_what_nothing_comes_over_http_is_the_broker_s_alone() -> None:
    """Pings, heartbeats and the like."""

    async def act(pair: Pair) -> None:
        await pair.controller.ensure_topic("health", CONFIG)
        consumer = pair.controller.consumer("health", "health0")
        calls = Calls(consumer)
        for number in range(3):
            await pair.broker.producer().send("health", str(number).encode())
            assert [record.payload for record in await consumer.peek(timeout=20)] == [str(number).encode()]
        assert consumer._direct_poll is consumer._base_poll is None  # type: ignore[attr-defined]
        assert calls.overlapping == 0

    play(act)


def test_an_operator_hears_once_why_calls_do_not_go_over_http() -> None:
    async def act(pair: Pair) -> None:
        ways, port = pair.controller.ways, pair.server.port
        where = f"(127.0.0.1:{port})"
        assert await pair.send("a1") == DIRECT
        assert ways.news() == [f"calls to {OWN} go over HTTP"]
        assert await pair.send("a2") == 0
        [line] = ways.news()
        assert line == f"calls to {OWN} go by the topic and not over HTTP, all of the last 1: status 429 {where}"
        assert await pair.send("a3") == 0
        assert ways.news() == []
        pair.controller.unlearn(OWN)
        assert await pair.send("a4") == 0
        [line] = ways.news()
        assert line.endswith("no heartbeat of it says where it takes them")
        await some(pair.work)
        pair.controller.learn(OWN, "127.0.0.1", port)
        await until(lambda: pair.invoker.waiting(OWN) == 0)
        assert await pair.send("a5") == DIRECT
        assert ways.news() == [f"calls to {OWN} go over HTTP"]
        await pair.producer.send(ANSWERS, b"no call")
        assert ways.news() == []
        assert ways.counts == {"sent": 2, "full": 2, "unannounced": 1}

    play(act, Pair(most=1, calls="invoker"))


def test_while_an_invoker_rests_it_is_said_what_happened() -> None:
    async def act(pair: Pair) -> None:
        other = HttpFirstMessaging(pair.broker, RequestSeal(b"o" * 32), ANSWERS, times=TIMES)
        other.learn(OWN, "127.0.0.1", pair.server.port)
        producer = other.producer()
        for number in range(3):
            assert (await producer.send(OWN, message(f"a{number}"))).partition == 0
        [line] = other.ways.news()
        assert f"all of the last 3: status 401 (127.0.0.1:{pair.server.port})" in line
        assert other.ways.counts == {"refused": 1, "resting": 2}
        await other.close()

    play(act)


def test_what_is_committed_cannot_be_claimed_by_whoever_takes_the_place() -> None:
    async def act(pair: Pair) -> None:
        assert await pair.send("a1") == DIRECT
        assert len(await some(pair.work)) == 1
        await pair.broker.producer().send(OWN, b"by the broker")
        poll = pair.work._base_poll  # type: ignore[attr-defined]
        await until(lambda: poll is None or poll.done())
        assert [record.payload for record in await some(pair.work)] == [b"by the broker"]
        assert await pair.broker.consumer(OWN, OWN, instance="another").lag() == 0

    play(act)


# -- the bare wire


async def ask(pair: Pair, path: str, body: bytes, *headers: str) -> tuple[int, bytes]:
    """One request without the product's client."""
    reader, writer = await asyncio.open_connection("127.0.0.1", pair.server.port)
    lines = [f"POST {path} HTTP/1.1", "Host: x", "Connection: close", f"Content-Length: {len(body)}", *headers]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    status = int((await reader.readline()).split()[1])
    rest = await reader.read()
    writer.close()
    return status, rest


def sealed(body: bytes, *, topic: str = OWN, key: bytes = b"k" * 32, late: int = 0) -> str:
    return f"Authorization: {RequestSeal(key).made(topic, body, int(time.time() * 1000) - late)}"


@pytest.mark.parametrize(
    "header",
    [
        "X: no seal at all",
        "Authorization: Basic aW52b2tlci51c2VyOmludm9rZXIucGFzcw==",
        sealed(message("a1"), key=b"o" * 32),
        sealed(message("a1"), topic="invoker1"),
        sealed(message("a1"), late=LONGEST_AGE + 60_000),
        sealed(message("a2")),
    ],
)
def test_without_the_cluster_s_seal_nothing_is_taken(header: str) -> None:
    async def act(pair: Pair) -> None:
        for path in (INVOKE, RECEIVED):
            status, _ = await ask(pair, path, message("a1"), header)
            assert status == 401
        assert pair.invoker.waiting(OWN) == 0

    play(act)


def test_what_is_no_activation_message_is_refused() -> None:
    async def act(pair: Pair) -> None:
        broken = orjson.dumps({"activationId": "a\r\nX-Header: 1"})
        for body, expected in ((b"{", 400), (b"[]", 400), (b"{}", 400), (broken, 400), (b"x" * 100_001, 413)):
            status, _ = await ask(pair, INVOKE, body, sealed(body))
            assert status == expected

    play(act)


def test_one_document_for_who_does_not_ask_for_lines() -> None:
    """As DigitalOcean's invoker answers: status at once, one completion at the end."""

    async def act(pair: Pair) -> None:
        body = message("a1")
        asking = asyncio.create_task(ask(pair, INVOKE, body, sealed(body)))
        await some(pair.work)
        pair.acknowledge("a1", {"transid": ["t", 1], "response": {"result": 1}}, last=False)
        completion = {"transid": ["t", 1], "activationId": "a1", "isSystemError": False, "instance": {"instance": 0}}
        pair.acknowledge("a1", completion)
        status, rest = await asking
        chunks = rest.split(b"\r\n\r\n", 1)[1]
        assert status == 200
        assert orjson.loads(chunks.split(b"\r\n")[1]) == {
            "transid": ["t", 1],
            "response": {"result": 1},
            "isSystemError": False,
            "instance": {"instance": 0},
            "invoker": {"instance": 0},
        }
        assert LINES.encode() not in rest

    play(act)


def test_a_copy_of_what_may_have_arrived_says_so() -> None:
    async def act(pair: Pair) -> None:
        async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(mute, "127.0.0.1", 0) as server:
            pair.controller.learn(OWN, "127.0.0.1", server.sockets[0].getsockname()[1])
            await pair.send("a1")
            pair.controller.unlearn(OWN)
            await pair.send("a2")
        first, second = await pair.at_broker(OWN)
        assert (was_sent_before(first), was_sent_before(second)) == (True, False)
        assert orjson.loads(first) == {**orjson.loads(message("a1")), "sentBefore": True}
        assert not was_sent_before(orjson.dumps({"content": {"a": 1, "sentBefore": True}}))

    play(act)


def test_a_topic_of_which_nothing_can_come_here_is_the_broker_s_alone() -> None:
    """A controller reads the topic of an invoker that fell silent."""

    async def act(pair: Pair) -> None:
        await pair.broker.producer().send(OWN, message("a1"))
        consumer = pair.controller.consumer(OWN, OWN, instance="invoker0")
        assert await consumer.lag() == 1
        assert [record.payload for record in await some(consumer)] == [message("a1")]
        assert await consumer.lag() == 0
        with pytest.raises(FencedInstance):
            await pair.invoker.consumer(OWN, OWN, instance="invoker0").peek()
            await consumer.peek()

    play(act)
