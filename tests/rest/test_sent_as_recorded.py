"""The same REST calls that a running OpenWhisk answered: what goes onto topics for them is what it sent.

That is: messages for invokers, what other controllers are to forget, and user events. So are the documents, and the
records of sequences, compositions and triggers.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from attrs import evolve

from owactors.entity.limits import Bounds, LimitBounds
from owactors.rest.ports import RestSettings
from tests.message.recordings import recorded
from tests.rest.recordedcalls import documents, recorded_calls
from tests.rest.recordedreplay import MADE_BEFORE, Replay
from tests.rest.world import UNLIMITED, World


@pytest.fixture(scope="module")
def replay() -> Replay:
    """After all calls."""

    async def play() -> Replay:
        limits = evolve(UNLIMITED, bounds=LimitBounds(concurrency=Bounds(1, 1, 4)))
        replay = await Replay.begun(World(RestSettings(limits=limits, slow_poll=0.01)))
        for call in recorded_calls():
            await replay.play(call)
        return replay

    return asyncio.run(play())


def test_what_the_same_call_leaves_on_topics_is_the_same(replay: Replay) -> None:
    """All of it: messages for invokers but those that test them, invalidations, the controllers' events."""
    replay.none_left()
    calls = [message for message in recorded("invoker") if not message.call.startswith("HEALTH")]
    told = [event for event in recorded("events") if event.value["source"].startswith("controller")]
    forgotten = list(recorded("cacheInvalidation"))
    assert replay.compared == {"message": len(calls), "event": len(told), "forgotten": len(forgotten), "record": 14}
    assert (len(calls), len(told), len(forgotten)) == (106, 106, 49)


def comparable(document: dict[str, Any]) -> dict[str, Any]:
    """Without time, revision, ciphers and the form in which small code is kept; of large code without its name."""
    own = {"_rev": 0, "updated": 0, "_attachments": len(document.get("_attachments", ()))}
    exec = document.get("exec", {})
    code = exec.get("code")
    beside = isinstance(code, dict) and code["attachmentName"].startswith("couch:")
    changed = {**document, **own, "exec": {**exec, "code": {**code, "attachmentName": 0} if beside else 0}}
    for name in {"parameters", "annotations"} & document.keys():
        entries = [{**entry, "value": "locked"} if "encryption" in entry else entry for entry in document[name]]
        changed[name] = sorted(entries, key=lambda entry: str(entry["key"]))
    return changed


def test_what_the_same_call_leaves_in_the_database_is_the_same(replay: Replay) -> None:
    played = {call.name for call in recorded_calls()} - MADE_BEFORE.keys() | {"R001", "R041"}
    kept = documents(played)
    for doc_id, document in kept.items():
        assert comparable(asyncio.run(replay.world.store.entities.get(doc_id))) == comparable(document), doc_id
    assert len(kept) > 30
