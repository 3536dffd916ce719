"""The invoker's door, request by request."""

from __future__ import annotations

import asyncio
import time

import orjson
import pytest

from owactors.connector.port import FencedInstance
from owactors.core.requestseal import LONGEST_AGE, RequestSeal
from owactors.message.invoke import INVOKE, LINES, RECEIVED, was_sent_before
from tests.connector.httppair import OWN, Pair, message, play, some


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
