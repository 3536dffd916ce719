"""What a controller can tell beside its records: the story of one activation, and records as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from itertools import groupby
from typing import Protocol

from attrs import evolve, field, frozen

from owactors.core.controller.rejection import Rejection
from owactors.entity.activation import STATUS_TEXT
from owactors.message.livelogs import PrintedLine
from owactors.message.payload import json_bytes
from owactors.message.story import Story
from owactors.rest.answer import Answer, Headers
from owactors.rest.ports import Json
from owactors.rest.records import shown_record

EXPLAIN, FOLLOW = "explain", "follow"
EVENT_STREAM = b"text/event-stream"
HEARTBEAT_SECONDS = 15.0
_RECORD = "record"


class Followed(Protocol):
    """Records that come one by one, and perhaps lines of logs before them."""

    async def next(self) -> Json | tuple[PrintedLine, ...] | None:
        """The next record or lines, None when no more will come."""

    def close(self) -> None:
        """Nobody wants more."""


@frozen
class Telling:
    """Filled by the controller's actor.

    `story` finds what was noted of an activation, None if nothing was. `follow` gives the records of a namespace
    that are kept from now on, of one action (`action` or `package/action`) if it is named, and if that is wanted lines
    of logs while activations run; it ends with the server. `logs` reads back the log, kept out of band, of an
    activation that began at a time (epoch ms); None if it is not within reach.
    """

    story: Callable[[str], Awaitable[Story | None]]
    follow: Callable[[str, str | None, bool], Followed] | None = None
    logs: Callable[[str, int], Awaitable[tuple[str, ...] | None]] | None = None


@frozen
class Streamed(Answer):
    """An answer whose body comes in pieces."""

    chunks: AsyncGenerator[bytes, None] = field(kw_only=True)

    def with_headers(self, more: Headers) -> Streamed:
        """As Answer.with_headers."""
        return evolve(self, headers=self.headers + more)


# --- one activation


def explained(activation_id: str, namespace: str, story: Story | None, record: Json | None) -> Json:
    """`{activationId, ended, status?, steps: [{at, after, who, what}]}`; `after` counts ms from the first step.

    `story` belongs to the namespace. Rejection 404 if nothing is known.
    """
    if story is None and record is None:
        raise Rejection(404)
    steps = [(step.at, step.who, step.what) for step in story.steps] if story else []
    if record is not None:
        steps += _told_by(record, only_end=bool(steps))
    steps.sort(key=lambda step: step[0])
    shown = [{"at": at, "after": at - steps[0][0], "who": who, "what": what} for at, who, what in steps]
    found: Json = {"activationId": activation_id, "namespace": namespace, "ended": record is not None}
    if record is not None:
        found["name"] = record.get("name")
        found["status"] = _status(record)
    return {**found, "steps": shown}


def _status(record: Json) -> str:
    return STATUS_TEXT.get(record.get("response", {}).get("statusCode", 0), "unknown")


def _told_by(record: Json, only_end: bool) -> list[tuple[int, str, str]]:
    """What the record itself says; only how it ended where more is known from the notes."""
    noted = {entry["key"]: entry["value"] for entry in record.get("annotations", ())}
    start, end = record.get("start", 0), record.get("end") or record.get("start", 0)
    steps = []
    if not only_end:
        if "waitTime" in noted:
            steps.append((start - noted["waitTime"], _RECORD, "accepted"))
            steps.append((start, _RECORD, f"began after {noted['waitTime']} ms of waiting for a container"))
        else:
            steps.append((start, _RECORD, "began"))
        if "initTime" in noted:
            init = noted["initTime"]
            steps.append((start + init, _RECORD, f"the container was cold: initializing took {init} ms"))
    return [*steps, (end, _RECORD, _ending(record, noted, end - start))]


def _ending(record: Json, noted: Json, duration: int) -> str:
    text = f"ended after {duration} ms: {_status(record)}"
    if noted.get("timeout"):
        text += ", its time was up"
    result = record.get("response", {}).get("result")
    error = result.get("error") if isinstance(result, dict) else None
    if record.get("response", {}).get("statusCode") and error is not None:
        text += f": {error if isinstance(error, str) else json_bytes(error).decode()}"
    return text[:1000]


# --- records as they come


def streamed(records: Followed) -> Streamed:
    """Server-sent events: one `activation` with the record for each, a comment when nothing has come for a while.

    What is printed before comes as `log` with `{activationId, name, lines}`.
    """
    headers = ((b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no"))
    return Streamed(200, b"", EVENT_STREAM, headers, chunks=_events(records))


async def _events(records: Followed) -> AsyncGenerator[bytes, None]:
    coming = asyncio.ensure_future(records.next())
    try:
        yield b": records follow\n\n"
        while True:
            await asyncio.wait((coming,), timeout=HEARTBEAT_SECONDS)
            if not coming.done():
                yield b": still here\n\n"
                continue
            found = coming.result()
            if found is None:
                return
            coming = asyncio.ensure_future(records.next())
            for event in _printed(found) if isinstance(found, tuple) else (_event("activation", shown_record(found)),):
                yield event
    finally:
        coming.cancel()
        records.close()


def _printed(lines: tuple[PrintedLine, ...]) -> Iterator[bytes]:
    for (activation_id, name), together in groupby(lines, key=lambda line: (line.activation_id, line.name)):
        texts = [line.text for line in together]
        yield _event("log", {"activationId": activation_id, "name": name, "lines": texts})


def _event(kind: str, data: Json) -> bytes:
    return b"event: %s\nid: %s\ndata: %s\n\n" % (kind.encode(), data["activationId"].encode(), json_bytes(data))
