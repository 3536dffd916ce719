"""The mutual challenge: who gets through, and what every other byte leads to."""

from __future__ import annotations

import pytest

from owactors.actorbase.handshake import GREETING, PROOF, Answerer, Caller, HandshakeFailed

KEY, OTHER = b"k" * 32, b"o" * 32


def meet(caller: Caller, answerer: Answerer, step: int = 1000) -> None:
    """Run the handshake, bytes arriving in pieces."""
    challenge = feed(answerer, caller.greeting(), step)
    proof = feed(caller, challenge, step)
    feed(answerer, proof, step)


def feed(side: Caller | Answerer, data: bytes, step: int) -> bytes:
    return b"".join(side.receive(data[at : at + step]) for at in range(0, len(data), step))


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_both_sides_with_the_key_agree_on_keys(step: int) -> None:
    caller, answerer = Caller(KEY), Answerer(KEY)
    meet(caller, answerer, step)
    assert caller.done
    assert answerer.done
    assert caller.call_key() == answerer.call_key() != caller.answer_key() == answerer.answer_key()


def test_every_connection_has_keys_of_its_own() -> None:
    keys = set()
    for _ in range(3):
        caller, answerer = Caller(KEY), Answerer(KEY)
        meet(caller, answerer)
        keys.add(caller.call_key())
    assert len(keys) == 3


def test_the_caller_notices_an_answerer_without_the_key() -> None:
    caller, answerer = Caller(KEY), Answerer(OTHER)
    with pytest.raises(HandshakeFailed, match="wrong key"):
        caller.receive(answerer.receive(caller.greeting()))


def test_the_answerer_notices_a_caller_without_the_key() -> None:
    caller, answerer = Caller(KEY), Answerer(KEY)
    answerer.receive(caller.greeting())
    with pytest.raises(HandshakeFailed, match="wrong key"):
        answerer.receive(bytes(PROOF))
    assert not answerer.done


def test_a_recorded_caller_cannot_be_replayed() -> None:
    caller, answerer = Caller(KEY), Answerer(KEY)
    greeting = caller.greeting()
    proof = caller.receive(answerer.receive(greeting))
    answerer.receive(proof)
    second = Answerer(KEY)
    second.receive(greeting)
    with pytest.raises(HandshakeFailed):
        second.receive(proof)


def test_a_proof_cannot_be_reflected() -> None:
    caller = Caller(KEY)
    greeting = caller.greeting()
    with pytest.raises(HandshakeFailed):
        caller.receive(greeting + bytes(PROOF))
    caller, answerer = Caller(KEY), Answerer(KEY)
    challenge = answerer.receive(caller.greeting())
    with pytest.raises(HandshakeFailed):
        answerer.receive(challenge[GREETING:])


@pytest.mark.parametrize("side", [Caller, Answerer])
@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n", b"\0" * 36, b"OWA0" + bytes(32), b"\x80\x05"])
def test_other_protocols_are_refused_at_the_first_byte_that_differs(side: type[Caller | Answerer], data: bytes) -> None:
    with pytest.raises(HandshakeFailed, match="no greeting"):
        side(KEY).receive(data)


def test_bytes_after_the_handshake_are_kept_for_the_frames() -> None:
    caller, answerer = Caller(KEY), Answerer(KEY)
    proof = caller.receive(answerer.receive(caller.greeting()))
    answerer.receive(proof + b"frames")
    assert answerer.done
    assert answerer.rest() == b"frames"
