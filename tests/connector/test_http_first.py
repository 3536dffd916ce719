"""HTTP first: when a send goes which way, and what comes back when."""

from __future__ import annotations

import asyncio
import socket
import time

import orjson
import pytest

from owactors.connector.http.connection import Connection
from owactors.connector.http.provider import HttpFirstMessaging
from owactors.connector.http.settings import HttpTimes
from owactors.connector.port import DIRECT, BrokerUnavailable
from owactors.core.requestseal import RequestSeal
from owactors.message.invoke import was_sent_before
from tests.connector.httppair import ANSWERS, OWN, TIMES, Pair, message, play, some, until
from tests.connector.httpworld import Served


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
