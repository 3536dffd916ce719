"""Large letters in parts: taken apart, put together, never in the way of others, never out of their order."""

from __future__ import annotations

import asyncio
import pickle
import random
import socket
import struct
from typing import Any

import pytest

from owactors.actorbase import protocol
from owactors.actorbase.frames import BadFrame, FrameReader
from owactors.actorbase.letters import Letter
from owactors.actorbase.limits import MAX_MESSAGE, PART_SIZE, PARTED_AT_ONCE, ROOM_BYTES, ROOM_FRAMES
from owactors.actorbase.outbox import Outbox
from owactors.actorbase.parts import LAST, PART, Assembly, Parted, PieceReader
from owactors.actorbase.protocol import LETTER, Large, pack_letter
from owactors.actorbase.sendqueue import SendQueue
from owactors.actorbase.unpickling import loads


def bodies_of(large: Large, number: int = 1) -> list[bytes]:
    """What the receiver reads of its frames."""
    parted, bodies = Parted(large, number), []
    is_last = False
    while not is_last:
        pieces, is_last = parted.next()
        bodies += [bytes(body) for body in FrameReader(None).feed(b"".join(pieces))]
    return bodies


def assembled(bodies: list[bytes]) -> Any:
    assembly = Assembly()
    for body in bodies:
        kind, number = LETTER.unpack_from(body)
        data = memoryview(body)[LETTER.size :]
        if kind == PART:
            assembly.part(number, data)
        else:
            assert kind == LAST
            return LETTER.unpack_from(data), loads(assembly.last(number, data[LETTER.size :]))
    raise AssertionError("no last part")


@pytest.mark.parametrize(
    "message",
    [
        bytes(PART_SIZE),
        random.Random(1).randbytes(3 * PART_SIZE + 17),
        {"a": bytearray(b"b" * PART_SIZE), "text": "é" * PART_SIZE, "rest": [1, "two", bytes(5)]},
        [f"{n:01000}" for n in range(2000)] + [bytes([n]) * 70_000 for n in range(9)],
    ],
    ids=["zeros", "random", "mixed", "many"],
)
def test_a_large_message_is_the_same_on_the_other_side(message: Any) -> None:
    for _ in range(2):  # the second one of a class is pickled without copies
        packed = pack_letter(3, 4, message)
        assert isinstance(packed, Large)
        bodies = bodies_of(packed)
        assert len(bodies) == -(-packed.size // PART_SIZE)
        assert assembled(bodies) == ((3, 4), message)


def test_a_class_that_gets_small_again_is_sent_in_one_frame() -> None:
    assert isinstance(pack_letter(0, 0, bytes(PART_SIZE)), Large)
    frame = pack_letter(1, 2, b"small")
    assert isinstance(frame, bytes)
    assert pickle.loads(frame[4 + LETTER.size :]) == b"small"
    assert bytes not in protocol._large_kinds


def test_a_value_that_changes_after_sending_is_sent_as_it_was() -> None:
    pack_letter(0, 0, [bytes(PART_SIZE)])
    changing = bytearray(PART_SIZE)
    packed = pack_letter(0, 0, [changing])
    changing[:] = b"x" * PART_SIZE
    assert isinstance(packed, Large)
    assert assembled(bodies_of(packed))[1] == [bytearray(PART_SIZE)]


def test_too_much_is_a_bad_frame() -> None:
    assembly = Assembly()
    for number in range(PARTED_AT_ONCE):
        assembly.part(number, memoryview(b"x"))
    with pytest.raises(BadFrame, match="at once"):
        assembly.part(PARTED_AT_ONCE, memoryview(b"x"))
    data = memoryview(bytes(MAX_MESSAGE))
    with pytest.raises(BadFrame, match="bytes"):
        assembly.part(0, data)
    with pytest.raises(BadFrame, match="bytes"):
        assembly.last(1, data)


def test_a_reader_of_pieces_is_a_file() -> None:
    reader = PieceReader([memoryview(b"ab"), memoryview(b""), memoryview(b"c\nd"), memoryview(b"ef")])
    buffer = bytearray(3)
    assert (reader.read(0), reader.read(1), reader.readline(), reader.readinto(memoryview(buffer))) == (
        b"",
        b"a",
        b"bc\n",
        3,
    )
    assert (bytes(buffer), reader.read(9), reader.readline(), reader.readinto(memoryview(buffer))) == (
        b"def",
        b"",
        b"",
        0,
    )


def test_mutated_parts_are_bad_frames_or_refused() -> None:
    source = random.Random(5)
    bodies = bodies_of(pack_letter(1, 2, {"data": source.randbytes(2 * PART_SIZE), "more": list(range(50))}))  # type: ignore[arg-type]
    for _ in range(300):
        changed = [bytearray(body) for body in bodies]
        for _ in range(source.randrange(1, 4)):
            victim = source.choice(changed)
            victim[source.choice([source.randrange(40), source.randrange(len(victim))]) % len(victim)] ^= (
                1 << source.randrange(8)
            )
        if source.random() < 0.3:
            del changed[source.randrange(len(changed))][source.randrange(40) :]
        try:
            assembled([bytes(each) for each in changed])
        except (
            BadFrame,
            struct.error,
            AssertionError,
            pickle.UnpicklingError,
            EOFError,
            ValueError,
            TypeError,
            MemoryError,
            KeyError,
            IndexError,
            AttributeError,
            UnicodeDecodeError,
            OverflowError,
            ImportError,
        ):
            continue


# -- the queue


class Posted(Letter):
    def __init__(self, name: str, frame: bytes | Large) -> None:
        super().__init__(None, name, frame)


def small(name: str, target: int = 1) -> Posted:
    return Posted(name, pack_letter(target, 7, name))


def large(name: str, target: int = 1, size: int = 3 * PART_SIZE) -> Posted:
    packed = pack_letter(target, 7, (name, bytes(size)))
    assert isinstance(packed, Large)
    return Posted(name, packed)


class Collected(Outbox):
    """Frames that were added."""

    def __init__(self) -> None:
        super().__init__(asyncio.new_event_loop(), socket.socket(), None, lambda _: None)
        self.frames: list[bytes] = []
        self._loop.close()
        self._sock.close()

    def add(self, *pieces: bytes | memoryview) -> None:
        self.frames.append(b"".join(pieces))


class Wire:
    """A queue with a connection; `arrived` are the names of letters in the order in which they are whole."""

    def __init__(self) -> None:
        self.queue, self.outbox = SendQueue(), Collected()

    def put(self, *letters: Posted) -> None:
        for letter in letters:
            frame = self.queue.put(letter)
            if frame is not None:
                self.outbox.add(frame)

    def feed(self, times: int = 1000) -> None:
        while times:
            before = len(self.outbox.frames)
            if not self.queue.feed(self.outbox):
                return
            assert len(self.outbox.frames) > before
            times -= 1

    @property
    def arrived(self) -> list[str]:
        names, assembly = [], Assembly()
        for frame in self.outbox.frames:
            kind, number = LETTER.unpack_from(frame, 4)
            data = memoryview(frame)[4 + LETTER.size :]
            if kind == PART:
                assembly.part(number, data)
            elif kind == LAST:
                names.append(loads(assembly.last(number, data[LETTER.size :]))[0])
            else:
                names.append(loads(data))
        return names


@pytest.fixture
def wire() -> Wire:
    return Wire()


def test_small_letters_overtake_a_large_one_but_not_those_of_its_own_pair(wire: Wire) -> None:
    wire.put(small("a"), large("B"), small("c"), small("d", target=2))
    wire.feed(1)
    wire.put(small("e", target=2), small("f"))
    wire.feed()
    assert wire.arrived == ["a", "d", "e", "B", "c", "f"]
    assert [letter.message for letter in wire.queue.letters()] == wire.arrived


def test_large_letters_of_different_pairs_share_the_connection(wire: Wire) -> None:
    wire.put(large("A", 1, 20 * PART_SIZE), *[large(f"B{n}", n) for n in range(2, 9)], large("C"))
    wire.feed()
    assert wire.arrived[-2:] == ["A", "C"]
    assert sorted(wire.arrived[:-2]) == [f"B{n}" for n in range(2, 9)]


def test_after_a_break_everything_is_written_again_in_its_order(wire: Wire) -> None:
    wire.put(small("a"), large("B"), small("c"), large("D", 2), small("e", 3))
    wire.feed(5)
    wire.outbox = Collected()
    wire.queue.restart()
    wire.put(small("f", 3))
    wire.feed()
    assert [each for each in wire.arrived if each in "Bc"] == ["B", "c"]
    assert [each for each in wire.arrived if each in "ef"] == ["e", "f"]
    assert sorted(wire.arrived) == ["B", "D", "a", "c", "e", "f"]
    numbered = [letter.message for letter in wire.queue.letters()]
    assert numbered == wire.arrived
    first = wire.arrived[:4]
    assert [letter.message for letter in wire.queue.acknowledged(4)] == first
    wire.outbox = Collected()
    wire.queue.restart()
    wire.feed()
    assert wire.arrived == numbered[4:]


def test_random_breaks_never_change_the_order_of_a_pair() -> None:
    source = random.Random(6)
    for _ in range(60):
        wire, got, posted = Wire(), [], 0
        acked = 0
        while posted < 40 or wire.queue:
            step = source.random()
            if posted < 40 and step < 0.5:
                make = large if source.random() < 0.3 else small
                target = source.randrange(1, 4)
                wire.put(make(f"{target}:{posted}", target, *([PART_SIZE + 1] if make is large else [])))
                posted += 1
            elif step < 0.8:
                wire.feed(source.randrange(1, 4))
            else:  # the receiver tells what it has, then perhaps the connection breaks
                count = source.randrange(len(wire.arrived) + 1) if posted < 40 else len(wire.arrived)
                count = max(0, min(count - acked, len(wire.arrived) - acked))
                got += [letter.message for letter in wire.queue.acknowledged(count)]
                acked += count
                if source.random() < 0.3 or posted >= 40:
                    wire.outbox, acked = Collected(), 0
                    wire.queue.restart()
                    wire.feed(1000 if posted >= 40 else 0)
        for target in "123":
            numbers = [int(name[2:]) for name in got if name[0] == target]
            assert numbers == sorted(numbers)
        assert len(got) == 40


def test_acknowledging_more_than_was_sent_is_a_bad_frame(wire: Wire) -> None:
    wire.put(small("a"), large("B"))
    with pytest.raises(BadFrame):
        wire.queue.acknowledged(2)


def test_who_waits_for_room_goes_on_when_there_is_some() -> None:
    async def play() -> None:
        wire = Wire()
        await wire.queue.room()
        wire.put(*[small("x") for _ in range(ROOM_FRAMES)])
        waiting = [asyncio.ensure_future(wire.queue.room()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        assert not any(each.done() for each in waiting[1:])
        wire.queue.acknowledged(1)
        await asyncio.gather(*waiting[1:])
        wire.put(large("B", 2, ROOM_BYTES))
        last = asyncio.ensure_future(wire.queue.room())
        await asyncio.sleep(0)
        assert not last.done()
        assert len(wire.queue.give_up()) == ROOM_FRAMES
        await last

    asyncio.run(play())
