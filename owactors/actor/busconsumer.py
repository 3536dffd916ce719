"""A consumer on the bus: a member of the group of a topic on every hub that has it."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from functools import partial
from typing import Any

from attrs import define, field

from owactors.actor.bus import Bus
from owactors.connector.port import (
    BrokerUnavailable,
    ConnectorClosed,
    ConnectorError,
    FencedInstance,
    NoSuchTopic,
    Record,
)
from owactors.message.bus import BusCommit, BusLag, BusPeek, CloseReader

#: a peek at a hub waits so long, and after trouble with it this long passes
LONG_POLL, REST = 1.0, 0.2
#: a commit is given up earlier than other questions (seconds): what other hubs have waits behind it
COMMIT_SOONER = -3.0


@define(eq=False)
class _Source:
    """One hub, this consumer's name there, what was read from it, and the task that reads."""

    hub: Any
    reader: str
    came: deque[Record] = field(factory=deque)
    #: all of it was handed out
    taken: asyncio.Event = field(factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    rests_until: float = 0.0


class BusConsumer:
    """See `owactors.connector.port.Consumer`. A peek gives records of one hub, each hub in turn."""

    def __init__(self, bus: Bus, topic: str, group: str, max_peek: int, instance: str | None) -> None:
        self.topic, self.group, self.max_peek, self.instance = topic, group, max_peek, instance
        self._bus = bus
        self._sources: dict[str, _Source] = {}
        #: handed out and not committed
        self._handed: deque[tuple[_Source, str, Record]] = deque()
        self._news = asyncio.Event()
        self._fenced: FencedInstance | None = None
        self._missing: NoSuchTopic | None = None
        self._closed = False

    async def peek(self, max_records: int | None = None, timeout: float = 0.5) -> list[Record]:
        """Whatever hub they come from."""
        self._check()
        self._follow()
        source = self._next()
        if source is None:
            self._news.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._check()
            source = self._next()
        if source is None:
            return []
        count = min(max_records or self.max_peek, self.max_peek, len(source.came))
        taken = [source.came.popleft() for _ in range(count)]
        if not source.came:
            source.taken.set()
        self._handed.extend((source, source.reader, record) for record in taken)
        return taken

    def _next(self) -> _Source | None:
        """The next hub of which something is there; it goes to the end of the line."""
        now = asyncio.get_running_loop().time()
        for name, source in self._sources.items():
            if source.came and source.rests_until <= now:
                self._sources[name] = self._sources.pop(name)
                return source
        return None

    async def commit(self, upto: Record | None = None) -> None:
        """On each hub of which something was handed out."""
        self._check()
        batches: dict[str, tuple[_Source, list[Record]]] = {}
        while self._handed:
            source, reader, record = self._handed.popleft()
            batches.setdefault(reader, (source, []))[1].append(record)
            if record is upto:
                break
        failures = [await self._commit(reader, source, records) for reader, (source, records) in batches.items()]
        for failure in failures:
            if failure is not None:
                raise failure

    async def _commit(self, reader: str, source: _Source, records: list[Record]) -> ConnectorError | None:
        """What went wrong; then nothing of this hub counts as peeked that was not committed."""
        question = partial(BusCommit, topic=self.topic, reader=reader, offset=records[-1].offset)
        try:
            if reader == source.reader:
                await self._bus.ask(source.hub, question, COMMIT_SOONER)
        except ConnectorError as problem:
            if reader == source.reader:
                return self._not_committed(source, records, problem)
        # as another reader it is given again what the former one has not committed
        return None if reader == source.reader else BrokerUnavailable("the hub is read anew")

    def _not_committed(self, source: _Source, records: list[Record], problem: ConnectorError) -> ConnectorError:
        if isinstance(problem, FencedInstance):
            self._fenced = problem
            return problem
        later = [record for handed, _, record in self._handed if handed is source]
        self._handed = deque(each for each in self._handed if each[0] is not source)
        source.came.extendleft(reversed([*records, *later]))
        source.rests_until = asyncio.get_running_loop().time() + REST
        return problem

    async def lag(self) -> int:
        """Of all hubs together."""
        self._check()
        self._follow(reading=False)
        lags = [await self._lag(source) for source in self._sources.values()]
        return sum(lags) + sum(len(source.came) for source in self._sources.values())

    async def _lag(self, source: _Source) -> int:
        who: dict[str, Any] = {"reader": source.reader, "group": self.group, "instance": self.instance}
        question = partial(BusLag, topic=self.topic, **who)
        count: int = await self._bus.ask(source.hub, question)
        return count

    async def close(self) -> None:
        """Leaves the groups."""
        self._closed = True
        self._news.set()
        for source in self._sources.values():
            if source.task is not None:
                source.task.cancel()
            question = partial(CloseReader, topic=self.topic, reader=source.reader)
            try:
                async with asyncio.timeout(1):
                    await self._bus.ask(source.hub, question)
            except (TimeoutError, ConnectorError):
                pass

    def _check(self) -> None:
        if self._closed:
            raise ConnectorClosed(f"the consumer of {self.topic} is closed")
        if self._fenced is not None:
            raise self._fenced
        missing, self._missing = self._missing, None
        if missing is not None:
            raise missing

    # -- one task per hub

    def _follow(self, *, reading: bool = True) -> None:
        """Reads from every hub there is, and from none that is gone."""
        own = self._bus.settings.controller
        hubs = {own: self._bus.hubs[own]} if own in self._bus.hubs else self._bus.hubs
        for name in [name for name, source in self._sources.items() if hubs.get(name) != source.hub]:
            gone = self._sources.pop(name)
            if gone.task is not None:
                gone.task.cancel()
        for name, hub in hubs.items():
            source = self._sources.setdefault(name, _Source(hub, uuid.uuid4().hex))
            if reading and (source.task is None or source.task.done()):
                source.task = asyncio.get_running_loop().create_task(self._read(source))

    async def _read(self, source: _Source) -> None:
        while not self._closed:
            if source.came:  # whoever is in no hurry gets more at a time
                source.taken.clear()
                await source.taken.wait()
                continue
            try:
                await self._read_once(source)
            except FencedInstance as fenced:
                self._fenced = fenced
                self._news.set()
                return
            except NoSuchTopic as missing:
                await self._make(source, missing)
            except ConnectorError:
                # the hub may have given what never came: as another reader it is given what is not committed
                source.reader = uuid.uuid4().hex
                source.came.clear()
                await asyncio.sleep(REST)

    async def _make(self, source: _Source, missing: NoSuchTopic) -> None:
        """A hub that is new has the topic not yet; if nobody ensured it, the reader is told."""
        try:
            await self._bus.made(source.hub, self.topic)
        except NoSuchTopic:
            self._missing = missing
            self._news.set()
            await asyncio.sleep(REST)
        except ConnectorError:
            await asyncio.sleep(REST)

    async def _read_once(self, source: _Source) -> None:
        who: dict[str, Any] = {"reader": source.reader, "group": self.group, "instance": self.instance}
        question = partial(BusPeek, topic=self.topic, max_records=self.max_peek, timeout=LONG_POLL, **who)
        for offset, sent, payload in await self._bus.ask(source.hub, question, LONG_POLL):
            source.came.append(Record(self.topic, 0, offset, sent, payload))
        if source.came:
            self._news.set()
