"""Cutting the stream of a container's output into what it said."""

from __future__ import annotations

import asyncio

import pytest

from owactors.container.docker.attach import AttachProtocol
from owactors.container.log_collector import STDERR, STDOUT

HEAD = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\n\r\n"
PODMANS = b"Error: read unixpacket @->/proc/self/fd/12/attach: read: connection reset by peer\n"
OLDER = b"Error: read unixpacket @->/run/libpod/socket/0a1b/attach: recvmsg: connection reset by peer\n"


def frame(stream: int, data: bytes) -> bytes:
    """As the engine sends it."""
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


def heard(*data: bytes) -> list[tuple[int, bytes]]:
    """What comes out if this comes in and the connection ends."""

    async def act() -> list[tuple[int, bytes]]:
        found: list[tuple[int, bytes]] = []
        protocol = AttachProtocol(
            b"", lambda stream, data: found.append((stream, data)), lambda: found.append((0, b""))
        )
        for part in data:
            protocol.data_received(part)
        protocol.connection_lost(None)
        return found

    return asyncio.run(act())


def test_frames_however_they_are_cut() -> None:
    """Both streams, in order, then the end."""
    whole = HEAD + frame(1, b"one\n") + frame(2, b"two\n")
    wanted = [(STDOUT, b"one\n"), (STDERR, b"two\n"), (0, b"")]
    assert heard(whole) == wanted
    assert heard(*(bytes([byte]) for byte in whole)) == wanted


@pytest.mark.parametrize("own", [PODMANS, OLDER])
def test_what_podman_says_of_its_own_connection_is_no_output(own: bytes) -> None:
    """As the last it is left out; before something else a container has said it."""
    assert heard(HEAD, frame(1, b"begun\n"), frame(2, own)) == [(STDOUT, b"begun\n"), (0, b"")]
    assert heard(HEAD, frame(2, own), frame(1, b"on\n")) == [(STDERR, own), (STDOUT, b"on\n"), (0, b"")]
    assert heard(HEAD, frame(1, own)) == [(STDOUT, own), (0, b"")]
    assert heard(HEAD, frame(2, b"begun\n" + own)) == [(STDERR, b"begun\n" + own), (0, b"")]
