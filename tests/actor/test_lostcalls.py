"""What was accepted and lost gets a record with the reason, whatever kind of call it was."""

import asyncio
import json
from pathlib import Path
from typing import Any

from owactors.actor.lostcalls import REASON, end_lost_calls
from owactors.store.memory.store import MemoryStore

SAMPLES = Path(__file__).parent.parent / "data" / "wire_samples"
ACTION = (SAMPLES / "activation_message.json").read_bytes()
TRIGGER = json.loads((SAMPLES / "activation_doc_trigger.json").read_text())


def after_a_crash(activation_id: str, message: bytes) -> dict[str, Any]:
    async def crash() -> dict[str, Any]:
        store = MemoryStore()
        await store.activations.accept(activation_id, "mira", message)
        assert await end_lost_calls(store.activations, 5000) == 1
        assert await store.activations.unfinished() == ()
        return await store.activations.get("mira", activation_id)

    return asyncio.run(crash())


def test_an_action() -> None:
    message = json.loads(ACTION)
    record = after_a_crash(message["activationId"], ACTION)
    assert record["name"] == message["action"]["name"]
    assert record["response"] == {"statusCode": 3, "result": {"error": REASON}}


def test_a_trigger() -> None:
    record = after_a_crash(TRIGGER["activationId"], json.dumps({"trigger": TRIGGER}).encode())
    assert record["name"] == TRIGGER["name"]
    assert record["response"]["statusCode"] == 3
    assert record["end"] == 5000


def test_what_cannot_be_read() -> None:
    for message in (b"", b"\xff", b"[]", b'{"trigger": 5}', b"{}"):
        record = after_a_crash("a" * 32, message)
        assert record["response"]["result"] == {"error": REASON}
