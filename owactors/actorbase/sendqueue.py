"""What is on its way to one peer process: the order of writing, what was not acknowledged, who waits for room."""

from __future__ import annotations

import asyncio
from collections import deque

from owactors.actorbase.frames import BadFrame
from owactors.actorbase.letters import Letter
from owactors.actorbase.limits import (
    GATHER,
    MAX_UNACKED_BYTES,
    MAX_UNACKED_FRAMES,
    PARTED_AT_ONCE,
    ROOM_BYTES,
    ROOM_FRAMES,
)
from owactors.actorbase.outbox import Outbox
from owactors.actorbase.parts import Parted
from owactors.actorbase.protocol import Large, pair_of


class Bulk:
    """A large letter that is being sent, and the letters of the same pair of actors that must not overtake it."""

    __slots__ = ("followers", "large", "letter", "parted")

    def __init__(self, letter: Letter, large: Large) -> None:
        self.letter, self.large = letter, large
        self.parted: Parted | None = None
        self.followers: deque[Letter] = deque()


class SendQueue:
    """Letters from submit() to their acknowledgement. Small ones are written at once, large ones in turns."""

    def __init__(self) -> None:
        self._sent: deque[Letter] = deque()
        """In the order of their numbers: written once at least, or as soon as there is a connection."""
        self._again: deque[Letter] = deque()
        """The end of these that is still to be written on this connection."""
        self._rewriting: Parted | None = None
        self._bulks: deque[Bulk] = deque()
        self._pairs: dict[bytes, Bulk] = {}
        self._count = self._bytes = self._numbers = 0
        self._waiters: list[asyncio.Future[None]] = []

    def __len__(self) -> int:
        return self._count

    @property
    def full(self) -> bool:
        """No more letters are taken."""
        return self._count >= MAX_UNACKED_FRAMES or self._bytes >= MAX_UNACKED_BYTES

    @property
    def overfull(self) -> bool:
        """Not even those that are exempt from the limits."""
        return self._count >= 2 * MAX_UNACKED_FRAMES or self._bytes >= 2 * MAX_UNACKED_BYTES

    @property
    def has_room(self) -> bool:
        """A sender that can wait need not."""
        return self._count < ROOM_FRAMES and self._bytes < ROOM_BYTES

    async def room(self) -> None:
        """Wait for room; there is room at once when the peer is given up."""
        while not self.has_room:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    def letters(self) -> list[Letter]:
        """All of them."""
        bulks = [each for bulk in self._bulks for each in (bulk.letter, *bulk.followers)]
        return [*self._sent, *bulks]

    # -- in

    def put(self, letter: Letter) -> bytes | None:
        """Take a letter; its frame, if it may be written at once."""
        frame = letter.frame
        self._count += 1
        self._bytes += len(frame)
        if self._pairs and (bulk := self._pairs.get(pair_of(frame))) is not None:
            bulk.followers.append(letter)
            return None
        if isinstance(frame, Large):
            self._add_bulk(Bulk(letter, frame))
            return None
        self._sent.append(letter)
        if self._again or self._rewriting is not None:
            self._again.append(letter)
            return None
        return frame

    def _add_bulk(self, bulk: Bulk) -> None:
        self._bulks.append(bulk)
        self._pairs[bulk.large.pair] = bulk

    # -- out

    def restart(self) -> None:
        """There is a new connection: what was not acknowledged is written again."""
        self._again, self._rewriting = deque(self._sent), None
        for bulk in self._bulks:
            bulk.parted = None

    def unwritten(self) -> bool:
        return bool(self._again or self._rewriting or self._bulks)

    def feed(self, outbox: Outbox) -> bool:
        """Add what comes next to an empty outbox, a little at a time; False if there is nothing, and only then."""
        if self._rewriting is not None:
            self._rewrite_part(outbox, self._rewriting)
        elif self._again:
            self._rewrite(outbox)
        elif self._bulks:
            self._advance(outbox)
        else:
            return False
        return True

    def _rewrite(self, outbox: Outbox) -> None:
        size = 0
        while self._again and size < GATHER:
            frame = self._again.popleft().frame
            if isinstance(frame, Large):
                self._rewriting = self._parted(frame)
                if not size:
                    self._rewrite_part(outbox, self._rewriting)
                return
            outbox.add(frame)
            size += len(frame)

    def _rewrite_part(self, outbox: Outbox, parted: Parted) -> None:
        pieces, is_last = parted.next()
        outbox.add(*pieces)
        if is_last:
            self._rewriting = None

    def _parted(self, large: Large) -> Parted:
        self._numbers += 1
        return Parted(large, self._numbers)

    def _advance(self, outbox: Outbox) -> None:
        """One part of the first large letter; then it is the next one's turn."""
        bulk = self._bulks.popleft()
        if bulk.parted is None:
            bulk.parted = self._parted(bulk.large)
        pieces, is_last = bulk.parted.next()
        outbox.add(*pieces)
        if is_last:
            self._completed(bulk, outbox)
        else:
            self._bulks.insert(min(len(self._bulks), PARTED_AT_ONCE - 1), bulk)

    def _completed(self, bulk: Bulk, outbox: Outbox) -> None:
        self._sent.append(bulk.letter)
        del self._pairs[bulk.large.pair]
        while bulk.followers:
            letter = bulk.followers.popleft()
            if isinstance(letter.frame, Large):
                following = Bulk(letter, letter.frame)
                following.followers = bulk.followers
                self._add_bulk(following)
                return
            self._sent.append(letter)
            outbox.add(letter.frame)

    # -- done

    def acknowledged(self, count: int) -> list[Letter]:
        """The first so many letters are done. BadFrame if there are not so many."""
        if not 0 <= count <= len(self._sent):
            raise BadFrame(f"acknowledgement of {count} letters of {len(self._sent)}")
        return self._remove([self._sent.popleft() for _ in range(count)])

    def give_up(self) -> list[Letter]:
        """All letters; the queue is empty then."""
        letters = self.letters()
        for each in (self._sent, self._again, self._bulks, self._pairs):
            each.clear()
        self._rewriting = None
        return self._remove(letters)

    def _remove(self, letters: list[Letter]) -> list[Letter]:
        self._count -= len(letters)
        self._bytes -= sum(len(letter.frame) for letter in letters)
        if self._waiters and self.has_room:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
        return letters
