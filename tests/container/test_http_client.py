"""The HTTP client against servers that behave in every way a container can."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from owactors.container.ending import Autopsy
from owactors.container.http import ContainerClient, TcpAddress, UnixAddress
from owactors.container.http_container import HttpContainer
from owactors.core.reply import ConnectionFailed, ContainerReply, NoResponseReceived, Outcome, RunTimeout

LIMITS = {"limit": 1000, "truncation": 1000}
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter


class Server:
    """A server on a unix socket that answers with what `script` yields per request; counts connections."""

    def __init__(self, path: Path, answer: Callable[[bytes, Writer], Awaitable[None]]) -> None:
        self.path = os.path.relpath(path)
        self.answer = answer
        self.connections = 0
        self.requests: list[bytes] = []
        self.arrived = asyncio.Event()

    async def __aenter__(self) -> Server:
        self.server = await asyncio.start_unix_server(self._serve, self.path)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()

    async def _serve(self, reader: Reader, writer: Writer) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                self.requests.append(head + body)
                self.arrived.set()
                await self.answer(body, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


def always(*parts: bytes, close: bool = False) -> Callable[[bytes, Writer], Awaitable[None]]:
    """Answer with these pieces, one at a time, and perhaps close."""

    async def answer(body: bytes, writer: Writer) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        if close:
            writer.close()

    return answer


def play(folder: Path, answer: Any, act: Callable[[ContainerClient, Server], Awaitable[Any]]) -> Any:
    """Run `act` with a client of such a server."""

    async def run() -> Any:
        async with Server(folder / "s", answer) as server:
            client = ContainerClient(UnixAddress(server.path))
            try:
                return await act(client, server)
            finally:
                client.close()

    return asyncio.run(run())


def once(folder: Path, answer: Any, timeout: float = 10, **limits: int) -> Outcome:
    """The outcome of one request."""
    return play(folder, answer, lambda client, _: client.post("/run", b"{}", timeout, **{**LIMITS, **limits}))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose sockets have short paths."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.scenario("HC-05")
@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("body", [b"null", b"", b"text", b'{"a":1}', b"[1]"])
def test_bodies_are_unchanged(folder: Path, status: int, body: bytes) -> None:
    """Whatever they are."""
    answer = always(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
    assert once(folder, answer) == ContainerReply(status, body, len(body), 1000)


@pytest.mark.scenario("HC-06")
def test_truncation(folder: Path) -> None:
    """The length is that of the whole."""
    assert once(folder, always(OK), limit=1, truncation=1) == ContainerReply(200, b"{", 2, 1)


def test_truncation_limit_above_the_length(folder: Path) -> None:
    """Upstream fails here; we keep what there is."""
    assert once(folder, always(OK), limit=1, truncation=50) == ContainerReply(200, b"{}", 2, 1)


def test_chunked(folder: Path) -> None:
    """Accepted, unlike upstream."""
    parts = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b'3\r\n{"a\r\n', b'4\r\n":1}\r\n', b"0\r\n\r\n")
    assert once(folder, always(*parts)) == ContainerReply(200, b'{"a":1}', 7, 1000)


def test_split_anywhere(folder: Path) -> None:
    """Byte by byte."""
    assert once(folder, always(*[bytes([byte]) for byte in OK])) == ContainerReply(200, b"{}", 2, 1000)


def test_end_of_connection_as_end_of_body(folder: Path) -> None:
    """HTTP/1.0 style."""
    assert once(folder, always(b"HTTP/1.0 200 OK\r\n\r\n{}", close=True)) == ContainerReply(200, b"{}", 2, 1000)


@pytest.mark.scenario("HC-02")
def test_no_content(folder: Path) -> None:
    """204 is no answer."""
    assert isinstance(once(folder, always(b"HTTP/1.1 204 No Content\r\n\r\n")), NoResponseReceived)


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (b"HTTP/1.1 200 OK\r\n",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{",),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{",),
        (b"this is not HTTP\r\n\r\n",),
    ],
)
def test_broken_answers(folder: Path, parts: tuple[bytes, ...]) -> None:
    """No answer, and never a second try."""

    async def act(client: ContainerClient, server: Server) -> None:
        assert isinstance(await client.post("/run", b"{}", 10, **LIMITS), NoResponseReceived)
        assert len(server.requests) == 1

    play(folder, always(*parts, close=True), act)


class Unasked(HttpContainer):
    """Nobody may ask it why there is no answer."""

    async def autopsy(self) -> Autopsy:
        raise AssertionError("asked")


def test_a_timeout_is_known_without_asking_the_engine(folder: Path) -> None:
    """OpenWhisk asks for twelve seconds whether memory ran out, and acknowledges then."""

    async def answer(body: bytes, writer: Writer) -> None:
        await asyncio.sleep(5)

    async def act(client: ContainerClient, server: Server) -> None:
        container = Unasked("c1", UnixAddress(server.path))
        assert (await container.run({}, 0.1)).outcome == RunTimeout(0.1)
        container.client.close()

    play(folder, answer, act)


@pytest.mark.scenario("HC-01")
def test_server_that_hangs(folder: Path) -> None:
    """A timeout, and its connection is not used again."""

    async def answer(body: bytes, writer: Writer) -> None:
        if body == b"hang":
            await asyncio.sleep(5)
        writer.write(OK)

    async def act(client: ContainerClient, server: Server) -> None:
        assert await client.post("/run", b"hang", 0.1, **LIMITS) == RunTimeout(0.1)
        assert isinstance(await client.post("/run", b"{}", 10, **LIMITS), ContainerReply)
        assert server.connections == 2

    play(folder, answer, act)


@pytest.mark.scenario("HC-03")
def test_nothing_listens(folder: Path) -> None:
    """Without retry a failed connection; with retry a timeout after all of the time."""

    async def act() -> None:
        client = ContainerClient(UnixAddress("nothing"))
        assert isinstance(await client.post("/run", b"{}", 5, **LIMITS), ConnectionFailed)
        begun = asyncio.get_running_loop().time()
        assert await client.post("/init", b"{}", 0.2, **LIMITS, retry=True) == RunTimeout(0.2)
        assert asyncio.get_running_loop().time() - begun >= 0.19

    asyncio.run(act())


@pytest.mark.scenario("HC-04")
def test_server_that_comes_later(folder: Path) -> None:
    """With retry the request is made once it listens."""

    async def act() -> None:
        client = ContainerClient(UnixAddress("s"))
        post = asyncio.ensure_future(client.post("/init", b"{}", 10, **LIMITS, retry=True))
        await asyncio.sleep(0.05)
        async with Server(folder / "s", always(OK)):
            assert isinstance(await post, ContainerReply)
            client.close()

    asyncio.run(act())


def test_connections_are_kept(folder: Path) -> None:
    """One after the other needs one, three at once need three."""

    async def act(client: ContainerClient, server: Server) -> None:
        for _ in range(5):
            await client.post("/run", b"{}", 10, **LIMITS)
        assert server.connections == 1
        await asyncio.gather(*(client.post("/run", b"{}", 10, **LIMITS) for _ in range(3)))
        assert server.connections == 3

    play(folder, always(OK), act)


def test_closed_keep_alive_connection_is_noticed(folder: Path) -> None:
    """Also when the loop has had no time to see its end."""
    rounds = 3

    def serve(listener: socket.socket) -> None:
        for _ in range(rounds):
            peer, _ = listener.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(OK)

    async def act() -> None:
        client = ContainerClient(UnixAddress("s"))
        for _ in range(rounds):
            assert isinstance(await client.post("/run", b"{}", 10, **LIMITS), ContainerReply)
            time.sleep(0.05)
        client.close()

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
        listener.listen(rounds)
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        asyncio.run(act())
        thread.join()


@pytest.mark.parametrize("seen", [True, False])
def test_nothing_is_left_of_a_connection_that_the_container_closed_first(seen: bool) -> None:
    """A container that has ended is not kept for the minute in which stragglers would be waited for."""

    async def act(port: int, peer: Callable[[], socket.socket]) -> None:
        client = ContainerClient(TcpAddress("127.0.0.1", port))
        answer = asyncio.ensure_future(client.post("/run", b"{}", 10, **LIMITS))
        end = await asyncio.to_thread(peer)
        assert isinstance(await answer, ContainerReply)
        end.shutdown(socket.SHUT_WR)
        if seen:
            while client._idle[0].usable:
                await asyncio.sleep(0)
        client.close()
        with end, pytest.raises(ConnectionResetError):
            await asyncio.to_thread(end.recv, 1)

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def peer() -> socket.socket:
            end, _ = listener.accept()
            end.settimeout(30)
            end.recv(65536)
            end.sendall(OK)
            return end

        asyncio.run(act(listener.getsockname()[1], peer))


@pytest.mark.parametrize("more", [OK, b"H", b"noise"])
def test_more_than_one_answer_spoils_a_connection(folder: Path, more: bytes) -> None:
    """What came too much is not taken for the next answer."""

    async def act(client: ContainerClient, server: Server) -> None:
        for number in range(1, 3):
            reply = await client.post("/run", b"{}", 10, **LIMITS)
            assert isinstance(reply, ContainerReply)
            assert reply.body == b"{}"
            assert server.connections == number

    play(folder, always(OK + more), act)


def test_connection_close_header(folder: Path) -> None:
    """Obeyed."""

    async def act(client: ContainerClient, server: Server) -> None:
        for _ in range(2):
            assert isinstance(await client.post("/run", b"{}", 10, **LIMITS), ContainerReply)
        assert server.connections == 2

    play(folder, always(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"), act)


def test_close_ends_requests_in_flight(folder: Path) -> None:
    """Nobody waits for ever."""

    async def answer(body: bytes, writer: Writer) -> None:
        await asyncio.sleep(5)

    async def act(client: ContainerClient, server: Server) -> None:
        post = asyncio.ensure_future(client.post("/run", b"{}", 10, **LIMITS))
        await server.arrived.wait()
        client.close()
        assert isinstance(await post, NoResponseReceived)

    play(folder, answer, act)


def test_cancelled_request_spoils_its_connection(folder: Path) -> None:
    """A late answer must not become the answer of somebody else."""

    async def answer(body: bytes, writer: Writer) -> None:
        if body == b"slow":
            await asyncio.sleep(0.1)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" + body)

    async def act(client: ContainerClient, server: Server) -> None:
        post = asyncio.ensure_future(client.post("/run", b"slow", 10, **LIMITS))
        await asyncio.sleep(0.02)
        post.cancel()
        await asyncio.gather(post, return_exceptions=True)
        outcome = await client.post("/run", b"fast", 10, **LIMITS)
        assert isinstance(outcome, ContainerReply)
        assert outcome.body == b"fast"

    play(folder, answer, act)


def test_ping(folder: Path) -> None:
    """A connection can be made, or not."""

    async def act(client: ContainerClient, server: Server) -> None:
        assert await client.ping()
        assert not await ContainerClient(UnixAddress("nothing")).ping()
        assert not await ContainerClient(TcpAddress("127.0.0.1", 1)).ping()

    play(folder, always(OK), act)


def test_request_on_the_wire(folder: Path) -> None:
    """Path, headers and body."""

    async def act(client: ContainerClient, server: Server) -> None:
        await client.post("/init", b'{"value":1}', 10, **LIMITS)
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        assert lines[0] == b"POST /init HTTP/1.1"
        assert b"Content-Type: application/json" in lines
        assert b"Accept: application/json" in lines
        assert body == b'{"value":1}'

    play(folder, always(OK), act)
