"""100,000 mutated conversations: whatever is sent, only what the key's owner sealed is ever decoded."""

from __future__ import annotations

import io
import pickle
import random
from collections.abc import Callable

import pytest

from owactors.actorbase import unpickling
from owactors.actorbase.frames import LENGTH, SEAL_SIZE, BadFrame, FrameReader, Seal, pack
from owactors.actorbase.handshake import GREETING, PROOF, Answerer, Caller, HandshakeFailed
from owactors.actorbase.protocol import Hello, pack_letter

KEY = b"k" * 32
CALLER_NONCE, ANSWERER_NONCE = b"c" * 32, b"a" * 32
ROUNDS = 100_000

Mutation = Callable[[random.Random, bytearray], bytearray]


def flip(source: random.Random, data: bytearray) -> bytearray:
    data[source.randrange(len(data))] ^= 1 << source.randrange(8)
    return data


def cut(source: random.Random, data: bytearray) -> bytearray:
    return data[: source.randrange(len(data))]


def leave_out(source: random.Random, data: bytearray) -> bytearray:
    start = source.randrange(len(data))
    del data[start : start + source.randrange(1, 40)]
    return data


def repeat(source: random.Random, data: bytearray) -> bytearray:
    start = source.randrange(len(data))
    end = start + source.randrange(1, 120)
    return data[:end] + data[start:]


def insert(source: random.Random, data: bytearray) -> bytearray:
    start = source.randrange(len(data))
    return data[:start] + source.randbytes(source.randrange(1, 40)) + data[start:]


def lengthen(source: random.Random, data: bytearray) -> bytearray:
    start = source.randrange(max(1, len(data) - 4))
    data[start : start + 4] = LENGTH.pack(source.choice([2**32 - 1, 2**31, 64 << 20, 0, 1]))
    return data


MUTATIONS: list[Mutation] = [flip, cut, leave_out, repeat, insert, lengthen]


def conversation() -> tuple[bytes, list[bytes]]:
    """All bytes of a genuine caller, and the bodies of its frames."""
    caller, answerer = Caller(KEY, CALLER_NONCE), Answerer(KEY, ANSWERER_NONCE)
    greeting = caller.greeting()
    proof = caller.receive(answerer.receive(greeting))
    seal = Seal(caller.call_key())
    bodies = [bytes([number]) * size for number, size in enumerate([40, 3, 90, 0, 17])]
    frames = [pack(body) for body in bodies]
    return greeting + proof + b"".join(frame + seal.seal(frame) for frame in frames), bodies


def listen(data: bytes) -> list[bytes]:
    """What an answerer decodes of these bytes before it closes the connection."""
    answerer = Answerer(KEY, ANSWERER_NONCE)
    heard: list[bytes] = []
    try:
        answerer.receive(data[: GREETING + PROOF])
        answerer.receive(data[GREETING + PROOF :])
        if answerer.done:
            reader = FrameReader(Seal(answerer.call_key()))
            rest = answerer.rest()
            for at in range(0, len(rest), 100):
                heard += reader.feed(rest[at : at + 100])
    except (HandshakeFailed, BadFrame):
        pass
    return heard


def test_a_genuine_conversation_is_heard() -> None:
    data, bodies = conversation()
    assert listen(data) == bodies


def test_of_mutated_conversations_only_a_genuine_beginning_is_heard() -> None:
    data, bodies = conversation()
    source = random.Random(1)
    for _ in range(ROUNDS):
        mutated = bytes(source.choice(MUTATIONS)(source, bytearray(data)))
        heard = listen(mutated)
        assert heard == bodies[: len(heard)]
        if heard:
            heard_bytes = GREETING + PROOF + sum(LENGTH.size + len(body) + SEAL_SIZE for body in heard)
            assert mutated[:heard_bytes] == data[:heard_bytes]


def test_random_bytes_are_never_a_conversation() -> None:
    source = random.Random(2)
    for _ in range(2_000):
        assert listen(source.randbytes(source.randrange(1, 400))) == []


class PureUnpickler(pickle._Unpickler):  # type: ignore[name-defined,misc]
    """Python's own, because the one in C reserves gigabytes for some mutated memo numbers."""

    def find_class(self, module: str, name: str) -> object:
        return unpickling._find(module, name)


def test_mutated_pickles_find_nothing_but_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a unix socket's peer is trusted with its bytes: whatever they are, no class but a message is found."""
    found: list[object] = []
    find = unpickling._find
    monkeypatch.setattr(unpickling, "_find", lambda module, name: found.append(find(module, name)) or found[-1])
    message = {"x": [1, 2.5, "text", b"bytes", (None, True)], "y": OSError(1, "no")}
    letter = pickle.dumps(message, 5)
    source = random.Random(3)
    for _ in range(10_000):
        try:
            PureUnpickler(io.BytesIO(bytes(source.choice(MUTATIONS)(source, bytearray(letter))))).load()
        except Exception:
            continue
    assert found
    assert all(isinstance(each, type) and each.__module__ == "builtins" for each in found)


def test_mutated_hellos_are_bad_frames_or_hellos() -> None:
    hello = Hello(b"s" * 16, b"i" * 16, 0, False, "127.0.0.1", 5).pack()[LENGTH.size :]
    source = random.Random(4)
    for _ in range(5_000):
        try:
            Hello.unpack(bytes(source.choice(MUTATIONS)(source, bytearray(hello))))
        except BadFrame:
            continue


def test_a_letter_has_a_limit() -> None:
    with pytest.raises(ValueError, match="over the limit"):
        pack_letter(0, 0, bytes(64 << 20))
