"""Frames: splitting, sealing, and what is noticed."""

from __future__ import annotations

import random

import pytest

from owactors.actorbase.frames import LENGTH, SEAL_SIZE, BadFrame, FrameReader, Seal, pack
from owactors.actorbase.limits import MAX_FRAME

KEY = b"k" * 32
BODIES = [b"", b"a", b"b" * 1000, b"c" * 70_000]


def sealed(bodies: list[bytes]) -> list[bytes]:
    seal = Seal(KEY)
    return [frame + seal.seal(frame) for frame in map(pack, bodies)]


def test_frames_come_out_as_they_went_in_however_they_are_cut() -> None:
    stream = b"".join(map(pack, BODIES))
    for step in (1, 3, 999, len(stream)):
        reader = FrameReader(None)
        got = [body for at in range(0, len(stream), step) for body in reader.feed(stream[at : at + step])]
        assert got == BODIES


def test_sealed_frames_come_out_however_they_are_cut() -> None:
    stream = b"".join(sealed(BODIES))
    for step in (1, 33, len(stream)):
        reader = FrameReader(Seal(KEY))
        got = [body for at in range(0, len(stream), step) for body in reader.feed(stream[at : at + step])]
        assert got == BODIES


@pytest.mark.parametrize("at", [0, 3, 4, 10, LENGTH.size + 1000, LENGTH.size + 1000 + SEAL_SIZE - 1])
def test_any_changed_byte_is_noticed(at: int) -> None:
    frame = bytearray(sealed([b"x" * 1000])[0])
    frame[at] ^= 1
    reader = FrameReader(Seal(KEY))
    try:
        bodies = reader.feed(bytes(frame))
    except BadFrame:
        return
    assert bodies == []  # a longer length: nothing comes out, and the next frame will not fit


@pytest.mark.parametrize(
    "change",
    [
        lambda frames: [frames[1]],
        lambda frames: [frames[0], frames[0]],
        lambda frames: [frames[1], frames[0]],
        lambda frames: [frames[0], frames[2]],
    ],
    ids=["left out", "repeated", "moved", "one missing"],
)
def test_every_frame_has_its_place(change: object) -> None:
    frames = sealed([b"one", b"two", b"three"])
    reader = FrameReader(Seal(KEY))
    with pytest.raises(BadFrame, match="wrong seal"):
        reader.feed(b"".join(change(frames)))  # type: ignore[operator]


def test_a_frame_of_another_direction_or_connection_is_refused() -> None:
    with pytest.raises(BadFrame):
        FrameReader(Seal(b"o" * 32)).feed(sealed([b"one"])[0])


def test_an_oversized_length_is_refused_before_the_body_comes() -> None:
    with pytest.raises(BadFrame, match="frame of"):
        FrameReader(None).feed(LENGTH.pack(MAX_FRAME + 1))
    with pytest.raises(BadFrame):
        FrameReader(None, limit=64).feed(LENGTH.pack(65))


def test_an_oversized_body_is_refused_by_the_sender() -> None:
    with pytest.raises(ValueError, match="over the limit"):
        pack(bytes(MAX_FRAME + 1))


def test_large_and_small_frames_come_out_however_they_are_received() -> None:
    source = random.Random(1)
    sizes = [70_000, 0, 33_000, MAX_FRAME, MAX_FRAME, 5, 40_000, 1, 2, 3, 90_000]
    bodies = [source.randbytes(size) for size in sizes]
    for secret in (None, KEY):
        stream = b"".join(sealed(bodies) if secret else map(pack, bodies))
        for _ in range(60):
            reader, got, at = FrameReader(Seal(secret) if secret else None), [], 0
            while at < len(stream):
                size = source.choice([1, 4, 40_000, 300_000])
                if reader.room is not None and source.random() < 0.7:
                    size = min(size, len(reader.room), len(stream) - at)
                    reader.room[:size] = stream[at : at + size]
                    got += [bytes(body) for body in reader.filled(size)]
                else:
                    got += [bytes(body) for body in reader.feed(stream[at : at + size])]
                at += size
            assert got == bodies


def test_a_large_frame_is_not_copied_again_and_again() -> None:
    reader = FrameReader(None)
    frame = pack(bytes(MAX_FRAME))
    bodies = [body for at in range(0, len(frame), 4096) for body in reader.feed(frame[at : at + 4096])]
    assert [len(body) for body in bodies] == [MAX_FRAME]
